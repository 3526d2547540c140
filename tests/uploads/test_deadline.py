"""A slow line makes nobody late: what was arriving at the deadline counts as on time, and the receipt says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.adapters.parts import Part
from portal.domain.assignments.models import Submission
from portal.domain.files.models import UploadMinute
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import words
from tests.uploads.conversation import JPEG, begun, send
from tests.uploads.handing_in import hand_in

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def due() -> datetime:
    """A whole minute, so long ago that a session of now is still good an hour after it."""
    return now().replace(second=0, microsecond=0) - 40 * MINUTE


@pytest.fixture
def assignment(world: Session, cast: Cast, due: datetime) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=due, cut_off_at=None)
    world.commit()
    return assignment


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def test_a_film_that_was_arriving_when_it_fell_due_is_on_time_and_the_receipt_tells_how(
    ama: FlaskClient, world: Session, assignment: Any, due: datetime
) -> None:
    with at(due - 10 * MINUTE):
        address = begun(ama, assignment)
        send(ama, address, 0, JPEG[:40])
    with at(due + 20 * MINUTE):
        page = ama.get(f"/student/assignments/{assignment.id}")
        assert "It has fallen due while your files arrive" in words(page)
        send(ama, address, 40, JPEG[40:])
    with at(due + 25 * MINUTE):
        answer = hand_in(ama, assignment, address.rpartition("/")[2])
        assert answer.status_code == 303
        receipt = words(ama.get(answer.headers["Location"]))
    assert "On time" in receipt
    assert "Here at the deadline 40 bytes of 100 bytes" in receipt
    assert "Longest pause after it 30 min" in receipt
    row = world.scalars(select(Submission)).one()
    assert (row.late, row.begun_at, row.arrived_at_due) == (False, due - 10 * MINUTE, 40)
    minutes = world.execute(select(UploadMinute.received_at, UploadMinute.offset).order_by(UploadMinute.minute)).all()
    assert minutes == [(due - 10 * MINUTE, 40), (due + 20 * MINUTE, 100)]


def test_an_upload_that_stopped_for_more_than_an_hour_comes_too_late(
    ama: FlaskClient, world: Session, assignment: Any, due: datetime
) -> None:
    with at(due - 10 * MINUTE):
        address = begun(ama, assignment)
        send(ama, address, 0, JPEG[:40])
    with at(due + 51 * MINUTE):
        send(ama, address, 40, JPEG[40:])
        answer = hand_in(ama, assignment, address.rpartition("/")[2])
        assert answer.status_code == 409
        assert "The time to hand in has passed" in words(answer)
    assert world.scalars(select(Submission)).all() == []


def test_text_alone_is_late_after_the_due_moment(ama: FlaskClient, assignment: Any, due: datetime) -> None:
    with at(due + MINUTE):
        assert hand_in(ama, assignment, text="My work.").status_code == 409


def test_late_work_is_late_though_its_file_was_whole_in_time(
    ama: FlaskClient, world: Session, cast: Cast, due: datetime
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=due, cut_off_at=due + 600 * MINUTE)
    world.commit()
    with at(due - 10 * MINUTE):
        address = begun(ama, assignment)
        send(ama, address, 0, JPEG)
    with at(due + MINUTE):
        assert hand_in(ama, assignment, address.rpartition("/")[2]).status_code == 303
    assert world.scalars(select(Submission.late)).one() is True


@pytest.mark.parametrize("seconds", [0, 30])
def test_what_came_in_the_last_seconds_counts_though_more_came_within_the_same_minute(
    ama: FlaskClient, world: Session, assignment: Any, due: datetime, seconds: int
) -> None:
    due += seconds * SECOND
    assignment.due_at = due
    world.commit()
    with at(due - 25 * SECOND):
        address = begun(ama, assignment)
    for after, sent, more in ((-24, 0, 3), (-20, 3, 5), (-10, 8, 32), (10, 40, 20), (20, 60, 40)):
        with at(due + after * SECOND):
            send(ama, address, sent, JPEG[sent : sent + more])
    with at(due + 22 * SECOND):
        answer = hand_in(ama, assignment, address.rpartition("/")[2])
    assert answer.status_code == 303, words(answer)
    assert world.scalars(select(Submission.late)).one() is False


def test_a_pause_is_as_long_as_it_was_though_more_came_within_the_minute_that_ended_it(
    ama: FlaskClient, world: Session, assignment: Any, due: datetime
) -> None:
    with at(due - 10 * MINUTE):
        address = begun(ama, assignment)
        send(ama, address, 0, JPEG[:40])
    with at(due + 50 * MINUTE):
        send(ama, address, 40, JPEG[40:60])
    with at(due + 50 * MINUTE + 50 * SECOND):
        send(ama, address, 60, JPEG[60:])
        assert hand_in(ama, assignment, address.rpartition("/")[2]).status_code == 303
    assert world.scalars(select(Submission.longest_gap_seconds)).one() == 60 * 60


def test_what_came_before_the_due_moment_counts_though_the_disk_was_done_with_it_only_after(
    ama: FlaskClient, world: Session, assignment: Any, due: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = Part.sync
    with time_machine.travel(due - 2 * SECOND, tick=False) as clock:
        address = begun(ama, assignment)

        def slow_sync(part: Part) -> None:
            sync(part)
            clock.shift(5)

        monkeypatch.setattr(Part, "sync", slow_sync)
        assert send(ama, address, 0, JPEG).status_code == 204
        clock.shift(1)
        answer = hand_in(ama, assignment, address.rpartition("/")[2])
    assert answer.status_code == 303, words(answer)
    assert world.scalars(select(Submission.late)).one() is False
