"""Enrolling by hand, withdrawing, suspending, and what a student is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.audit.models import AuditEntry
from portal.domain.courses.models import Seat
from portal.domain.enrolments.models import Enrolment
from portal.domain.enrolments.operations import announce_material
from portal.domain.errors import Conflict, Forbidden, Invalid
from portal.domain.notifications.models import Notification
from portal.domain.onboarding import operations as onboarding
from tests.cast import Cast, actor
from tests.factories import make_enrolment, make_material, make_user, now

AT = datetime.now(UTC)


def enrol(world: Session, cast: Cast, person: User, **values: Any) -> Enrolment:
    given = {"reason": "Paid at the counter", "at": AT} | values
    return onboarding.enrol_by_hand(world, actor(cast.efua), cast.intake.id, person.id, **given)


def told(world: Session, person: User) -> list[str]:
    return list(
        world.scalars(select(Notification.kind).where(Notification.user_id == person.id).order_by(Notification.id))
    )


def test_a_new_student_gets_a_seat_a_number_and_a_word(world: Session, cast: Cast) -> None:
    new = make_user(world)
    enrolment = enrol(world, cast, new)
    assert (enrolment.state, enrolment.enrolled_by) == ("active", cast.efua.id)
    assert new.student_number is not None
    assert world.get(Seat, (cast.intake.id, new.id)) is not None
    assert told(world, new) == ["enrolled"]
    actions = select(AuditEntry.action).where(AuditEntry.for_user_id == new.id).order_by(AuditEntry.id)
    assert set(world.scalars(actions)) == {"user:number", "enrolment:begin"}


def test_a_student_keeps_their_number_with_a_second_enrolment(world: Session, cast: Cast) -> None:
    number = cast.esi.student_number
    enrol(world, cast, cast.esi)
    assert cast.esi.student_number == number


def test_enrolling_twice_is_refused_kindly(world: Session, cast: Cast) -> None:
    with pytest.raises(Conflict, match="enrolled in this intake already"):
        enrol(world, cast, cast.ama)


def test_the_index_refuses_a_second_enrolment_whatever_the_code_says(world: Session, cast: Cast) -> None:
    world.add(Enrolment(user_id=cast.ama.id, intake_id=cast.intake.id, enrolled_at=AT))
    with pytest.raises(IntegrityError, match="uq_enrolments_intake_id_user_id_current"):
        world.flush()


def test_a_full_intake_takes_nobody(world: Session, cast: Cast) -> None:
    cast.intake.seats = 1
    world.flush()
    with pytest.raises(Conflict, match="is full"):
        enrol(world, cast, cast.esi)


def test_only_active_students_are_enrolled_in_what_still_runs(world: Session, cast: Cast) -> None:
    for nobody in (cast.kofi, cast.kojo):
        with pytest.raises(Conflict):
            enrol(world, cast, nobody)
    cast.intake.ends_on = AT.date() - timedelta(days=1)
    cast.intake.application_deadline = cast.intake.ends_on
    world.flush()
    with pytest.raises(Conflict, match="has ended"):
        enrol(world, cast, cast.esi)


def test_enrolling_by_hand_needs_a_reason_and_the_registrar(world: Session, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        enrol(world, cast, cast.esi, reason="  ")
    assert "reason" in refused.value.fields
    for other in (cast.kofi, cast.ama, make_user(world, "admin", duties=["content"])):
        with pytest.raises(Forbidden):
            onboarding.enrol_by_hand(world, actor(other), cast.intake.id, cast.esi.id, "Because", at=AT)


def test_withdrawing_frees_the_seat_and_tells_the_student(world: Session, cast: Cast) -> None:
    onboarding.withdraw(world, actor(cast.efua), cast.enrolment.id, "Moved to Kumasi", at=AT)
    assert (cast.enrolment.state, cast.enrolment.ended_at) == ("withdrawn", AT)
    assert world.get(Seat, (cast.intake.id, cast.ama.id)) is None
    assert told(world, cast.ama) == ["enrolment-ended"]
    with pytest.raises(Conflict):
        onboarding.withdraw(world, actor(cast.efua), cast.enrolment.id, "Again", at=AT)


def test_somebody_who_withdrew_can_be_enrolled_again(world: Session, cast: Cast) -> None:
    onboarding.withdraw(world, actor(cast.efua), cast.enrolment.id, "Ill", at=AT)
    again = enrol(world, cast, cast.ama)
    assert again.id != cast.enrolment.id
    assert told(world, cast.ama) == ["enrolment-ended", "enrolled"]


def test_a_suspension_keeps_the_seat_and_can_end(world: Session, cast: Cast) -> None:
    efua = actor(cast.efua)
    assert onboarding.suspend(world, efua, cast.enrolment.id, "Away until May", at=AT).state == "suspended"
    assert world.get(Seat, (cast.intake.id, cast.ama.id)) is not None
    with pytest.raises(Conflict):
        onboarding.suspend(world, efua, cast.enrolment.id, "Again", at=AT)
    assert onboarding.resume(world, efua, cast.enrolment.id, "Back", at=AT).state == "active"


def test_the_office_says_until_when_access_lasts(world: Session, cast: Cast) -> None:
    onboarding.set_access_until(world, actor(cast.efua), cast.enrolment.id, AT, at=AT)
    assert cast.enrolment.access_until == AT
    onboarding.set_access_until(world, actor(cast.efua), cast.enrolment.id, None, at=AT)
    assert cast.enrolment.access_until is None


def test_a_released_material_is_announced_once_to_those_who_may_open_it(world: Session, cast: Cast) -> None:
    past_access, suspended = make_user(world), make_user(world)
    make_enrolment(world, past_access, cast.intake, access_until=AT - timedelta(days=9))
    make_enrolment(world, suspended, cast.intake, state="suspended")
    material = make_material(world, cast.intake, cast.module, cast.kofi, released_at=AT - timedelta(hours=1))
    assert announce_material(world, material.id, at=AT) == 1
    assert announce_material(world, material.id, at=AT) == 0
    assert told(world, cast.ama) == ["material-released"]
    assert [told(world, other) for other in (cast.esi, past_access, suspended)] == [[], [], []]


def test_a_material_that_was_taken_back_is_not_announced(world: Session, cast: Cast) -> None:
    hidden = make_material(world, cast.intake, cast.module, cast.kofi, released_at=None)
    removed = make_material(world, cast.intake, cast.module, cast.kofi, removed_at=now())
    assert [announce_material(world, row.id, at=AT) for row in (hidden, removed)] == [0, 0]
