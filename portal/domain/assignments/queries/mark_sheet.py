"""The marks of an assignment as a sheet shows them: every attempt that was handed in, with its newest mark.

Work of a group without a mark is one row, whose mark is given to all members. Once it is marked each has a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionMember
from portal.domain.assignments.queries.counting import newest_mark
from portal.domain.assignments.queries.groups import whose
from portal.domain.assignments.queries.rubrics import ChosenLevel, levels_of_grade
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import Enrolment

UNMARKED = "none"


@dataclass(frozen=True)
class MarkedWork:
    """One attempt with the mark that stands."""

    submission_id: UUID
    receipt: str
    """Its number; where each member of a group has a row, with what names the member."""
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
    enrolment_id: UUID | None = None
    """The member of a group whose mark alone this row is."""

    @property
    def version(self) -> str:
        """What a sheet says of which mark it was made with."""
        return str(self.grade_id or UNMARKED)


def work_to_mark(session: Session, assignment_id: UUID) -> list[MarkedWork]:
    """Return all work of an assignment, by the name of the student and the attempt."""
    rows = session.execute(_work(), {"assignment_id": assignment_id})
    return [MarkedWork(*(*row[:-2], ChosenLevel.read(row.levels), row.member_id)) for row in rows]


@cache
def _work() -> Select[*tuple[Any, ...]]:
    newest = newest_mark(Grade.id)
    of_a_member = and_(Submission.group_id.is_not(None), Grade.id.is_not(None))
    with_member = Submission.number + " " + func.coalesce(User.student_number, User.name)
    return (
        select(
            Submission.id,
            case((of_a_member, with_member), else_=Submission.number),
            case((of_a_member, User.name), else_=whose()),
            case((or_(of_a_member, Submission.group_id.is_(None)), User.student_number)),
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
            levels_of_grade().label("levels"),
            case((of_a_member, SubmissionMember.enrolment_id)).label("member_id"),
        )
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(Grade, Grade.id == newest)
        .where(
            Submission.assignment_id == bindparam("assignment_id"),
            among(Submission.state, HANDED_IN),
            or_(SubmissionMember.enrolment_id == Submission.enrolment_id, of_a_member),
        )
        .order_by(User.sort_key, Submission.attempt, Submission.id)
    )
