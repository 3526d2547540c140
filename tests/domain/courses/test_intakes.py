"""Making and editing intakes, their seats and their trainers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.courses import intakes, queries, seats
from portal.domain.courses.intakes import IntakeDescription
from portal.domain.courses.models import Seat
from portal.domain.errors import Conflict, Forbidden, Invalid
from tests.cast import Cast, actor
from tests.factories import make_user, now

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def described(**values: Any) -> IntakeDescription:
    known: dict[str, Any] = {
        "title": "January 2027",
        "starts_on": date(2027, 1, 11),
        "ends_on": date(2027, 3, 8),
        "application_deadline": date(2027, 1, 4),
        "seats": 12,
    }
    return IntakeDescription(**(known | values))


def test_an_intake_takes_the_price_of_its_course_where_nothing_else_is_said(world: Session, cast: Cast) -> None:
    made = intakes.make_intake(
        world, actor(cast.efua), cast.photography.id, described(), trainer_ids=[cast.kofi.id], at=AT
    )
    row = queries.intake(world, made.id)
    assert row.price_pesewas == cast.photography.price_pesewas
    assert list(row.trainers) == ["Kofi Asante"]


def test_a_trainer_does_not_make_intakes(world: Session, cast: Cast) -> None:
    with pytest.raises(Forbidden):
        intakes.make_intake(world, actor(cast.kofi), cast.photography.id, described(), at=AT)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ends_on": date(2027, 1, 11)}, "ends_on"),
        ({"application_deadline": date(2027, 4, 1)}, "application_deadline"),
        ({"seats": 0}, "seats"),
        ({"title": "  "}, "title"),
    ],
)
def test_an_intake_that_cannot_be_is_refused_beside_its_field(
    world: Session, cast: Cast, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        intakes.make_intake(world, actor(cast.efua), cast.photography.id, described(**change), at=AT)
    assert field in refused.value.fields


def test_two_intakes_of_a_course_do_not_share_a_name(world: Session, cast: Cast) -> None:
    intakes.make_intake(world, actor(cast.efua), cast.photography.id, described(), at=AT)
    with pytest.raises(Conflict) as refused:
        intakes.make_intake(world, actor(cast.efua), cast.photography.id, described(), at=AT)
    assert "title" in refused.value.fields


def test_seats_are_not_lowered_below_those_taken(world: Session, cast: Cast) -> None:
    for _ in range(2):
        seats.take_seat(world, cast.intake.id, make_user(world).id, at=AT)
    with pytest.raises(Conflict) as refused:
        intakes.edit_intake(world, actor(cast.efua), cast.intake.id, described(seats=2), at=AT)
    assert refused.value.fields == {"seats": "3 seats are taken: there can be no fewer seats than that."}
    assert intakes.edit_intake(world, actor(cast.efua), cast.intake.id, described(seats=3), at=AT).seats == 3


def test_a_full_intake_says_so(world: Session, cast: Cast) -> None:
    cast.intake.seats = 1
    world.flush()
    with pytest.raises(Conflict, match="November 2026 is full: all 1 seats are taken"):
        seats.take_seat(world, cast.intake.id, cast.esi.id, at=AT)


def test_a_person_takes_one_seat_however_often_they_ask(world: Session, cast: Cast) -> None:
    assert seats.take_seat(world, cast.intake.id, cast.esi.id, at=AT) is True
    assert seats.take_seat(world, cast.intake.id, cast.esi.id, at=AT) is False
    assert queries.intake(world, cast.intake.id).seats_taken == 2


def test_a_freed_seat_is_there_for_somebody_else(world: Session, cast: Cast) -> None:
    cast.intake.seats = 1
    world.flush()
    assert seats.release_seat(world, cast.intake.id, cast.ama.id) is True
    assert seats.release_seat(world, cast.intake.id, cast.ama.id) is False
    assert seats.take_seat(world, cast.intake.id, cast.esi.id, at=AT) is True


def test_the_database_itself_refuses_one_seat_too_many(world: Session, cast: Cast) -> None:
    cast.intake.seats = 1
    world.flush()
    world.add(Seat(intake_id=cast.intake.id, user_id=cast.esi.id, taken_at=AT))
    with pytest.raises(IntegrityError, match="seats_taken"):
        world.flush()


def test_naming_trainers_replaces_those_before(world: Session, cast: Cast) -> None:
    intakes.name_trainers(world, actor(cast.efua), cast.intake.id, [cast.yaw.id, cast.efua.id], at=AT)
    assert set(queries.trainers_of(world, cast.intake.id)) == {cast.yaw.id, cast.efua.id}
    assert [row.id for row in queries.intakes_of_trainer(world, cast.kofi.id, today=AT.date())] == []


def test_a_student_or_somebody_who_left_is_not_named_trainer(world: Session, cast: Cast) -> None:
    gone = make_user(world, "trainer", deactivated_at=now())
    for nobody in (cast.esi, gone):
        with pytest.raises(Invalid):
            intakes.name_trainers(world, actor(cast.efua), cast.intake.id, [nobody.id], at=AT)
