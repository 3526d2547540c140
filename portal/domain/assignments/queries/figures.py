"""How far the students of an assignment are, with the mark that counts for each, and what was chosen by criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, and_, any_, bindparam, cast, func, lateral, select, true
from sqlalchemy import String as Text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.figures import Spread, share, spread
from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionMember
from portal.domain.assignments.queries.counting import NEWEST_FIRST, what_counts_first
from portal.domain.assignments.queries.setting import SetPage
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


@dataclass(frozen=True)
class AssignmentFigures:
    """How an assignment went: who handed in, how the marks are spread, what was chosen by criterion."""

    students: list[StudentOfWork]
    handed_in: list[StudentOfWork]
    missing: list[StudentOfWork]
    """Who has handed in nothing."""
    late_share: int | None
    """Of what was handed in, in whole percent; None of nothing."""
    spread: Spread
    """Of the marks that count, released or not."""
    criteria: list[tuple[str, list[LevelCount]]]
    """Of each criterion of the rubric, by its title: how often each level was chosen for those marks."""


def figures_of(session: Session, assignment: SetPage) -> AssignmentFigures:
    """Return how an assignment went so far, as its trainer sees it."""
    students = students_of_work(session, assignment.id)
    handed_in = [row for row in students if row.submission_id is not None]
    marked = [row.grade_id for row in students if row.grade_id is not None]
    version_id = assignment.rubric_version_id
    levels = levels_chosen(session, version_id, marked) if version_id else []
    by_criterion = groupby(levels, lambda row: (row.criterion_id, row.criterion))
    return AssignmentFigures(
        students=students,
        handed_in=handed_in,
        missing=[row for row in students if row.submission_id is None],
        late_share=share(sum(bool(row.late) for row in handed_in), len(handed_in)),
        spread=spread([row.mark for row in students if row.mark is not None], assignment.points),
        criteria=[(title, list(rows)) for (_, title), rows in by_criterion],
    )


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
        .order_by(Submission.id, *NEWEST_FIRST)
        .correlate(Assignment, Enrolment)
        .subquery("marks")
    )
    counts = lateral(
        select(marks.c.id, marks.c.final_points)
        .order_by(*what_counts_first(marks.c.final_points, marks.c.attempt))
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
            User.name,
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
