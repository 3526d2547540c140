"""The queue of a trainer who marks: what waits over all their intakes, page by page, and how much of it there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, bindparam, func, lateral, or_, select, true, tuple_, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.assignments.group_models import AssignmentGroup
from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionMember, SubmissionState
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.queries.groups import number_of_one, whose
from portal.domain.assignments.receipts import normal_number
from portal.domain.assignments.waiting import HANDED_IN, mark_is_held_back, waits_for_mark
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.keyset import Keyset, Page, Span, fitting, page_of

PAGE_SIZE = 20
BEFORE, AFTER = 3, 8  # how many neighbours stand beside the work that is being marked


class Waiting(StrEnum):
    """Which part of the queue is shown."""

    TO_MARK = "to_mark"
    HELD_BACK = "held_back"
    RETURNED = "returned"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """What a trainer chose to see of the queue."""

    waiting: Waiting = Waiting.TO_MARK
    intake_id: UUID | None = None
    assignment_id: UUID | None = None
    words: str = ""
    """Part of the name or number of a student or a group, or the number of a receipt."""


@dataclass(frozen=True)
class QueueRow:
    """A submission in the queue."""

    id: UUID
    student: str
    """The student's name, or that of the group."""
    student_number: str | None
    title: str
    course: str
    intake: str
    attempt: int
    state: str
    submitted_at: datetime
    late: bool
    mark: Decimal | None
    """The newest; of a group the lowest of its members', and the next the highest."""
    best_mark: Decimal | None
    points: int
    hold_marks: bool
    assignment_id: UUID


@dataclass(frozen=True)
class Neighbour:
    """A submission before or after the present one in the queue."""

    id: UUID
    student: str
    title: str
    submitted_at: datetime
    state: str


@dataclass(frozen=True)
class Around:
    """The queue on both sides of a submission."""

    before: list[Neighbour]
    after: list[Neighbour]

    @property
    def previous(self) -> Neighbour | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Neighbour | None:
        return self.after[0] if self.after else None


@dataclass(frozen=True)
class WaitingCount:
    """How much work of an assignment waits."""

    assignment_id: UUID
    title: str
    intake_id: UUID
    intake: str
    course: str
    to_mark: int
    held_back: int


def marking_queue(
    session: Session, trainer_id: UUID, chosen: QueueFilter, *, cursor: Keyset | None = None, size: int = PAGE_SIZE
) -> Page[QueueRow]:
    """Return the work handed in to the intakes a trainer teaches, what has waited longest first."""
    cursor = fitting(cursor, Submission.submitted_at, Submission.id)
    statement = _page(_Shape.of(chosen), Span.of(cursor))
    return page_of(session, statement, _values(trainer_id, chosen), cursor=cursor, size=size).into(QueueRow)


def around(
    session: Session, trainer_id: UUID, chosen: QueueFilter, submission_id: UUID, submitted_at: datetime
) -> Around:
    """Return what stands before and after a submission in the queue, in one statement."""
    here = {"keyset_value": submitted_at, "keyset_id": submission_id, "keyset_rows": max(BEFORE, AFTER)}
    found = read(session, _both_sides(_Shape.of(chosen)), _values(trainer_id, chosen) | here)
    rows = sorted((Neighbour(*row) for row in found), key=lambda row: (row.submitted_at, row.id))
    return Around(
        before=[row for row in rows if (row.submitted_at, row.id) < (submitted_at, submission_id)][-BEFORE:],
        after=[row for row in rows if (row.submitted_at, row.id) > (submitted_at, submission_id)][:AFTER],
    )


def work_waiting(session: Session, trainer_id: UUID) -> list[WaitingCount]:
    """Return the assignments a trainer has set, with how much of each waits for a mark and for its release."""
    return [WaitingCount(*row) for row in read(session, _counts(), {"trainer_id": trainer_id})]


@dataclass(frozen=True)
class _Shape:
    """What a statement depends on; it is made once for each, and the values are its parameters."""

    waiting: Waiting
    of_an_intake: bool
    of_an_assignment: bool
    words: str
    """What they are looked for in: `number`, `name`, or nothing."""

    @classmethod
    def of(cls, chosen: QueueFilter) -> _Shape:
        words = ("number" if normal_number(chosen.words) else "name") if chosen.words else ""
        return cls(chosen.waiting, chosen.intake_id is not None, chosen.assignment_id is not None, words)


def _values(trainer_id: UUID, chosen: QueueFilter) -> dict[str, Any]:
    escaped = chosen.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "trainer_id": trainer_id,
        "intake_id": chosen.intake_id,
        "assignment_id": chosen.assignment_id,
        "words": normal_number(chosen.words) or escaped,
    }


