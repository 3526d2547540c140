"""The marks of an assignment as a sheet shows them: every attempt that was handed in, with its newest mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.assignments.queries.rubrics import ChosenLevel, levels_of_grade
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import Enrolment

UNMARKED = "none"


@dataclass(frozen=True)
class MarkedWork:
    """One attempt with the mark that stands."""

    submission_id: UUID
    receipt: str
    student: str
    student_number: str | None
    attempt: int
    submitted_at: datetime
    late: bool
    has_rubric: bool
    is_quiz: bool
    """Whether its points follow from its questions."""
    grade_id: UUID | None
    raw_points: Decimal | None
    penalty_points: Decimal | None
    final_points: Decimal | None
    feedback: str | None
    levels: dict[UUID, ChosenLevel]

    @property
    def version(self) -> str:
        """What a sheet says of which mark it was made with."""
        return str(self.grade_id or UNMARKED)


def work_to_mark(session: Session, assignment_id: UUID) -> list[MarkedWork]:
    """Return all work of an assignment, by the name of the student and the attempt."""
    rows = session.execute(_work(), {"assignment_id": assignment_id})
    return [MarkedWork(*(*row[:-1], ChosenLevel.read(row[-1]))) for row in rows]


@cache
def _work() -> Select[*tuple[Any, ...]]:
    newest = (
        select(Grade.id)
        .where(Grade.submission_id == Submission.id, Grade.enrolment_id == Submission.enrolment_id)
        .order_by(Grade.graded_at.desc(), Grade.id.desc())
        .limit(1)
        .correlate(Submission)
        .scalar_subquery()
    )
    return (
        select(
            Submission.id,
            Submission.number,
            User.first_name + " " + User.last_name,
            User.student_number,
            Submission.attempt,
            Submission.submitted_at,
            Submission.late,
            Assignment.rubric_version_id.is_not(None),
            Assignment.question_points.is_not(None),
            Grade.id.label("grade_id"),
            Grade.raw_points,
            Grade.penalty_points,
            Grade.final_points,
            Grade.feedback,
            levels_of_grade(),
        )
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Grade, Grade.id == newest)
        .where(Submission.assignment_id == bindparam("assignment_id"), among(Submission.state, HANDED_IN))
        .order_by(User.sort_key, Submission.attempt, Submission.id)
    )
