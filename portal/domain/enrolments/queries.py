"""Questions about enrolments: the office's lists, the students of an intake, and a person's own courses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.accounts.names import Named
from portal.domain.courses.models import Course, Intake
from portal.domain.courses.search import has_words
from portal.domain.enrolments.models import CURRENT, Enrolment, EnrolmentState
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, Total, counted, paged


@dataclass(frozen=True)
class EnrolmentRow(Named):
    """An enrolment in a list: who, in what, since when."""

    id: UUID
    user_id: UUID
    first_name: str
    last_name: str
    student_number: str | None
    intake_id: UUID
    course: str
    intake: str
    state: str
    enrolled_at: datetime
    access_until: datetime | None


@dataclass(frozen=True)
class EnrolmentPage(Named):
    """An enrolment as the office sees it."""

    id: UUID
    user_id: UUID
    first_name: str
    last_name: str
    student_number: str | None
    email: str | None
    phone: str | None
    intake_id: UUID
    course: str
    intake: str
    starts_on: date
    ends_on: date
    state: str
    enrolled_at: datetime
    ended_at: datetime | None
    access_until: datetime | None
    reason: str


@dataclass(frozen=True)
class StudentRow(Named):
    """A student of an intake, as its trainers see them."""

    enrolment_id: UUID
    user_id: UUID
    first_name: str
    last_name: str
    student_number: str | None
    state: str
    enrolled_at: datetime


@dataclass(frozen=True)
class OwnCourse:
    """A course a student is or was in."""

    enrolment_id: UUID
    intake_id: UUID
    course: str
    category: str
    intake: str
    starts_on: date
    ends_on: date
    state: str
    access_until: datetime | None


def enrolments(
    session: Session,
    *,
    q: str = "",
    state: EnrolmentState | None = None,
    intake_id: UUID | None = None,
    cursor: Keyset | None = None,
    size: int = 25,
) -> Page[EnrolmentRow]:
    """Return enrolments, the latest first: those whose person, course or intake contains every word of `q`."""
    statement = _enrolments(q, state, intake_id)
    return paged(
        session, statement, sort=Enrolment.enrolled_at, key=Enrolment.id, cursor=cursor, size=size, descending=True
    ).into(EnrolmentRow)


def enrolments_total(
    session: Session, *, q: str = "", state: EnrolmentState | None = None, intake_id: UUID | None = None
) -> Total:
    """Return how many enrolments such a search finds."""
    return counted(session, _enrolments(q, state, intake_id).with_only_columns(Enrolment.id))


def enrolment(session: Session, enrolment_id: UUID) -> EnrolmentPage:
    """Return one enrolment, for the office."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Enrolment.id,
            User.id,
            User.first_name,
            User.last_name,
            User.student_number,
            User.email,
            User.phone,
            Intake.id,
            Course.title,
            Intake.title,
            Intake.starts_on,
            Intake.ends_on,
            Enrolment.state,
            Enrolment.enrolled_at,
            Enrolment.ended_at,
            Enrolment.access_until,
            Enrolment.reason,
        )
        .join(User, User.id == Enrolment.user_id)
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Enrolment.id == enrolment_id)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return EnrolmentPage(*row)


def students_of(
    session: Session, intake_id: UUID, *, q: str = "", cursor: Keyset | None = None, size: int = 50
) -> Page[StudentRow]:
    """Return the students of an intake by name; load the intake through the trainer first."""
    statement = _students(intake_id, q)
    return paged(session, statement, sort=User.sort_key, key=Enrolment.id, cursor=cursor, size=size).into(StudentRow)


def courses_of_student(
    session: Session, student_id: UUID, *, states: Iterable[EnrolmentState] = EnrolmentState, most: int = 100
) -> list[OwnCourse]:
    """Return the courses a student is or was in: those that go on first, then the latest."""
    rows = read(session, _own_courses(tuple(states)), {"student_id": student_id, "most": most})
    return [OwnCourse(*row) for row in rows]


def course_of_student(session: Session, student_id: UUID, intake_id: UUID) -> OwnCourse:
    """Return a student's course by its intake, the present enrolment before an earlier one; else it does not exist."""
    row = read(session, _own_course(), {"student_id": student_id, "intake_id": intake_id}).one_or_none()
    if row is None:
        raise NotFound
    return OwnCourse(*row)


def _enrolments(q: str, state: EnrolmentState | None, intake_id: UUID | None) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = (
        select(
            Enrolment.id,
            User.id,
            User.first_name,
            User.last_name,
            User.student_number,
            Intake.id,
            Course.title,
            Intake.title,
            Enrolment.state,
            Enrolment.enrolled_at,
            Enrolment.access_until,
        )
        .join(User, User.id == Enrolment.user_id)
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(*has_words(q, User.search_text, Intake.search_text, Course.search_text))
    )
    if state is not None:
        statement = statement.where(Enrolment.state == state)
    return statement if intake_id is None else statement.where(Enrolment.intake_id == intake_id)


def _students(intake_id: UUID, q: str) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Enrolment.id,
            User.id,
            User.first_name,
            User.last_name,
            User.student_number,
            Enrolment.state,
            Enrolment.enrolled_at,
        )
        .join(User, User.id == Enrolment.user_id)
        .where(
            Enrolment.intake_id == intake_id,
            among(Enrolment.state, CURRENT),
            *has_words(q, User.search_text),
        )
    )


@cache
def _own_courses(states: tuple[EnrolmentState, ...]) -> Select[*tuple[Any, ...]]:
    going_on_first = (Enrolment.ended_at.is_not(None), Intake.starts_on.desc(), Enrolment.id.desc())
    return _courses().where(among(Enrolment.state, states)).order_by(*going_on_first).limit(bindparam("most"))


@cache
def _own_course() -> Select[*tuple[Any, ...]]:
    latest_first = (Enrolment.ended_at.is_not(None), Enrolment.enrolled_at.desc(), Enrolment.id.desc())
    return _courses().where(Intake.id == bindparam("intake_id")).order_by(*latest_first).limit(1)


def _courses() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Enrolment.id,
            Intake.id,
            Course.title,
            Course.category,
            Intake.title,
            Intake.starts_on,
            Intake.ends_on,
            Enrolment.state,
            Enrolment.access_until,
        )
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Enrolment.user_id == bindparam("student_id"))
    )
