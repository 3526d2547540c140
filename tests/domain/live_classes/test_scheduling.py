"""Scheduling, moving and cancelling classes, and what the database refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.models import User
from portal.domain.audit.models import AuditDetail, AuditEntry
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from portal.domain.live_classes import queries, rooms
from portal.domain.live_classes.advancing import advance_states
from portal.domain.live_classes.meeting import meeting_for
from portal.domain.live_classes.models import LiveClass
from portal.domain.live_classes.rooms import AddRoom
from portal.domain.live_classes.scheduling import MoveClass, ScheduleClass, cancel_class, move_class, schedule_class
from portal.domain.notifications.models import Notification
from tests.cast import Cast, actor
from tests.factories import make_enrolment, make_intake, make_live_class, make_room, make_user

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
TEN = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINK = "https://meet.google.com/abc-defg-hij"


def schedule(who: User, cast: Cast, at: datetime = AT, **changes: Any) -> LiveClass:
    values: dict[str, Any] = {
        "intake_id": cast.intake.id,
        "trainer_id": cast.kofi.id,
        "title": "Light and shadow",
        "starts_at": TEN,
        "ends_at": TEN + 2 * HOUR,
        "meeting_url": LINK,
    }
    return db.perform(schedule_class, actor(who), ScheduleClass(**(values | changes)), at=at)


def move(who: User, found: LiveClass, at: datetime = AT, **changes: Any) -> LiveClass:
    values: dict[str, Any] = {
        "live_class_id": found.id,
        "starts_at": found.starts_at,
        "ends_at": found.ends_at,
        "room_id": found.room_id,
        "meeting_url": found.meeting_url,
    }
    return db.perform(move_class, actor(who), MoveClass(**(values | changes)), at=at)


def told(world: Session, user: User) -> list[str]:
    world.rollback()
    return list(
        world.scalars(select(Notification.kind).where(Notification.user_id == user.id).order_by(Notification.id))
    )


def test_a_scheduled_class_is_told_to_the_students_of_its_intake_and_to_nobody_else(cast: Cast, world: Session) -> None:
    scheduled = schedule(cast.kofi, cast)
    assert told(world, cast.ama) == ["class-scheduled"]
    assert told(world, cast.kofi) == []  # it was his own doing
    assert told(world, cast.esi) == []
    data = world.scalars(select(Notification.data).where(Notification.user_id == cast.ama.id)).one()
    assert data["path"] == f"/student/live-classes/{scheduled.id}"
    assert LINK not in str(data)


def test_a_trainer_is_told_of_a_class_the_office_gave_him(cast: Cast, world: Session) -> None:
    schedule(cast.efua, cast)
    assert told(world, cast.kofi) == ["class-scheduled"]


def test_the_trail_knows_of_a_class_but_not_its_link(cast: Cast, world: Session) -> None:
    scheduled = schedule(cast.kofi, cast)
    world.rollback()
    entry = world.scalars(select(AuditEntry).where(AuditEntry.subject_id == str(scheduled.id))).one()
    assert (entry.action, entry.actor_id) == ("live-class:schedule", cast.kofi.id)
    after = world.scalars(select(AuditDetail.after).where(AuditDetail.entry_id == entry.id)).one()
    assert after["online"] is True
    assert LINK not in str(after)


def test_a_trainer_of_another_intake_cannot_schedule_here(cast: Cast) -> None:
    with pytest.raises(NotFound):
        schedule(cast.yaw, cast)


def test_a_director_may_look_and_not_schedule(cast: Cast, world: Session) -> None:
    director = make_user(world, "admin", duties=["director"])
    world.commit()
    with pytest.raises(NotFound):
        schedule(director, cast)


def test_only_a_trainer_of_the_intake_can_be_named(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        schedule(cast.efua, cast, trainer_id=cast.yaw.id)
    assert "trainer_id" in refused.value.fields


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"starts_at": AT, "ends_at": AT + HOUR}, "starts_at"),
        ({"starts_at": AT - timedelta(days=1), "ends_at": AT - timedelta(days=1) + HOUR}, "starts_at"),
        ({"ends_at": TEN + timedelta(minutes=14)}, "minutes"),
        ({"ends_at": TEN + timedelta(hours=8, minutes=1)}, "minutes"),
        ({"meeting_url": "http://zoom.us/j/1"}, "meeting_url"),
        ({"meeting_url": None}, "room_id"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 121}, "title"),
    ],
)
def test_an_impossible_class_is_refused_beside_its_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        schedule(cast.kofi, cast, **changes)
    assert field in refused.value.fields


def test_classes_one_after_the_other_are_no_clash(cast: Cast, world: Session) -> None:
    first = schedule(cast.kofi, cast)
    second = schedule(cast.kofi, cast, title="Portraits", starts_at=first.ends_at, ends_at=first.ends_at + HOUR)
    assert second.starts_at == first.ends_at


def test_a_trainer_cannot_be_in_two_classes_at_once_and_is_told_which(cast: Cast, world: Session) -> None:
    elsewhere = make_intake(world, trainers=[cast.kofi])
    world.commit()
    schedule(cast.kofi, cast)
    with pytest.raises(Conflict) as refused:
        schedule(cast.kofi, cast, intake_id=elsewhere.id, starts_at=TEN + HOUR, ends_at=TEN + 3 * HOUR)
    sentence = refused.value.fields["starts_at"]
    assert "Kofi Asante" in sentence
    assert "Light and shadow" in sentence
    assert "Monday 7 December, 10:00 to 12:00" in sentence


def test_a_clash_is_told_in_the_clock_of_whoever_asked(cast: Cast, world: Session) -> None:
    world.get(User, cast.kofi.id).time_zone = "Asia/Kolkata"
    world.commit()
    schedule(cast.kofi, cast)
    with pytest.raises(Conflict) as refused:
        schedule(cast.kofi, cast, title="Again")
    assert "15:30 to 17:30" in refused.value.fields["starts_at"]


def test_a_room_cannot_hold_two_classes_at_once(cast: Cast, world: Session) -> None:
    room = make_room(world, name="Studio A")
    world.commit()
    schedule(cast.kofi, cast, room_id=room.id, meeting_url=None)
    with pytest.raises(Conflict) as refused:
        schedule(
            cast.efua, cast, intake_id=cast.other_intake.id, trainer_id=cast.yaw.id, room_id=room.id, meeting_url=None
        )
    assert "Studio A is taken" in refused.value.fields["room_id"]


def test_an_intake_cannot_have_two_classes_at_once(cast: Cast, world: Session) -> None:
    second = make_user(world, "trainer")
    world.execute(
        text("INSERT INTO intake_trainers (intake_id, user_id) VALUES (:intake, :user)"),
        {"intake": cast.intake.id, "user": second.id},
    )
    world.commit()
    schedule(cast.kofi, cast)
    with pytest.raises(Conflict) as refused:
        schedule(second, cast, trainer_id=second.id)
    assert "same intake" in refused.value.fields["starts_at"]


def test_after_a_refused_clash_nothing_is_left_behind(cast: Cast, world: Session) -> None:
    schedule(cast.kofi, cast)
    before = len(told(world, cast.ama))
    with pytest.raises(Conflict):
        schedule(cast.kofi, cast, title="Second")
    assert len(told(world, cast.ama)) == before
    assert world.scalar(select(func.count()).select_from(LiveClass)) == 1


def test_a_cancelled_class_frees_its_time(cast: Cast, world: Session) -> None:
    first = schedule(cast.kofi, cast)
    db.perform(cancel_class, actor(cast.kofi), first.id, reason="Power cut", at=AT)
    assert schedule(cast.kofi, cast, title="Instead").state in (None, "scheduled")
    assert told(world, cast.ama) == ["class-scheduled", "class-cancelled", "class-scheduled"]


def test_a_class_needs_a_reason_to_be_cancelled_and_is_cancelled_once(cast: Cast) -> None:
    found = schedule(cast.kofi, cast)
    with pytest.raises(Invalid):
        db.perform(cancel_class, actor(cast.kofi), found.id, reason="  ", at=AT)
    db.perform(cancel_class, actor(cast.kofi), found.id, reason="Rain", at=AT)
    with pytest.raises(Conflict):
        db.perform(cancel_class, actor(cast.kofi), found.id, reason="Rain", at=AT)


def test_a_moved_class_gets_the_next_sequence_and_every_move_is_told(cast: Cast, world: Session) -> None:
    found = schedule(cast.kofi, cast)
    found = move(cast.kofi, found, starts_at=TEN + HOUR, ends_at=TEN + 2 * HOUR)
    found = move(cast.kofi, found, starts_at=TEN, ends_at=TEN + HOUR)
    assert found.sequence == 2
    assert told(world, cast.ama) == ["class-scheduled", "class-moved", "class-moved"]


def test_moving_a_class_to_where_it_is_changes_and_tells_nothing(cast: Cast, world: Session) -> None:
    found = schedule(cast.kofi, cast)
    assert move(cast.kofi, found).sequence == 0
    assert told(world, cast.ama) == ["class-scheduled"]


def test_a_class_can_be_moved_within_its_own_time(cast: Cast) -> None:
    found = schedule(cast.kofi, cast)
    assert move(cast.kofi, found, starts_at=TEN + HOUR, ends_at=TEN + 3 * HOUR).starts_at == TEN + HOUR


def test_a_class_moved_into_a_clash_stays_where_it_was(cast: Cast, world: Session) -> None:
    schedule(cast.kofi, cast)
    second = schedule(cast.kofi, cast, title="Portraits", starts_at=TEN + 3 * HOUR, ends_at=TEN + 4 * HOUR)
    with pytest.raises(Conflict) as refused:
        move(cast.kofi, second, starts_at=TEN + HOUR, ends_at=TEN + 2 * HOUR)
    assert "Light and shadow" in refused.value.fields["starts_at"]
    world.rollback()
    assert world.get(LiveClass, second.id).starts_at == TEN + 3 * HOUR


def test_a_class_that_has_begun_cannot_be_moved(cast: Cast) -> None:
    found = schedule(cast.kofi, cast)
    with pytest.raises(Conflict):
        move(cast.kofi, found, at=TEN, starts_at=TEN + 5 * HOUR, ends_at=TEN + 6 * HOUR)


def test_a_stranger_can_neither_move_nor_cancel_a_class(cast: Cast, world: Session) -> None:
    found = schedule(cast.kofi, cast)
    director = make_user(world, "admin", duties=["director"])
    world.commit()
    with pytest.raises(NotFound):
        move(cast.yaw, found, starts_at=TEN + HOUR, ends_at=TEN + 2 * HOUR)
    with pytest.raises(NotFound):
        db.perform(cancel_class, actor(cast.yaw), found.id, reason="Mine", at=AT)
    with pytest.raises(Forbidden):
        db.perform(cancel_class, actor(director), found.id, reason="Mine", at=AT)


def test_classes_begin_and_end_by_the_clock_and_a_missed_run_is_caught_up(cast: Cast, world: Session) -> None:
    first = schedule(cast.kofi, cast)
    second = schedule(cast.kofi, cast, title="Later", starts_at=TEN + 4 * HOUR, ends_at=TEN + 5 * HOUR)
    third = schedule(cast.kofi, cast, title="Never", starts_at=TEN + 6 * HOUR, ends_at=TEN + 7 * HOUR)
    db.perform(cancel_class, actor(cast.kofi), third.id, reason="Rain", at=AT)

    def states() -> list[str]:
        return [world.get(LiveClass, row.id, populate_existing=True).state for row in (first, second, third)]

    advanced = db.perform(advance_states, at=TEN - timedelta(seconds=1))
    assert (advanced.begun, advanced.ended) == (0, 0)
    db.perform(advance_states, at=TEN)
    assert states() == ["live", "scheduled", "cancelled"]
    advanced = db.perform(advance_states, at=TEN + 8 * HOUR)  # the server was off meanwhile
    assert (advanced.begun, advanced.ended) == (1, 2)
    assert states() == ["ended", "ended", "cancelled"]


def test_the_link_is_given_to_students_of_the_intake_in_its_time_only(cast: Cast, world: Session) -> None:
    found = schedule(cast.kofi, cast)
    session = db.current_session()
    for at in (TEN - timedelta(minutes=16), TEN + 2 * HOUR):
        with pytest.raises(Conflict):
            meeting_for(session, cast.ama.id, found.id, at=at)
    assert meeting_for(session, cast.ama.id, found.id, at=TEN - timedelta(minutes=15)) == LINK
    with pytest.raises(NotFound):
        meeting_for(session, cast.esi.id, found.id, at=TEN)


def test_no_row_of_a_list_carries_a_link(cast: Cast) -> None:
    found = schedule(cast.kofi, cast)
    session = db.current_session()
    for whose in (queries.of_student(cast.ama.id), queries.of_trainer(cast.kofi.id), queries.everyone()):
        rows = [
            *queries.classes_between(session, whose, AT, TEN + HOUR),
            *queries.upcoming(session, whose, at=AT).items,
            *queries.past(session, whose, at=TEN + 3 * HOUR).items,
            *queries.next_classes(session, whose, at=AT),
        ]
        assert [row.id for row in rows] == [found.id] * 4
        assert LINK not in str(rows)
    assert LINK not in str(queries.class_of_student(session, cast.ama.id, found.id))


def test_a_withdrawn_student_sees_the_classes_no_more(cast: Cast, world: Session) -> None:
    gone = make_user(world)
    make_enrolment(world, gone, cast.intake, state="withdrawn", ended_at=AT)
    world.commit()
    found = schedule(cast.kofi, cast)
    assert queries.next_classes(db.current_session(), queries.of_student(gone.id), at=AT) == []
    with pytest.raises(NotFound):
        queries.class_of_student(db.current_session(), gone.id, found.id)


def test_pages_of_classes_go_forwards_and_back_without_gap(cast: Cast, world: Session) -> None:
    made = [make_live_class(world, cast.intake, cast.kofi, starts_at=TEN + number * 2 * HOUR).id for number in range(7)]
    world.commit()
    session, whose = db.current_session(), queries.of_student(cast.ama.id)
    first = queries.upcoming(session, whose, at=AT, size=3)
    second = queries.upcoming(session, whose, at=AT, size=3, cursor=first.next)
    third = queries.upcoming(session, whose, at=AT, size=3, cursor=second.next)
    assert [row.id for page in (first, second, third) for row in page.items] == made
    assert third.next is None
    assert queries.upcoming(session, whose, at=AT, size=3, cursor=second.previous).items == first.items


def test_a_room_closes_only_when_no_class_is_to_meet_in_it(cast: Cast, world: Session) -> None:
    efua = actor(cast.efua)
    room = db.perform(rooms.add_room, efua, AddRoom("Studio  A", 12), at=AT)
    assert room.name == "Studio A"
    found = schedule(cast.kofi, cast, room_id=room.id)
    with pytest.raises(Conflict, match="1 class is still to meet in Studio A"):
        db.perform(rooms.close_room, efua, room.id, at=AT)
    db.perform(cancel_class, actor(cast.kofi), found.id, reason="Rain", at=AT)
    db.perform(rooms.close_room, efua, room.id, at=AT)
    with pytest.raises(Invalid) as refused:
        schedule(cast.kofi, cast, room_id=room.id)
    assert "room_id" in refused.value.fields


def test_two_rooms_never_share_a_name_and_a_closed_one_opens_again(cast: Cast) -> None:
    efua = actor(cast.efua)
    room = db.perform(rooms.add_room, efua, AddRoom("Studio A"), at=AT)
    with pytest.raises(Conflict):
        db.perform(rooms.add_room, efua, AddRoom("studio a"), at=AT)
    db.perform(rooms.close_room, efua, room.id, at=AT)
    again = db.perform(rooms.add_room, efua, AddRoom("Studio A", 20), at=AT)
    assert (again.id, again.closed_at, again.capacity) == (room.id, None, 20)


def test_trainers_keep_no_rooms(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        db.perform(rooms.add_room, actor(cast.kofi), AddRoom("Mine"), at=AT)


def test_a_class_on_the_night_the_clocks_change_takes_true_time(cast: Cast, world: Session) -> None:
    london = ZoneInfo("Europe/London")
    start = datetime(2027, 3, 28, 0, 30, tzinfo=london)
    end = datetime(2027, 3, 28, 2, 30, tzinfo=london)  # one true hour later: 01:00 to 02:00 does not exist
    found = schedule(cast.kofi, cast, starts_at=start, ends_at=end)
    world.rollback()
    kept = world.get(LiveClass, found.id)
    assert kept.ends_at - kept.starts_at == HOUR
    follows = schedule(cast.kofi, cast, title="Next", starts_at=kept.ends_at, ends_at=kept.ends_at + HOUR)
    assert follows.starts_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 8), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=8
    )
)
def test_however_classes_are_scheduled_no_trainer_room_or_intake_is_in_two_at_once(
    cast: Cast, world: Session, wanted: list[tuple[int, int, int, int]]
) -> None:
    places = [None, *(make_room(world).id for _ in range(2))]
    world.commit()
    who = [(cast.intake.id, cast.kofi.id), (cast.other_intake.id, cast.yaw.id)]
    taken: list[tuple[int, int, Any, Any, Any]] = []
    for start, length, side, place in wanted:
        intake, trainer = who[side]
        room, slot = places[place], (start, start + length)
        clash = any(
            slot[0] < end and begin < slot[1] and (trainer == other or (room is not None and room == in_room))
            for begin, end, _, other, in_room in taken
        )
        begins, ends = (TEN + timedelta(minutes=15 * quarter) for quarter in slot)
        values = {"intake_id": intake, "trainer_id": trainer, "room_id": room, "starts_at": begins, "ends_at": ends}
        try:
            schedule(cast.efua, cast, **values)
        except Conflict:
            assert clash
        else:
            assert not clash
            taken.append((*slot, intake, trainer, room))
    world.execute(text("UPDATE live_classes SET state = 'cancelled', cancelled_at = now()"))  # for the next example
    world.commit()
