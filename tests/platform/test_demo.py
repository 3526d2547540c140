"""Demo data: what one signs in with after `make run`, and where it never goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from time import process_time

import pytest
from click import ClickException
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.storage import storage_from
from portal.cli.demo import SIGN_INS, fill_if_empty
from portal.domain.accounts import passwords
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.courses import catalogue, queries
from portal.domain.courses.models import Course, Intake, Seat
from portal.domain.enrolments import queries as enrolments
from portal.domain.enrolments.materials import modules_for
from portal.domain.live_classes.models import LiveClass
from portal.keeping.invariants import Look, check
from portal.settings import Settings

SECONDS = 10  # of work of this process; how busy the machine is does not count


def test_an_empty_portal_is_filled_once_and_quickly(
    live_settings: Settings, portal_engine: Engine, live_engine: Engine
) -> None:
    began = process_time()
    assert fill_if_empty(live_settings) is True
    assert process_time() - began < SECONDS
    db.bind(portal_engine)
    with Session(live_engine) as world:
        people = {user.email: user for user in world.scalars(select(User))}
        for name, (_, _, role) in SIGN_INS.items():
            person = people[f"{name}@demo.test"]
            assert person.role == role
            assert passwords.verify(person.password_hash, live_settings.demo_password)
        before = world.scalar(select(func.count()).select_from(Course))
    assert fill_if_empty(live_settings) is False
    with Session(live_engine) as world:
        assert world.scalar(select(func.count()).select_from(Course)) == before
        _says_what_it_should(world, people)
    db.bind(portal_engine)
    answers = check(Look(storage_from(live_settings), datetime.now(UTC)))
    assert [(answer.invariant.name, answer.found.wrong) for answer in answers if not answer.found.holds] == []


def _says_what_it_should(world: Session, people: dict[str | None, User]) -> None:
    student, student2 = people["student@demo.test"], people["student2@demo.test"]
    own = {course.intake_id for course in enrolments.courses_of_student(world, student.id)}
    others = {course.intake_id for course in enrolments.courses_of_student(world, student2.id)}
    assert own
    assert others
    assert not own & others
    assert all(modules_for(world, student.id, intake_id, at=datetime.now(UTC)) for intake_id in own)
    assert not any(modules_for(world, student2.id, intake_id, at=datetime.now(UTC)) for intake_id in own)
    assert catalogue.catalogue_total(world).number == 13
    assert any(intake.full for intake in queries.intakes(world, running_on=date.today()).items)
    assert set(world.scalars(select(Submission.state))) == {"submitted", "graded", "returned"}
    assert set(world.scalars(select(Assignment.state))) == {"draft", "published"}
    assert any(world.scalars(select(Submission.late)))
    assert (world.scalar(select(func.count()).where(LiveClass.starts_at > datetime.now(UTC))) or 0) > 4
    taken = dict(world.execute(select(Seat.intake_id, func.count()).group_by(Seat.intake_id)).all())
    for intake_id, seats_taken in world.execute(select(Intake.id, Intake.seats_taken)):
        assert taken.get(intake_id, 0) == seats_taken


def test_production_gets_no_demo_data(live_settings: Settings) -> None:
    with pytest.raises(ClickException, match="never"):
        fill_if_empty(replace(live_settings, environment="production"))
    engine = create_engine(live_settings.database_url)
    with Session(engine) as world:
        assert world.scalar(select(func.count()).select_from(User)) == 0
    engine.dispose()
