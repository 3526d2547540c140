"""Whose files have arrived and were not handed in is reminded once, before the work is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.adapters.storage import FolderStorage
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.reminding import AHEAD, LAST_CALL, remind, remind_at
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import Upload
from portal.domain.notifications.models import Notification
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, now
from tests.uploads.arranging import begin, receive

DUE = datetime(2026, 12, 4, 17, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
JPEG = b"\xff\xd8\xff a portrait"


@pytest.mark.parametrize(
    ("whole", "reminded"),
    [
        (DUE - 72 * HOUR, DUE - 24 * HOUR),
        (DUE - 24 * HOUR - 30 * MINUTE, DUE - 24 * HOUR),
        (DUE - 24 * HOUR - 29 * MINUTE, DUE - 24 * HOUR + MINUTE),
        (DUE - 5 * HOUR, DUE - 4 * HOUR - 30 * MINUTE),
        (DUE - 60 * MINUTE, DUE - 30 * MINUTE),
        (DUE - 59 * MINUTE, DUE - 30 * MINUTE),
        (DUE - 10 * MINUTE, DUE - 10 * MINUTE),
    ],
)
def test_a_day_ahead_but_not_while_somebody_is_at_it_and_not_too_late(whole: datetime, reminded: datetime) -> None:
    assert remind_at(DUE, whole) == reminded


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=30)))
def test_a_reminder_never_comes_before_the_files_nor_after_the_end(before: timedelta) -> None:
    moment = remind_at(DUE, DUE - before)
    assert DUE - before <= moment <= DUE
    assert moment >= DUE - AHEAD
    assert before < LAST_CALL or moment <= DUE - LAST_CALL


@pytest.fixture
def storage(tmp_path) -> FolderStorage:
    return FolderStorage(tmp_path)


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=now() + 6 * HOUR, title="A scene")
    world.commit()
    return assignment


def told(world: Session) -> list[tuple[object, str]]:
    return [tuple(row) for row in world.execute(select(Notification.user_id, Notification.kind))]


def remind_now(world: Session, after: timedelta = HOUR) -> int:
    number = remind(world, at=now() + after)
    world.commit()
    return number


def test_whoever_has_sent_files_and_not_handed_in_is_reminded_once(
    world: Session, cast: Cast, storage: FolderStorage, assignment: Assignment
) -> None:
    for _ in range(2):
        receive(world, storage, cast.ama, assignment, JPEG)
    assert remind_now(world, timedelta()) == 0, "she is still at it"
    assert [remind_now(world) for _ in range(3)] == [1, 0, 0]
    assert told(world) == [(cast.ama.id, "not-handed-in")]
    row = world.scalars(select(Notification)).one()
    assert (row.data["title"], row.data["path"]) == ("A scene", f"/student/assignments/{assignment.id}")


def test_nobody_is_reminded_of_what_is_not_theirs_to_hand_in_now(
    world: Session, cast: Cast, storage: FolderStorage, assignment: Assignment
) -> None:
    begin(world, cast.ama, assignment)
    assert remind_now(world) == 0, "nothing of it is whole"
    name = receive(world, storage, cast.ama, assignment, JPEG)
    for change, undo in (
        (update(Enrolment).values(state="suspended"), update(Enrolment).values(state="active")),
        (update(Assignment).values(due_at=now() + 48 * HOUR), update(Assignment).values(due_at=now() + 6 * HOUR)),
        (update(Assignment).values(due_at=now() + MINUTE), update(Assignment).values(due_at=now() + 6 * HOUR)),
    ):
        world.execute(change)
        assert remind_now(world) == 0
        world.execute(undo)
    hand_in(world, cast, assignment, uploads=(name,))
    assert remind_now(world) == 0
    assert world.scalars(select(Upload.state).where(Upload.id == name)).one() == "taken"
