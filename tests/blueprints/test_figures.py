"""A trainer sees how an assignment went, and reminds those who have handed in nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal.db import perform
from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.missing import remind_of_work
from portal.domain.assignments.rubric_models import RubricVersion
from portal.domain.assignments.rubrics import create_rubric
from portal.domain.audit.models import AuditEntry
from portal.domain.notifications.models import Notification
from tests.at_once import at_once
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.domain.assignments.test_rubrics import LIGHT_AND_STORY, levels
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import parse, words

REMINDED = Notification.kind == "assignment-reminder"


def figures(client: FlaskClient, address: str) -> dict[str, str]:
    return {
        words(figure.css_first(".label")): words(figure.css_first(".value"))
        for figure in parse(client.get(address)).css(".figure")
    }


def test_figures_tell_how_many_handed_in_how_late_and_how_the_marks_are_spread(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    late = make_assignment(
        world,
        cast.intake,
        cast.kofi,
        points=20,
        due_at=now() - timedelta(hours=1),
        cut_off_at=now() + timedelta(days=1),
    )
    others = [make_user(world, first_name=name, last_name="Sarpong") for name in ("Abena", "Yaa", "Efe")]
    for other in others:
        make_enrolment(world, other, cast.intake)
    gone = make_user(world, first_name="Kwame")
    make_enrolment(world, gone, cast.intake, state="withdrawn", ended_at=now(), reason="Moved")
    world.commit()
    address = f"/trainer/assignments/{late.id}/figures"
    assert figures(kofi, address) == {
        "Handed in": "0 of 4", "Of these late": "–", "Average of 20": "–", "Median": "–"
    }  # fmt: skip
    mark(world, cast, hand_in(world, cast, late), "9")
    newest = hand_in(world, cast, late)
    seen = mark(world, cast, newest, "12")
    mark(world, cast, newest, "15", seen=seen.id, reason="Looked again")
    for other, points in zip(others[:2], ("20", "10"), strict=True):
        mark(world, cast, hand_in(world, cast, late, by=other), points)
    assert figures(kofi, address) == {
        "Handed in": "3 of 4", "Of these late": "100 %", "Average of 20": "15", "Median": "15"
    }  # fmt: skip
    page = parse(kofi.get(address))
    table = {words(row.css("th")[0]): words(row.css_first("td")) for row in page.css(".chart tbody tr")}
    assert {label: number for label, number in table.items() if number != "0"} == {
        "50 to 59 %": "1", "70 to 79 %": "1", "90 to 100 %": "1"
    }  # fmt: skip
    assert [words(row.css_first("th")) for row in page.css("#missing tbody tr")] == ["Efe Sarpong No student number"]


def test_figures_tell_how_each_criterion_was_met(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    create_rubric(world, actor(cast.kofi), LIGHT_AND_STORY, at=now())
    version = world.scalars(select(RubricVersion.id)).one()
    assignment = make_assignment(world, cast.intake, cast.kofi, rubric_version_id=version)
    other = make_user(world)
    make_enrolment(world, other, cast.intake)
    world.commit()
    for student, points in ((cast.ama, ("5", "10")), (other, ("10", "10"))):
        submission = hand_in(world, cast, assignment, by=student)
        mark(world, cast, submission, None, levels=levels(world, cast, submission, *points))
    text = words(kofi.get(f"/trainer/assignments/{assignment.id}/figures"))
    assert "on average 7.5 of 10" in text
    assert "on average 10 of 10" in text


def test_those_without_work_are_reminded_once_a_day_and_nobody_else_is(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    abena = make_user(world, first_name="Abena", last_name="Sarpong")
    make_enrolment(world, abena, cast.intake)
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    hand_in(world, cast, assignment)
    address = f"/trainer/assignments/{assignment.id}/reminders"

    def told() -> list[Any]:
        return list(world.scalars(select(Notification.user_id).where(REMINDED)))

    assert "1 student reminded" in words(kofi.post(address, follow_redirects=True))
    assert "reminded today already" in words(kofi.post(address, follow_redirects=True))
    assert told() == [abena.id]
    assert world.scalar(select(func.count()).where(AuditEntry.action == "assignment:remind")) == 1
    assert "not yet" not in words(
        parse(kofi.get(f"/trainer/assignments/{assignment.id}/figures")).css_first("#missing")
    )
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        assert remind_of_work(world, actor(cast.kofi), assignment.id, at=now()) == 1
    assert told() == [abena.id, abena.id]


def test_whoever_has_more_time_is_reminded_of_their_own_date_and_after_everybody_elses(
    world: Session, cast: Cast
) -> None:
    abena = make_user(world, first_name="Abena", last_name="Sarpong")
    late = make_enrolment(world, abena, cast.intake)
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=now() + timedelta(hours=2))
    world.commit()
    give_extensions(world, actor(cast.kofi), assignment.id, [late.id], 48, at=now())
    assert remind_of_work(world, actor(cast.kofi), assignment.id, at=now()) == 2
    dates = dict(world.execute(select(Notification.user_id, Notification.data["due_at"].astext).where(REMINDED)).all())
    assert dates[cast.ama.id] == assignment.due_at.isoformat()
    assert dates[abena.id] == (assignment.due_at + timedelta(hours=48)).isoformat()
    assert remind_of_work(world, actor(cast.kofi), assignment.id, at=assignment.due_at + timedelta(hours=25)) == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"state": "draft", "published_at": None}, "Nothing is taken"),
        ({"state": "archived"}, "Nothing is taken"),
        ({"due_at": now() - timedelta(minutes=1)}, "time to hand in has passed"),
        ({"opens_at": now() + timedelta(days=1)}, "not open yet"),
    ],
)
def test_nobody_is_reminded_of_what_is_not_taken(
    kofi: FlaskClient, world: Session, cast: Cast, values: dict[str, Any], why: str
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, **values)
    world.commit()
    assert why in words(kofi.post(f"/trainer/assignments/{assignment.id}/reminders", follow_redirects=True))
    assert not world.scalars(select(Notification).where(REMINDED)).all()


def test_a_trainer_elsewhere_sees_no_figures_and_reminds_nobody(sign_in: Any, world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    yaw = sign_in(cast.yaw)
    assert yaw.get(f"/trainer/assignments/{assignment.id}/figures").status_code == 404
    assert yaw.post(f"/trainer/assignments/{assignment.id}/reminders").status_code == 404
    assert not world.scalars(select(Notification).where(REMINDED)).all()


def test_two_presses_at_once_remind_once(live_engine: Engine) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        session.commit()
        at = now()
        told = at_once(*[lambda: perform(remind_of_work, actor(cast.kofi), assignment.id, at=at)] * 2)
        assert sorted(told) == [0, 1]
        assert session.scalar(select(func.count()).where(REMINDED)) == 1
