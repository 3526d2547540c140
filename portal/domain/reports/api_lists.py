"""What only the documented API lists: courses by numbered page, and the counts of its dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, AssignmentState, Submission
from portal.domain.assignments.waiting import waits_for_mark
from portal.domain.courses.catalogue import published
from portal.domain.courses.models import Course, CourseState, Intake, Level
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import NotFound
from portal.domain.permissions import Role

COUNTED_TO = 10_000  # from here on a total is null: counting more would cost more than it tells


@dataclass(frozen=True)
class CourseRow:
    id: UUID
    slug: str
    title: str
    short_description: str
    category: str
    level: str
    duration_weeks: int
    price_pesewas: int
    currency: str


@dataclass(frozen=True)
class CourseIntake:
    id: UUID
    title: str
    starts_on: date
    ends_on: date
    application_deadline: date
    seats: int
    seats_left: int
    price_pesewas: int


@dataclass(frozen=True)
class CourseDetail(CourseRow):
    description: str
    learning_outcomes: list[str]
    syllabus: list[str]
    intakes: list[CourseIntake]


@dataclass(frozen=True)
class NumberedPage:
    """A page of courses by its number; `total` is exact below 10,000 and None above."""

    items: list[CourseRow]
    total: int | None
    more: bool


@dataclass(frozen=True)
class RecentEnrolment:
    enrolment_id: UUID
    student: str
    course_title: str
    enrolled_at: datetime


def published_courses(
    session: Session, *, page: int, limit: int, category: str = "", level: Level | None = None, search: str = ""
) -> NumberedPage:
    """Return a page of the catalogue by title with the total; beyond the last page that is counted by itself."""
    found = _found(search, category, level)
    rows = session.execute(found.page, {"skipped": (page - 1) * limit, "rows": limit + 1}).all()
    total: int = rows[0].total if rows else session.scalars(found.total).one()
    courses = [CourseRow(*row[:-1]) for row in rows[:limit]]
    return NumberedPage(courses, total if total < COUNTED_TO else None, len(rows) > limit)


def published_course(session: Session, course_id: UUID, *, today: date) -> CourseDetail:
    """Return a published course with its intakes that have not ended, the next first."""
    row = session.execute(
        select(*_columns(), Course.description, Course.outcomes, Course.syllabus).where(
            Course.id == course_id, Course.state == CourseState.PUBLISHED
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    intakes = session.execute(
        select(
            Intake.id,
            Intake.title,
            Intake.starts_on,
            Intake.ends_on,
            Intake.application_deadline,
            Intake.seats,
            Intake.seats - Intake.seats_taken,
            Intake.price_pesewas,
        )
        .where(Intake.course_id == course_id, Intake.ends_on >= today)
        .order_by(Intake.starts_on, Intake.id)
    )
    values: list[Any] = [*row, [CourseIntake(*intake) for intake in intakes]]
    return CourseDetail(*values)


def institute_counts(session: Session) -> Mapping[str, int]:
    """Return how many active students, published courses, set assignments and works waiting for a mark there are."""
    students = select(func.count()).where(User.role == Role.STUDENT, User.deactivated_at.is_(None))
    courses = select(func.count()).where(Course.state == CourseState.PUBLISHED)
    assignments = select(func.count()).where(Assignment.state == AssignmentState.PUBLISHED)
    waiting = (
        select(func.count())
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(waits_for_mark())
    )
    statement = select(
        students.scalar_subquery().label("total_students"),
        courses.scalar_subquery().label("total_courses"),
        assignments.scalar_subquery().label("total_assignments"),
        waiting.scalar_subquery().label("pending_assignments"),
    )
    return {str(name): int(number) for name, number in session.execute(statement).mappings().one().items()}


def recent_enrolments(session: Session, limit: int = 5) -> list[RecentEnrolment]:
    """Return the latest enrolments of the institute."""
    statement = (
        select(Enrolment.id, User.name, Course.title, Enrolment.enrolled_at)
        .join(User, User.id == Enrolment.user_id)
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Enrolment.state == EnrolmentState.ACTIVE)
        .order_by(Enrolment.enrolled_at.desc(), Enrolment.id)
        .limit(limit)
    )
    return [RecentEnrolment(*row) for row in session.execute(statement)]


def _columns() -> tuple[Any, ...]:
    return (
        Course.id,
        Course.slug,
        Course.title,
        Course.summary,
        Course.category,
        Course.level,
        Course.weeks,
        Course.price_pesewas,
        Course.currency,
    )


@dataclass(frozen=True)
class _Statements:
    page: Select[Any]
    total: Select[int]


@lru_cache(64)
def _found(search: str, category: str, level: Level | None) -> _Statements:
    """Making a statement takes as long as running it, and most callers ask for the same few lists."""
    courses = published(search, category, level)
    capped = courses.with_only_columns(Course.id).limit(COUNTED_TO).subquery()
    total = select(func.count()).select_from(capped)
    page = (
        courses.with_only_columns(*_columns(), total.scalar_subquery().label("total"))
        .order_by(Course.sort_key, Course.id)
        .offset(bindparam("skipped"))
        .limit(bindparam("rows"))
    )
    return _Statements(page, total)
