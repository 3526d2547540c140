"""Several things at once to work that hands itself in: whatever comes first, it is handed in once or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.storage import new_key
from portal.domain.assignments import pending
from portal.domain.assignments.models import PendingHandIn, Submission, SubmissionFile
from portal.domain.errors import Conflict
from portal.domain.files import leases
from portal.domain.files.models import UploadEnd
from portal.domain.files.operations import StoredBytes
from tests.at_once import at_once, refused
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import work
from tests.factories import make_assignment, now
from tests.uploads.arranging import begin

ROUNDS = range(6)


@pytest.fixture
def world(live_engine: Engine) -> Any:
    with Session(live_engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def cast(world: Session) -> Cast:
    return gather_cast(world)


def waits_for(world: Session, cast: Cast, number: int) -> tuple[PendingHandIn, list[str]]:
    """Return what waits, and the uploads it waits for, each held by a line of its own."""
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    names = [begin(world, cast.ama, assignment) for _ in range(number)]
    with db.session_scope():
        for name in names:
            db.perform(leases.take_lease, cast.ama.id, name, name, 0, at=now())
        command = work(assignment, uploads=tuple(names))
        waiting = db.perform(pending.hand_in_when_complete, actor(cast.ama), command, at=now())
    assert isinstance(waiting, PendingHandIn)
    return waiting, names


def arrive(name: str) -> None:
    data = name.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    stored = StoredBytes(key=new_key(), size=100, sha256=sha256, kind="image/jpeg", name="photo.jpg")
    db.perform(pending.complete_upload, name, name, stored, at=now())


def look(waiting: PendingHandIn) -> Callable[[], object]:
    return lambda: db.perform(pending.hand_in_if_complete, waiting.id, at=now())


def made(world: Session, waiting: PendingHandIn) -> int:
    statement = select(func.count()).where(Submission.assignment_id == waiting.assignment_id)
    world.rollback()
    return world.scalar(statement) or 0


def state(world: Session, waiting: PendingHandIn) -> str:
    world.rollback()
    return world.scalars(select(PendingHandIn.state).where(PendingHandIn.id == waiting.id)).one()


def asked_for(world: Session) -> set[str]:
    """Return the hand-ins that the worker was asked to look at."""
    statement = text("SELECT args FROM procrastinate_jobs WHERE task_name = 'assignments.hand_in_if_complete'")
    return {row.args["pending_id"] for row in world.execute(statement)}


def test_two_files_that_end_at_once_on_two_workers_are_handed_in_together_once(world: Session, cast: Cast) -> None:
    for _ in ROUNDS:
        waiting, names = waits_for(world, cast, 2)

        def one(name: str, waiting: PendingHandIn = waiting) -> None:
            arrive(name)
            look(waiting)()

        assert refused(at_once(*(lambda name=name: one(name) for name in names))) == []
        assert (made(world, waiting), state(world, waiting)) == (1, "done")
        submission = select(Submission.id).where(Submission.assignment_id == waiting.assignment_id).scalar_subquery()
        assert world.scalar(select(func.count()).where(SubmissionFile.submission_id == submission)) == 2


def test_a_cancelling_and_the_last_byte_come_one_after_the_other(world: Session, cast: Cast) -> None:
    for _ in ROUNDS:
        waiting, (name,) = waits_for(world, cast, 1)

        def cancel(waiting: PendingHandIn = waiting) -> None:
            db.perform(pending.cancel_pending, actor(cast.ama), waiting.assignment_id, at=now())

        def last_byte(name: str = name, waiting: PendingHandIn = waiting) -> None:
            arrive(name)
            look(waiting)()

        first, _ = at_once(cancel, last_byte)
        ended = (made(world, waiting), state(world, waiting), type(first))
        assert ended in {(1, "done", Conflict), (0, "cancelled", type(None))}


def test_a_removed_file_and_the_last_byte_of_another_come_one_after_the_other(world: Session, cast: Cast) -> None:
    for _ in ROUNDS:
        waiting, (gone, last) = waits_for(world, cast, 2)
        arrive(gone)

        def remove(gone: str = gone) -> None:
            db.perform(pending.end_upload, actor(cast.ama), gone, UploadEnd.TERMINATED, at=now())

        def last_byte(last: str = last, waiting: PendingHandIn = waiting) -> None:
            arrive(last)
            look(waiting)()

        first, _ = at_once(remove, last_byte)
        ended = (made(world, waiting), state(world, waiting), type(first))
        assert ended in {(1, "done", Conflict), (0, "cancelled", type(None))}


def test_asking_while_the_last_byte_comes_never_waits_for_what_is_here(world: Session, cast: Cast) -> None:
    for _ in ROUNDS:
        assignment = make_assignment(world, cast.intake, cast.kofi)
        world.commit()
        name = begin(world, cast.ama, assignment)
        with db.session_scope():
            db.perform(leases.take_lease, cast.ama.id, name, name, 0, at=now())
        command = work(assignment, uploads=(name,))
        at_once(
            lambda name=name: arrive(name),
            lambda command=command: db.perform(pending.hand_in_when_complete, actor(cast.ama), command, at=now()),
        )
        waiting = world.scalars(select(PendingHandIn).where(PendingHandIn.assignment_id == assignment.id)).one_or_none()
        if waiting is not None:
            assert str(waiting.id) in asked_for(world)
            with db.session_scope():
                look(waiting)()
        world.rollback()
        assert world.scalar(select(func.count()).where(Submission.assignment_id == assignment.id)) == 1
