"""What the database itself refuses, whatever the code above it would do: a receipt, a mark and an intake are true."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark, stored
from tests.factories import make_assignment


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    made = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    return made


def refuse(connection: Connection, why: str, statement: str, **values: Any) -> None:
    """The database does not do this, for this reason."""
    with pytest.raises(DBAPIError, match=why), connection.begin_nested():
        connection.execute(text(statement), values)


@pytest.mark.parametrize(
    "change",
    ["number = 'S26-999999-A'", "code = 'ANOTHER'", "submitted_at = now()", "late = true", "attempt = 7"],
)
def test_nobody_rewrites_a_receipt(
    connection: Connection, world: Session, cast: Cast, assignment: Any, change: str
) -> None:
    made = hand_in(world, cast, assignment)
    refuse(connection, "handed in stands", f"UPDATE submissions SET {change} WHERE id = :id", id=made.id)


@pytest.mark.parametrize("table", ["submission_files", "submission_links", "submission_members", "submissions"])
def test_nobody_takes_anything_away_from_what_was_handed_in(
    connection: Connection, world: Session, cast: Cast, assignment: Any, table: str
) -> None:
    made = hand_in(world, cast, assignment, links=("https://example.test",), files=(stored(),))
    column = "id" if table == "submissions" else "submission_id"
    refuse(connection, "handed in stands", f"DELETE FROM {table} WHERE {column} = :id", id=made.id)


def test_a_student_elsewhere_has_no_submission_whatever_the_code_says(
    connection: Connection, cast: Cast, assignment: Any
) -> None:
    refuse(
        connection,
        "of another intake",
        "INSERT INTO submissions (id, assignment_id, enrolment_id, attempt, begun_at) "
        "VALUES (gen_random_uuid(), :assignment, :enrolment, 1, now())",
        assignment=assignment.id,
        enrolment=cast.other_enrolment.id,
    )


GRADE = (
    "INSERT INTO grades (id, submission_id, enrolment_id, raw_points, final_points, graded_by, graded_at) "
    "VALUES (gen_random_uuid(), :submission, :enrolment, :points, :points, :trainer, now())"
)


def test_no_mark_is_above_the_points_of_its_assignment(
    connection: Connection, world: Session, cast: Cast, assignment: Any
) -> None:
    of_ama = {"submission": hand_in(world, cast, assignment).id, "enrolment": cast.enrolment.id}
    refuse(connection, "more points than", GRADE, points=101, trainer=cast.kofi.id, **of_ama)


def test_no_mark_is_given_to_somebody_for_whom_the_work_does_not_count(
    connection: Connection, world: Session, cast: Cast, assignment: Any
) -> None:
    of_esi = {"submission": hand_in(world, cast, assignment).id, "enrolment": cast.other_enrolment.id}
    refuse(connection, "does not count", GRADE, points=50, trainer=cast.kofi.id, **of_esi)


def test_a_released_mark_is_neither_rewritten_nor_taken_back(
    connection: Connection, world: Session, cast: Cast, assignment: Any
) -> None:
    grade = mark(world, cast, hand_in(world, cast, assignment), release=True)
    for change in ("final_points = 90, raw_points = 90", "released_at = NULL", "feedback = 'Other words'"):
        refuse(connection, "append-only", f"UPDATE grades SET {change} WHERE id = :id", id=grade.id)
    refuse(connection, "permission denied", "DELETE FROM grades WHERE id = :id", id=grade.id)


def test_an_assignment_and_a_course_keep_to_their_arrows(connection: Connection, cast: Cast, assignment: Any) -> None:
    for table, row in (("assignments", assignment), ("courses", cast.photography)):
        refuse(connection, "does not go from", f"UPDATE {table} SET state = 'draft' WHERE id = :id", id=row.id)


def test_an_attempt_is_replaced_for_as_long_as_a_newer_one_is_handed_in(
    connection: Connection, world: Session, cast: Cast, assignment: Any
) -> None:
    made = [hand_in(world, cast, assignment) for _ in range(3)]

    def replaced() -> list[bool]:
        world.commit()
        found = {row.id: row.replaced for row in connection.execute(text("SELECT id, replaced FROM submissions"))}
        return [found[one.id] for one in made]

    assert replaced() == [True, True, False]
    connection.execute(text("UPDATE submissions SET state = 'withdrawn' WHERE id = :id"), {"id": made[2].id})
    assert replaced() == [True, False, False]
    connection.execute(text("UPDATE submissions SET state = 'withdrawn' WHERE id = :id"), {"id": made[1].id})
    assert replaced() == [False, False, False]
