"""States change along the arrows only, in the table and in the database alike."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.domain.assignments.models import AssignmentState, SubmissionState
from portal.domain.assignments.transitions import (
    ASSIGNMENT,
    SUBMISSION,
    Marking,
    Setting,
    next_assignment_state,
    next_submission_state,
)
from portal.domain.errors import Conflict
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment


@pytest.mark.parametrize(("state", "action"), list(product(AssignmentState, Setting)))
def test_an_assignment_goes_where_the_table_says_and_nowhere_else(state: AssignmentState, action: Setting) -> None:
    if (state, action) in ASSIGNMENT:
        assert next_assignment_state(state, action) is ASSIGNMENT[state, action]
    else:
        with pytest.raises(Conflict, match=r"This assignment is"):
            next_assignment_state(state, action)


@pytest.mark.parametrize(("state", "action"), list(product(SubmissionState, Marking)))
def test_a_submission_goes_where_the_table_says_and_nowhere_else(state: SubmissionState, action: Marking) -> None:
    if (state, action) in SUBMISSION:
        assert next_submission_state(state, action) is SUBMISSION[state, action]
    else:
        with pytest.raises(Conflict, match=r"work"):
            next_submission_state(state, action)


@pytest.mark.parametrize("action", list(Marking))
def test_work_that_was_withdrawn_or_not_handed_in_is_never_marked(action: Marking) -> None:
    for state in (SubmissionState.DRAFT, SubmissionState.WITHDRAWN):
        with pytest.raises(Conflict):
            next_submission_state(state, action)


def test_the_database_allows_every_step_of_the_table(connection: Connection, world: Session, cast: Cast) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    for before, after in {(before, after) for (before, _), after in SUBMISSION.items() if before != after}:
        undone = connection.begin_nested()
        for state in path_to(before):
            move(connection, submission.id, state)
        move(connection, submission.id, after)
        undone.rollback()


def test_the_database_refuses_a_step_back(connection: Connection, world: Session, cast: Cast) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    move(connection, submission.id, "graded")
    with pytest.raises(DBAPIError, match="does not go from graded to submitted"), connection.begin_nested():
        move(connection, submission.id, "submitted")


def path_to(state: SubmissionState) -> list[SubmissionState]:
    """Return the states between `submitted` and this one, in order, itself included."""
    order = [SubmissionState.GRADED, SubmissionState.RETURNED]
    return order[: order.index(state) + 1] if state in order else []


def move(connection: Connection, submission_id: object, state: str) -> None:
    connection.execute(
        text("UPDATE submissions SET state = :state WHERE id = :id"), {"state": str(state), "id": submission_id}
    )
