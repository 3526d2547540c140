"""What was handed in by mistake is taken back until it is due; its receipt stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.queries.queue import QueueFilter, marking_queue
from portal.domain.assignments.withdrawing import withdraw_submission
from portal.domain.errors import Conflict, NotFound
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, now

HOUR = timedelta(hours=1)


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    made = make_assignment(world, cast.intake, cast.kofi, due_at=now() + HOUR, points=100, attempts_allowed=1)
    world.commit()
    return made


def waiting(world: Session, cast: Cast) -> list[Any]:
    return [row.id for row in marking_queue(world, cast.kofi.id, QueueFilter()).items]


def test_an_attempt_that_is_withdrawn_counts_for_nothing_and_another_may_be_made(
    world: Session, cast: Cast, assignment: Any
) -> None:
    first = hand_in(world, cast, assignment)
    number = first.number
    withdraw_submission(world, actor(cast.ama), first.id, at=now())
    world.commit()
    assert (first.state, first.number) == ("withdrawn", number)
    assert waiting(world, cast) == []
    second = hand_in(world, cast, assignment)
    assert second.attempt == 2
    assert waiting(world, cast) == [second.id]


def test_the_attempt_before_waits_again(world: Session, cast: Cast, assignment: Any) -> None:
    assignment.attempts_allowed = None
    first, second = hand_in(world, cast, assignment), hand_in(world, cast, assignment)
    assert waiting(world, cast) == [second.id]
    withdraw_submission(world, actor(cast.ama), second.id, at=now())
    world.commit()
    assert waiting(world, cast) == [first.id]


def test_what_is_due_stands_by_the_students_own_date(world: Session, cast: Cast, assignment: Any) -> None:
    made = hand_in(world, cast, assignment)
    with pytest.raises(Conflict, match="fallen due"):
        withdraw_submission(world, actor(cast.ama), made.id, at=assignment.due_at + HOUR)
    give_extensions(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], 2, at=now())
    assert withdraw_submission(world, actor(cast.ama), made.id, at=assignment.due_at + HOUR).state == "withdrawn"


def test_what_has_a_mark_or_is_withdrawn_is_not_taken_back(world: Session, cast: Cast, assignment: Any) -> None:
    made = hand_in(world, cast, assignment)
    mark(world, cast, made)
    with pytest.raises(Conflict, match="has a mark already"):
        withdraw_submission(world, actor(cast.ama), made.id, at=now())


def test_twice_is_once(world: Session, cast: Cast, assignment: Any) -> None:
    made = hand_in(world, cast, assignment)
    withdraw_submission(world, actor(cast.ama), made.id, at=now())
    with pytest.raises(Conflict, match="was withdrawn"):
        withdraw_submission(world, actor(cast.ama), made.id, at=now())


def test_nobody_takes_back_what_is_anothers(world: Session, cast: Cast, assignment: Any) -> None:
    made = hand_in(world, cast, assignment)
    for person in (cast.esi, cast.kofi):
        with pytest.raises(NotFound):
            withdraw_submission(world, actor(person), made.id, at=now())
