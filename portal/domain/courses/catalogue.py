"""Questions of visitors: the published courses, one course with its open intakes, what starts next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import Session

from portal.domain.courses.models import Course, CourseState, Intake, Level
from portal.domain.courses.search import has_words
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, Total, counted, paged

PAGE_SIZE = 12  # courses of a page: fills rows of two and of three


@dataclass(frozen=True)
class CatalogueRow:
    """A published course, with the next of its intakes that takes applications."""

    id: UUID
    slug: str
    title: str
    summary: str
    category: str
    level: str
    weeks: int
    price_pesewas: int
    next_start: date | None
    seats_free: int | None


@dataclass(frozen=True)
class OpenIntake:
    """An intake that takes applications."""

    id: UUID
    title: str
    starts_on: date
    ends_on: date
    application_deadline: date
    seats: int
    seats_taken: int
    price_pesewas: int
    application_fee_pesewas: int

    @property
    def seats_free(self) -> int:
        return self.seats - self.seats_taken


@dataclass(frozen=True)
class NextIntake:
    """An intake that takes applications, with its course."""

    slug: str
    course: str
    category: str
    title: str
    starts_on: date
    application_deadline: date
    seats_free: int


@dataclass(frozen=True)
class CoursePage:
    """A course as its own public page shows it."""

    id: UUID
    slug: str
    title: str
    summary: str
    description: str
    category: str
    level: str
    weeks: int
    price_pesewas: int
    outcomes: Sequence[str]
    syllabus: Sequence[str]
    intakes: Sequence[OpenIntake] = ()


def catalogue(
    session: Session,
    *,
    today: date,
    q: str = "",
    category: str = "",
    level: Level | None = None,
    cursor: Keyset | None = None,
    size: int = PAGE_SIZE,
) -> Page[CatalogueRow]:
    """Return published courses by title: those whose title, summary or category contains every word of `q`."""
    statement = _with_next_intake(published(q, category, level), today)
    return paged(session, statement, sort=Course.sort_key, key=Course.id, cursor=cursor, size=size).into(CatalogueRow)


def catalogue_total(session: Session, *, q: str = "", category: str = "", level: Level | None = None) -> Total:
    """Return how many courses such a search finds."""
    return counted(session, published(q, category, level).with_only_columns(Course.id))


def published(q: str, category: str, level: Level | None) -> Select[*tuple[Any, ...]]:
    """Return the statement of the published courses of a search, for whoever lists them."""
    statement: Select[*tuple[Any, ...]] = select(
        Course.id,
        Course.slug,
        Course.title,
        Course.summary,
        Course.category,
        Course.level,
        Course.weeks,
        Course.price_pesewas,
    ).where(Course.state == CourseState.PUBLISHED, *has_words(q, Course.search_text))
    if category:
        statement = statement.where(Course.category == category)
    if level is not None:
        statement = statement.where(Course.level == level)
    return statement


def categories(session: Session) -> list[tuple[str, int]]:
    """Return the categories of published courses, each with how many it has."""
    statement = (
        select(Course.category, func.count())
        .where(Course.state == CourseState.PUBLISHED)
        .group_by(Course.category)
        .order_by(Course.category)
    )
    return [(name, number) for name, number in session.execute(statement)]


def course_page(session: Session, slug: str, *, today: date) -> CoursePage:
    """Return a published course with the intakes that take applications, the next first."""
    course = session.execute(
        select(
            Course.id,
            Course.slug,
            Course.title,
            Course.summary,
            Course.description,
            Course.category,
            Course.level,
            Course.weeks,
            Course.price_pesewas,
            Course.outcomes,
            Course.syllabus,
        ).where(Course.slug == slug, Course.state == CourseState.PUBLISHED)
    ).one_or_none()
    if course is None:
        raise NotFound("There is no course at this address. It may have been taken out of the catalogue.")
    intakes = session.execute(
        select(
            Intake.id,
            Intake.title,
            Intake.starts_on,
            Intake.ends_on,
            Intake.application_deadline,
            Intake.seats,
            Intake.seats_taken,
            Intake.price_pesewas,
            Intake.application_fee_pesewas,
        )
        .where(Intake.course_id == course.id, Intake.application_deadline >= today)
        .order_by(Intake.starts_on, Intake.id)
        .limit(12)
    )
    return replace(CoursePage(*course), intakes=[OpenIntake(*row) for row in intakes])


def next_intakes(session: Session, *, today: date, limit: int = 6) -> list[NextIntake]:
    """Return the intakes of published courses that take applications, the next to start first."""
    statement = (
        select(
            Course.slug,
            Course.title,
            Course.category,
            Intake.title,
            Intake.starts_on,
            Intake.application_deadline,
            (Intake.seats - Intake.seats_taken),
        )
        .join(Course, Course.id == Intake.course_id)
        .where(Course.state == CourseState.PUBLISHED, Intake.application_deadline >= today)
        .order_by(Intake.starts_on, Intake.id)
        .limit(limit)
    )
    return [NextIntake(*row) for row in session.execute(statement)]


def _with_next_intake(courses: Select[*tuple[Any, ...]], today: date) -> Select[*tuple[Any, ...]]:
    """Add start and free seats of the next intake with a free seat, else of the next one."""
    free = Intake.seats - Intake.seats_taken
    following = (
        select(Intake.starts_on, free.label("seats_free"))
        .where(Intake.course_id == Course.id, Intake.application_deadline >= today)
        .order_by((free > 0).desc(), Intake.starts_on, Intake.id)
        .limit(1)
        .lateral("following")
    )
    joined = courses.add_columns(following.c.starts_on, following.c.seats_free)
    return joined.select_from(Course).outerjoin(following, true())
