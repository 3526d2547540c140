"""Many at the same slot at the same moment, on connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal import db
from portal.domain.live_classes.models import LiveClass
from portal.domain.live_classes.scheduling import MoveClass, ScheduleClass, move_class, schedule_class
from portal.domain.permissions import Actor, Duty, Role
from portal.jobs import live_classes
from tests.at_once import at_once, refused
from tests.cast import Cast, gather_cast
from tests.factories import make_intake, make_live_class, make_room, make_user

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
TEN = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLIENTS, SLOTS = 12, 8


def arranged(engine: Engine) -> tuple[Cast, Actor]:
    with Session(engine, expire_on_commit=False) as world:
        cast = gather_cast(world)
    return cast, Actor(id=cast.efua.id, role=Role.ADMIN, duties=frozenset(Duty))


def deadlocks(engine: Engine) -> int:
    """Return how many the server counted; each connection reports what it knows when it closes."""
    engine.dispose()
    with engine.connect() as connection:
        counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(connection.exec_driver_sql(counted).scalar_one())


def test_of_twelve_who_schedule_the_same_slot_at_once_exactly_one_wins(
    portal_engine: Engine, live_engine: Engine
) -> None:
    """Slot after slot: without the locks some of them deadlock in the exclusion constraint and lose seconds."""
    cast, office = arranged(live_engine)
    for number in range(SLOTS):
        command = ScheduleClass(
            intake_id=cast.intake.id,
            trainer_id=cast.kofi.id,
            title="Light",
            starts_at=TEN + number * HOUR,
            ends_at=TEN + (number + 1) * HOUR,
            meeting_url="https://meet.jit.si/Light",
        )
        ended = at_once(*[lambda command=command: db.perform(schedule_class, office, command, at=AT)] * CLIENTS)
        said = [refusal.message for refusal in refused(ended)]
        assert len(said) == CLIENTS - 1
        assert all("Kofi Asante teaches “Light”" in words for words in said), said
    assert deadlocks(portal_engine) == 0
    with Session(live_engine) as world:
        assert world.scalar(select(func.count()).select_from(LiveClass)) == SLOTS


def test_a_rush_for_rooms_and_trainers_in_every_order_never_deadlocks(
    portal_engine: Engine, live_engine: Engine
) -> None:
    """Twelve commands that share trainers, rooms and intakes crosswise, half of them moves into the same hour."""
    cast, office = arranged(live_engine)
    with Session(live_engine, expire_on_commit=False) as world:
        rooms = [make_room(world).id for _ in range(2)]
        trainers = [make_user(world, "trainer") for _ in range(3)]
        intakes = [make_intake(world, trainers=trainers).id for _ in range(3)]
        moved = [
            make_live_class(
                world,
                cast.intake,
                cast.kofi,
                starts_at=TEN + timedelta(days=1, hours=2 * number),
                room_id=rooms[number % 2],
            ).id
            for number in range(6)
        ]
        world.commit()
    attempts: list[Callable[[], Any]] = []
    for number in range(6):
        scheduled = ScheduleClass(
            intake_id=intakes[number % 3],
            trainer_id=trainers[(number + 1) % 3].id,
            title=f"Class {number}",
            starts_at=TEN,
            ends_at=TEN + HOUR,
            room_id=rooms[(number // 3) % 2],
        )
        change = MoveClass(
            live_class_id=moved[number], starts_at=TEN, ends_at=TEN + HOUR, room_id=rooms[(number + 1) % 2]
        )
        attempts.append(lambda command=scheduled: db.perform(schedule_class, office, command, at=AT))
        attempts.append(lambda command=change: db.perform(move_class, office, command, at=AT))
    ended = at_once(*attempts)
    assert deadlocks(portal_engine) == 0
    with Session(live_engine) as world:
        at_ten = world.scalars(select(LiveClass).where(LiveClass.starts_at == TEN)).all()
    assert len(ended) - len(refused(ended)) == len(at_ten)
    assert 1 <= len(at_ten) <= len(rooms)
    assert len({row.room_id for row in at_ten}) == len({row.trainer_id for row in at_ten}) == len(at_ten)


def test_the_job_brings_classes_into_the_state_of_their_time_in_a_transaction_of_its_own(live_engine: Engine) -> None:
    cast, _ = arranged(live_engine)
    with Session(live_engine, expire_on_commit=False) as world:
        begun = make_live_class(world, cast.intake, cast.kofi, starts_at=TEN).id
        over = make_live_class(world, cast.intake, cast.kofi, starts_at=TEN - 2 * HOUR).id
        world.commit()
    live_classes.advance(at=TEN + HOUR / 2)
    with Session(live_engine) as world:
        assert [world.get(LiveClass, row).state for row in (begun, over)] == ["live", "ended"]