@cache
def _page(shape: _Shape, span: Span) -> Select[*tuple[Any, ...]]:
    first = _first(shape, span)
    newest = (
        select(Grade.final_points)
        .ext(distinct_on(Grade.enrolment_id))
        .where(Grade.submission_id == Submission.id)
        .order_by(Grade.enrolment_id, *NEWEST_FIRST)
        .correlate(Submission)
        .subquery("newest")
    )
    marks = lateral(
        select(func.min(newest.c.final_points).label("least"), func.max(newest.c.final_points).label("best")), "marks"
    )
    statement = _named(
        first,
        Submission.id,
        whose(Submission.group_id).label("student"),
        number_of_one(Submission.group_id).label("student_number"),
        Assignment.title,
        Course.title.label("course"),
        Intake.title.label("intake"),
        Submission.attempt,
        Submission.state,
        Submission.submitted_at,
        Submission.late,
        marks.c.least,
        marks.c.best,
        Assignment.points,
        Assignment.hold_marks,
        Assignment.id.label("assignment_id"),
    )
    whole = statement.join(Intake, Intake.id == Assignment.intake_id).join(Course, Course.id == Intake.course_id)
    return span.cut(whole.join(marks, true()), first.c.submitted_at, first.c.id)


@cache
def _both_sides(shape: _Shape) -> Select[*tuple[Any, ...]]:
    earlier, later = (_first(shape, Span(from_a_place=True, falling=falling)) for falling in (True, False))
    both = union_all(earlier.select(), later.select()).subquery("work")
    student = whose(Submission.group_id).label("student")
    return _named(both, Submission.id, student, Assignment.title, Submission.submitted_at, Submission.state)


def _first(shape: _Shape, span: Span) -> Subquery:
    """The first of the queue: the first of each assignment, from its index alone, then the first of them all.

    Read as one list, the planner goes through the work of the whole institute.
    """
    of_one: Select[*tuple[Any, ...]] = select(Submission.id, Submission.submitted_at).where(
        Submission.assignment_id == Assignment.id, _part_of_queue(shape.waiting)
    )
    if shape.words == "number":
        of_one = of_one.where(Submission.number == bindparam("words"))
    elif shape.words == "name":
        of_one = of_one.where(_is_called(func.concat("%", func.fold(bindparam("words")), "%")))
    few = span.first_of(of_one, Submission.submitted_at, Submission.id).correlate(Assignment).lateral("few")
    of_all: Select[*tuple[Any, ...]] = (
        select(few.c.id, few.c.submitted_at)
        .select_from(IntakeTrainer)
        .join(Assignment, Assignment.intake_id == IntakeTrainer.intake_id)
        .join(few, true())
        .where(IntakeTrainer.user_id == bindparam("trainer_id"))
    )
    if shape.of_an_intake:
        of_all = of_all.where(Assignment.intake_id == bindparam("intake_id"))
    if shape.of_an_assignment:
        of_all = of_all.where(Assignment.id == bindparam("assignment_id"))
    return span.first_of(of_all, few.c.submitted_at, few.c.id).subquery()


def _named(first: Subquery, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(first)
        .join(Submission, Submission.id == first.c.id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
    )


def _is_called(pattern: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition under which somebody for whom a `Submission` counts, or its group, is called so."""
    members = (
        select(SubmissionMember.submission_id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(SubmissionMember.submission_id == Submission.id, User.search_text.like(pattern))
        .correlate(Submission)
    )
    groups = (
        select(AssignmentGroup.id)
        .where(AssignmentGroup.id == Submission.group_id, func.fold(AssignmentGroup.name).like(pattern))
        .correlate(Submission)
    )
    return or_(members.exists(), groups.exists())


def _part_of_queue(waiting: Waiting) -> ColumnElement[bool]:
    match waiting:
        case Waiting.TO_MARK:
            return waits_for_mark()
        case Waiting.HELD_BACK:
            return mark_is_held_back()
        case Waiting.RETURNED:
            return Submission.state == SubmissionState.RETURNED
        case Waiting.ALL:
            return among(Submission.state, HANDED_IN)


@cache
def _counts() -> Select[*tuple[Any, ...]]:
    """Every part is counted from its own index: read as one list, all that was ever handed in would be looked at."""
    of_one = Submission.assignment_id == Assignment.id
    to_mark = select(func.count()).select_from(Submission).where(of_one, waits_for_mark()).correlate(Assignment)
    handed_in = select(Submission.id).where(of_one, among(Submission.state, HANDED_IN)).correlate(Assignment)
    held = _held_back()
    return (
        select(
            Assignment.id,
            Assignment.title,
            Intake.id.label("intake_id"),
            Intake.title.label("intake"),
            Course.title.label("course"),
            to_mark.scalar_subquery(),
            func.coalesce(held.c.number, 0),
        )
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .outerjoin(held, held.c.assignment_id == Assignment.id)
        .where(IntakeTrainer.user_id == bindparam("trainer_id"), handed_in.exists())
        .order_by(Assignment.due_at.desc(), Assignment.id)
    )


def _held_back() -> Subquery:
    """How many marks of each of a trainer's assignments are held back: the newest of their work, and not released."""
    later = aliased(Grade)
    newer = select(later.id).where(
        later.submission_id == Grade.submission_id,
        later.enrolment_id == Grade.enrolment_id,
        tuple_(later.graded_at, later.id) > tuple_(Grade.graded_at, Grade.id),
    )
    marked = among(Submission.state, [SubmissionState.GRADED, SubmissionState.RETURNED])
    return (
        select(Submission.assignment_id, func.count(func.distinct(Submission.id)).label("number"))
        .select_from(Grade)
        .join(Submission, Submission.id == Grade.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(Grade.released_at.is_(None), marked, ~newer.exists(), IntakeTrainer.user_id == bindparam("trainer_id"))
        .group_by(Submission.assignment_id)
        .subquery("held")
    )
