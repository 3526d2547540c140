"""How far the students of an assignment are, with the mark that counts for each, and what was chosen by criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, and_, any_, bindparam, case, cast, func, lateral, select, true
from sqlalchemy import String as Text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, CountedAttempt, Grade, Submission, SubmissionMember
from portal.domain.assignments.rubric_models import GradeLevel, RubricCriterion, RubricLevel
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.notifications.models import Notification, NotificationKind


@dataclass(frozen=True)
class StudentOfWork:
    """A student of the intake, with how far they are with one assignment."""

    enrolment_id: UUID
    student: str
    student_number: str | None
    submission_id: UUID | None
    """The newest attempt that was handed in."""
    number: str | None
    submitted_at: datetime | None
    late: bool | None
    mark: Decimal | None
    """Of the attempt that counts, released or not."""
    grade_id: UUID | None
    reminded_at: datetime | None


@dataclass(frozen=True)
class LevelCount:
    """How often a level of a criterion was chosen."""

    criterion_id: UUID
    criterion: str
    title: str
    points: Decimal
    number: int


def students_of_work(session: Session, assignment_id: UUID) -> list[StudentOfWork]:
    """Return the active students of an assignment's intake, by name."""
    return [StudentOfWork(*row) for row in session.execute(_students(), {"assignment_id": assignment_id})]


def levels_chosen(session: Session, version_id: UUID, grade_ids: Sequence[UUID]) -> list[LevelCount]:
    """Return every level of a rubric in its order, with how many of these marks were given it."""
    values = {"version_id": version_id, "grade_ids": list(grade_ids)}
    return [LevelCount(*row) for row in session.execute(_levels(), values)]


@cache
def _students() -> Select[*tuple[Any, ...]]:
    newest = lateral(
        select(Submission.id, Submission.number, Submission.submitted_at, Submission.late)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            Submission.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .order_by(Submission.attempt.desc())
        .limit(1)
        .correlate(Assignment, Enrolment),
        "newest",
    )
    marks = (
        select(Submission.attempt, Grade.id, Grade.final_points)
        .ext(distinct_on(Submission.id))
        .join(Grade, Grade.submission_id == Submission.id)
        .where(Submission.assignment_id == Assignment.id, Grade.enrolment_id == Enrolment.id)
        .order_by(Submission.id, Grade.graded_at.desc(), Grade.id.desc())
        .correlate(Assignment, Enrolment)
        .subquery("marks")
    )
    best_first = case((Assignment.counted_attempt == CountedAttempt.BEST, marks.c.final_points))
    counts = lateral(
        select(marks.c.id, marks.c.final_points)
        .order_by(best_first.desc().nulls_last(), marks.c.attempt.desc())
        .limit(1)
        .correlate(Assignment),
        "counts",
    )
    reminded = (
        select(func.max(Notification.created_at))
        .where(
            Notification.user_id == Enrolment.user_id,
            Notification.kind == NotificationKind.ASSIGNMENT_REMINDER,
            Notification.key.like(func.concat("assignment-reminder:", cast(Assignment.id, Text), ":%")),
        )
        .correlate(Enrolment, Assignment)
        .scalar_subquery()
    )
    return (
        select(
            Enrolment.id,
            User.first_name + " " + User.last_name,
            User.student_number,
            newest.c.id,
            newest.c.number,
            newest.c.submitted_at,
            newest.c.late,
            counts.c.final_points,
            counts.c.id,
            reminded,
        )
        .select_from(Assignment)
        .join(Enrolment, and_(Enrolment.intake_id == Assignment.intake_id, Enrolment.state == EnrolmentState.ACTIVE))
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(newest, true())
        .outerjoin(counts, true())
        .where(Assignment.id == bindparam("assignment_id"))
        .order_by(User.sort_key, Enrolment.id)
    )


@cache
def _levels() -> Select[*tuple[Any, ...]]:
    among_these = GradeLevel.grade_id == any_(bindparam("grade_ids", type_=ARRAY(Uuid())))
    return (
        select(
            RubricCriterion.id,
            RubricCriterion.title,
            RubricLevel.title,
            RubricLevel.points,
            func.count(GradeLevel.level_id),
        )
        .select_from(RubricCriterion)
        .join(RubricLevel, RubricLevel.criterion_id == RubricCriterion.id)
        .outerjoin(GradeLevel, and_(GradeLevel.level_id == RubricLevel.id, among_these))
        .where(RubricCriterion.version_id == bindparam("version_id"))
        .group_by(RubricCriterion.id, RubricLevel.id)
        .order_by(RubricCriterion.position, RubricLevel.position)
    )
