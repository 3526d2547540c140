"""How far students are with each assignment of their intake, and with which marks: what results are reckoned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Subquery, Uuid, and_, any_, bindparam, case, func, lateral, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import LateralFromClause

from portal.db import among, read
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.models import (
    Assignment,
    AssignmentState,
    Grade,
    Submission,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.own_dates import away_before, of_extension, own, standing_dates
from portal.domain.assignments.queries.counting import NEWEST_FIRST, what_counts_first
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import Enrolment
from portal.domain.results.final_mark import Piece
from portal.domain.results.queries.weights import WeighedAssignment, may_weigh


@dataclass(frozen=True)
class Cell:
    """One student and one assignment."""

    enrolment_id: UUID
    assignment_id: UUID
    submission_id: UUID | None
    """The newest attempt that was handed in."""
    attempt: int | None
    state: str | None
    submitted_at: datetime | None
    late: bool | None
    mark: Decimal | None
    """Of the attempt that counts."""
    released_at: datetime | None
    marked_attempt: int | None
    is_archived: bool
    due_at: datetime
    """With what this student was granted; the cut-off too."""
    cut_off_at: datetime | None
    away: list[list[str]] | None

    @property
    def is_held(self) -> bool:
        """Whether its student does not see the mark yet."""
        return self.mark is not None and self.released_at is None

    @property
    def waits(self) -> bool:
        """Whether the newest attempt waits for a mark."""
        return self.state == SubmissionState.SUBMITTED and self.attempt != self.marked_attempt

    def is_overdue(self, at: datetime) -> bool:
        """Whether it has fallen due and nothing was handed in."""
        return self.submission_id is None and self.mark is None and at > self._dates.due_at

    def is_missed(self, at: datetime) -> bool:
        """Whether nothing was handed in and nothing more is taken."""
        return self.is_overdue(at) and (self.is_archived or at > self._dates.closes_at)

    @property
    def _dates(self) -> Dates:
        dates = Dates(opens_at=None, due_at=self.due_at, cut_off_at=self.cut_off_at)
        return standing_dates(dates, self.away)


Cells = Mapping[UUID, Mapping[UUID, Cell]]
"""By enrolment, then by assignment."""


def cells_of(session: Session, enrolment_ids: Sequence[UUID], *, held_too: bool) -> Cells:
    """Return how these students stand with all published assignments; marks held back only where they are wanted."""
    found: dict[UUID, dict[UUID, Cell]] = {enrolment_id: {} for enrolment_id in enrolment_ids}
    for row in read(session, _cells(held_too=held_too), {"enrolment_ids": list(enrolment_ids)}):
        cell = Cell(*row)
        found[cell.enrolment_id][cell.assignment_id] = cell
    return found


def pieces(assignments: Iterable[WeighedAssignment], cells: Mapping[UUID, Cell], at: datetime) -> list[Piece]:
    """Return what a student's final mark is reckoned from; what is not set yet is open."""
    return [piece_of(row, cells.get(row.id), at) for row in assignments if row.weight]


def piece_of(assignment: WeighedAssignment, cell: Cell | None, at: datetime) -> Piece:
    """Return one assignment as it stands for a student."""
    if cell is None:
        return Piece(assignment.weight, assignment.points)
    return Piece(assignment.weight, assignment.points, cell.mark, cell.is_missed(at))


@cache
def _cells(*, held_too: bool) -> Select[*tuple[Any, ...]]:
    work, due_at = _work(held_too=held_too), own(Assignment.due_at)
    published = and_(Assignment.state != AssignmentState.DRAFT, may_weigh())
    return (
        select(
            Enrolment.id,
            Assignment.id,
            *work.c,
            Assignment.state == AssignmentState.ARCHIVED,
            due_at,
            own(Assignment.cut_off_at),
            case((work.c.id.is_(None), away_before(due_at))),
        )
        .select_from(Enrolment)
        .join(Assignment, and_(Assignment.intake_id == Enrolment.intake_id, published))
        .outerjoin(ExtendedDate, of_extension())
        .outerjoin(work, true())
        .where(Enrolment.id == any_(bindparam("enrolment_ids", type_=ARRAY(Uuid()))))
    )


def _work(*, held_too: bool) -> LateralFromClause:
    """The newest attempt beside the mark of the one that counts, from one look at the attempts."""
    each = _attempts(held_too=held_too).c
    newest = [each.attempt.desc()]
    counts = [each.final_points.is_(None), *what_counts_first(each.final_points, each.attempt)]
    marked = case((each.final_points.is_not(None), each.attempt))
    return lateral(
        select(
            *(
                func.first_value(column).over(order_by=newest).label(column.name)
                for column in (each.id, each.attempt, each.state, each.submitted_at, each.late)
            ),
            func.first_value(each.final_points).over(order_by=counts).label("mark"),
            func.first_value(each.released_at).over(order_by=counts).label("released_at"),
            func.first_value(marked).over(order_by=counts).label("marked_attempt"),
        )
        .limit(1)
        .correlate(Assignment),
        "work",
    )


def _attempts(*, held_too: bool) -> Subquery:
    """The attempts of an enrolment at an assignment, each with its newest mark of those that may be seen."""
    released = () if held_too else (Grade.released_at.is_not(None),)
    mark = lateral(
        select(Grade.final_points, Grade.released_at)
        .where(
            Grade.submission_id == SubmissionMember.submission_id,
            Grade.enrolment_id == SubmissionMember.enrolment_id,
            *released,
        )
        .order_by(*NEWEST_FIRST)
        .limit(1)
        .correlate(SubmissionMember),
        "given",
    )
    return (
        select(
            Submission.id,
            Submission.attempt,
            Submission.state,
            Submission.submitted_at,
            Submission.late,
            mark.c.final_points,
            mark.c.released_at,
        )
        .select_from(SubmissionMember)
        .join(Submission, Submission.id == SubmissionMember.submission_id)
        .outerjoin(mark, true())
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .correlate(Assignment, Enrolment)
        .subquery("attempts")
    )
