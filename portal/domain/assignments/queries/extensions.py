"""More time as it is shown: to the student who asks, and to the trainer who answers or gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, func, select
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.assignments.extension_models import ExtendedDate, Extension, ExtensionState
from portal.domain.assignments.models import Assignment, Submission, SubmissionMember
from portal.domain.assignments.own_dates import of_extension, own
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, Span, fitting, page_of

PAGE_SIZE = 25
MOST_STUDENTS = 500  # of an intake, to be chosen from


@dataclass(frozen=True)
class OwnExtension:
    """What a student asked for, took or was given at an assignment."""

    id: UUID
    kind: str
    state: str
    hours: int
    reason: str
    asked_at: datetime
    decided_at: datetime | None
    answer: str


@dataclass(frozen=True)
class ExtensionRow:
    """A request for more time as its trainer sees it."""

    id: UUID
    assignment_id: UUID
    title: str
    course: str
    intake: str
    student: str
    student_number: str | None
    kind: str
    state: str
    hours: int
    reason: str
    asked_at: datetime
    answer: str
    due_at: datetime
    """Of this student now, with what was granted so far."""


@dataclass(frozen=True)
class StudentDates:
    """A student of an intake, with their own dates for one assignment."""

    enrolment_id: UUID
    student: str
    student_number: str | None
    due_at: datetime
    extended_by: int
    attempts: int


def extensions_of(session: Session, student_id: UUID, assignment_id: UUID) -> list[OwnExtension]:
    """Return what a student asked for or was given at an assignment, the newest first."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Extension.id,
            Extension.kind,
            Extension.state,
            Extension.hours,
            Extension.reason,
            Extension.asked_at,
            Extension.decided_at,
            Extension.answer,
        )
        .join(Enrolment, Enrolment.id == Extension.enrolment_id)
        .where(Enrolment.user_id == student_id, Extension.assignment_id == assignment_id)
        .order_by(Extension.asked_at.desc(), Extension.id.desc())
    )
    return [OwnExtension(*row) for row in session.execute(statement)]


def extension_requests(
    session: Session, trainer_id: UUID, *, answered: bool, cursor: Keyset | None = None, size: int = PAGE_SIZE
) -> Page[ExtensionRow]:
    """Return the requests of a trainer's students, page by page: those that wait, the oldest first, or the others."""
    cursor = fitting(cursor, Extension.asked_at, Extension.id)
    statement = _requests(answered, Span.of(cursor, descending=answered))
    return page_of(session, statement, {"trainer_id": trainer_id}, cursor=cursor, size=size).into(ExtensionRow)


def extension_request(session: Session, trainer_id: UUID, extension_id: UUID) -> ExtensionRow:
    """Return one request of a student in an intake this trainer teaches."""
    row = read(session, _request(), {"trainer_id": trainer_id, "extension_id": extension_id}).one_or_none()
    if row is None:
        raise NotFound
    return ExtensionRow(*row)


def students_with_dates(session: Session, assignment_id: UUID) -> list[StudentDates]:
    """Return the students of an assignment's intake by name, each with their own due date."""
    rows = read(session, _students(), {"assignment_id": assignment_id})
    return [StudentDates(*row) for row in rows]


@cache
def _requests(answered: bool, span: Span) -> Select[*tuple[Any, ...]]:
    asked = Extension.state == ExtensionState.ASKED
    return span.cut(_of_trainer().where(~asked if answered else asked), Extension.asked_at, Extension.id)


@cache
def _request() -> Select[*tuple[Any, ...]]:
    return _of_trainer().where(Extension.id == bindparam("extension_id"))


def _of_trainer() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Extension.id,
            Assignment.id.label("assignment_id"),
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            User.name.label("student"),
            User.student_number,
            Extension.kind,
            Extension.state,
            Extension.hours,
            Extension.reason,
            Extension.asked_at,
            Extension.answer,
            own(Assignment.due_at).label("due_at"),
        )
        .select_from(Extension)
        .join(Assignment, Assignment.id == Extension.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .join(Enrolment, Enrolment.id == Extension.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(ExtendedDate, of_extension())
        .where(IntakeTrainer.user_id == bindparam("trainer_id"))
    )


@cache
def _students() -> Select[*tuple[Any, ...]]:
    made = (
        select(func.count())
        .select_from(SubmissionMember)
        .join(Submission, Submission.id == SubmissionMember.submission_id)
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .correlate(Assignment, Enrolment)
        .scalar_subquery()
    )
    return (
        select(
            Enrolment.id,
            User.name.label("student"),
            User.student_number,
            own(Assignment.due_at).label("due_at"),
            func.coalesce(ExtendedDate.hours, 0).label("extended_by"),
            made.label("attempts"),
        )
        .select_from(Assignment)
        .join(Enrolment, Enrolment.intake_id == Assignment.intake_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(ExtendedDate, of_extension())
        .where(
            and_(
                Assignment.id == bindparam("assignment_id"),
                among(Enrolment.state, [EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED]),
            )
        )
        .order_by(User.sort_key, Enrolment.id)
        .limit(MOST_STUDENTS)
    )
