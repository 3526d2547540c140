"""The gradebook of an intake: its students beside its assignments, a page of each at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.assignments.models import AssignmentState
from portal.domain.courses.search import has_words
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.keyset import Keyset, Page, Span, fitting, page_of
from portal.domain.results.final_mark import FinalMark, final_mark
from portal.domain.results.queries.standings import Cell, cells_of, pieces
from portal.domain.results.queries.weights import WeighedAssignment, assignments_that_weigh, total_of

PAGE_SIZE = 20
COLUMNS = 8  # assignments beside each other


class Order(StrEnum):
    NAME = "name"
    HIGHEST = "highest"
    LOWEST = "lowest"


class Shown(StrEnum):
    """Which students are shown."""

    ALL = "all"
    MISSING = "missing"
    """Something has fallen due, and they have handed in nothing."""
    NOT_ON_COURSE = "not_on_course"


@dataclass(frozen=True, kw_only=True)
class GradebookFilter:
    """What was chosen to be seen of a gradebook."""

    order: Order = Order.NAME
    shown: Shown = Shown.ALL
    words: str = ""
    """Part of a student's name or number."""

    @property
    def reckons_all(self) -> bool:
        """Whether every final mark of the intake has to be known to tell what is on a page."""
        return self.order is not Order.NAME or self.shown is not Shown.ALL


@dataclass(frozen=True)
class GradebookRow:
    """A student with their marks, released or not, and the final mark as these make it."""

    enrolment_id: UUID
    student: str
    student_number: str | None
    state: str
    sort_key: str
    cells: Mapping[UUID, Cell]
    """By assignment."""
    mark: FinalMark | None


@dataclass(frozen=True)
class Columns:
    """Some of the assignments, and where the others begin."""

    items: list[WeighedAssignment]
    previous: UUID | None
    next: UUID | None


@dataclass(frozen=True)
class Gradebook:
    """A page of students with all assignments that they were set."""

    assignments: list[WeighedAssignment]
    total: Decimal
    """What the weights add to, those of drafts included."""
    page: Page[GradebookRow]

    def columns(self, begins_at: UUID | None, number: int = COLUMNS) -> Columns:
        """Return the assignments from this one on; one that is not there is the first."""
        ids = [row.id for row in self.assignments]
        place = ids.index(begins_at) if begins_at in ids else 0
        return Columns(
            self.assignments[place : place + number],
            ids[max(place - number, 0)] if place else None,
            ids[place + number] if place + number < len(ids) else None,
        )


def gradebook(
    session: Session,
    intake_id: UUID,
    chosen: GradebookFilter,
    *,
    at: datetime,
    cursor: Keyset | None = None,
    size: int = PAGE_SIZE,
) -> Gradebook:
    """Return a page of an intake's gradebook; see first that it may be seen (`intake_with_results`)."""
    weighed = assignments_that_weigh(session, intake_id)
    if chosen.reckons_all:
        rows = _rows(session, _students(session, intake_id, chosen.words), weighed, at)
        page = _page_of_rows([row for row in rows if _is_shown(row, chosen.shown, at)], chosen.order, cursor, size)
    else:
        page = _page_by_name(session, intake_id, chosen.words, weighed, at, cursor, size)
    set_so_far = [row for row in weighed if row.state != AssignmentState.DRAFT]
    return Gradebook(set_so_far, total_of(weighed), page)


def whole_gradebook(session: Session, intake_id: UUID, *, at: datetime) -> Gradebook:
    """Return the gradebook of all students by name, to be taken away."""
    weighed = assignments_that_weigh(session, intake_id)
    rows = _rows(session, _students(session, intake_id, ""), weighed, at)
    set_so_far = [row for row in weighed if row.state != AssignmentState.DRAFT]
    return Gradebook(set_so_far, total_of(weighed), Page(tuple(sorted(rows, key=_by_name))))


def _page_by_name(
    session: Session,
    intake_id: UUID,
    words: str,
    weighed: Sequence[WeighedAssignment],
    at: datetime,
    cursor: Keyset | None,
    size: int,
) -> Page[GradebookRow]:
    """Only the students of the page are read, and only their work."""
    cursor = fitting(cursor, User.sort_key, Enrolment.id)
    statement = Span.of(cursor).cut(
        _select_students().where(*has_words(words, User.search_text)), User.sort_key, Enrolment.id
    )
    found = page_of(session, statement, {"intake_id": intake_id}, cursor=cursor, size=size)
    rows = _rows(session, [row[:-2] for row in found.items], weighed, at)
    return Page(tuple(rows), found.previous, found.next)


def _students(session: Session, intake_id: UUID, words: str) -> list[Sequence[Any]]:
    statement = _select_students().where(*has_words(words, User.search_text))
    return list(read(session, statement, {"intake_id": intake_id}).all())


def _rows(
    session: Session, students: Sequence[Sequence[Any]], weighed: Sequence[WeighedAssignment], at: datetime
) -> list[GradebookRow]:
    cells = cells_of(session, [row[0] for row in students], held_too=True)
    return [GradebookRow(*(*row, cells[row[0]], final_mark(pieces(weighed, cells[row[0]], at)))) for row in students]


def _is_shown(row: GradebookRow, shown: Shown, at: datetime) -> bool:
    match shown:
        case Shown.MISSING:
            return any(cell.is_overdue(at) for cell in row.cells.values())
        case Shown.NOT_ON_COURSE:
            return row.mark is not None and row.mark.on_course is False
        case Shown.ALL:
            return True


def _page_of_rows(rows: list[GradebookRow], order: Order, cursor: Keyset | None, size: int) -> Page[GradebookRow]:
    """Return a page of what was reckoned, from a place and not by counting, as `page_of` does of what is read."""
    place_of = _PLACES[order]
    rows.sort(key=place_of)
    if cursor is None:
        return _cut(rows, place_of, 0, size)
    there = (cursor.value, cursor.key)
    if cursor.backwards:
        before = sum(place_of(row) < there for row in rows)
        return _cut(rows, place_of, max(before - size, 0), min(size, before))
    return _cut(rows, place_of, sum(place_of(row) <= there for row in rows), size)


def _cut(
    rows: list[GradebookRow], place_of: Callable[[GradebookRow], tuple[Any, UUID]], first: int, size: int
) -> Page[GradebookRow]:
    items = rows[first : first + size]
    return Page(
        tuple(items),
        Keyset(*place_of(items[0]), backwards=True) if items and first else None,
        Keyset(*place_of(items[-1])) if items and first + size < len(rows) else None,
    )


def _by_name(row: GradebookRow) -> tuple[Any, UUID]:
    return row.sort_key, row.enrolment_id


def _highest_first(row: GradebookRow) -> tuple[Any, UUID]:
    so_far = None if row.mark is None else row.mark.so_far
    return Decimal(1) if so_far is None else -so_far, row.enrolment_id


def _lowest_first(row: GradebookRow) -> tuple[Any, UUID]:
    so_far = None if row.mark is None else row.mark.so_far
    return Decimal(101) if so_far is None else so_far, row.enrolment_id


_PLACES = {Order.NAME: _by_name, Order.HIGHEST: _highest_first, Order.LOWEST: _lowest_first}
"""What each order sorts by; whoever has no mark comes last."""


def _select_students() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Enrolment.id,
            User.name,
            User.student_number,
            Enrolment.state,
            User.sort_key,
        )
        .join(User, User.id == Enrolment.user_id)
        .where(Enrolment.intake_id == bindparam("intake_id"), among(Enrolment.state, CURRENT))
    )
