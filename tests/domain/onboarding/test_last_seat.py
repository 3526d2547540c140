"""Many who want the last seat at the same moment, on connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal import db
from portal.domain.courses.models import Intake, Seat
from portal.domain.enrolments.models import Enrolment
from portal.domain.onboarding.operations import enrol_by_hand, withdraw
from portal.domain.permissions import Actor, Duty, Role
from tests.at_once import at_once, refused
from tests.cast import Cast, gather_cast
from tests.factories import make_intake, make_user

AT = datetime.now(UTC)
RIVALS = 8


def arranged(engine: Engine, seats: int) -> tuple[Cast, Actor, Intake, list[Any]]:
    with Session(engine, expire_on_commit=False) as world:
        cast = gather_cast(world)
        intake = make_intake(world, cast.photography, title="The rush", seats=seats)
        rivals = [make_user(world) for _ in range(RIVALS)]
        world.commit()
    return cast, Actor(id=cast.efua.id, role=Role.ADMIN, duties=frozenset(Duty)), intake, rivals


def rows_of(engine: Engine, intake_id: Any) -> tuple[int, int, int]:
    with Session(engine) as world:
        enrolled = world.scalar(
            select(func.count()).where(Enrolment.intake_id == intake_id, Enrolment.state == "active")
        )
        seats = world.scalar(select(func.count()).where(Seat.intake_id == intake_id))
        return enrolled or 0, seats or 0, world.get_one(Intake, intake_id).seats_taken


def enrolling(office: Actor, intake: Intake, person: Any) -> Callable[[], Any]:
    return partial(db.perform, enrol_by_hand, office, intake.id, person.id, "Came by", at=AT)


def test_of_two_who_race_for_the_last_seat_exactly_one_wins(live_engine: Engine) -> None:
    _, office, intake, rivals = arranged(live_engine, seats=1)
    ended = at_once(*(enrolling(office, intake, person) for person in rivals[:2]))
    assert [refusal.message for refusal in refused(ended)] == ["The rush is full: all 1 seats are taken."]
    assert rows_of(live_engine, intake.id) == (1, 1, 1)


def test_a_rush_fills_the_intake_and_no_more(live_engine: Engine) -> None:
    _, office, intake, rivals = arranged(live_engine, seats=3)
    ended = at_once(*(enrolling(office, intake, person) for person in rivals))
    assert len(refused(ended)) == RIVALS - 3
    assert rows_of(live_engine, intake.id) == (3, 3, 3)


def test_a_double_click_enrols_once(live_engine: Engine) -> None:
    _, office, intake, rivals = arranged(live_engine, seats=5)
    ended = at_once(*[enrolling(office, intake, rivals[0])] * 4)
    assert [refusal.message for refusal in refused(ended)] == ["This person is enrolled in this intake already."] * 3
    assert rows_of(live_engine, intake.id) == (1, 1, 1)


def test_withdrawals_and_enrolments_at_once_keep_the_count_true(live_engine: Engine) -> None:
    cast, office, intake, rivals = arranged(live_engine, seats=RIVALS)
    with db.session_scope():
        enrolled = [enrolling(office, intake, person)() for person in rivals[:4]]
    ended = at_once(
        *(partial(db.perform, withdraw, office, one.id, "Moved", at=AT) for one in enrolled),
        *(enrolling(office, intake, person) for person in rivals[4:]),
        enrolling(office, cast.other_intake, rivals[4]),
    )
    assert refused(ended) == []
    assert rows_of(live_engine, intake.id) == (4, 4, 4)
