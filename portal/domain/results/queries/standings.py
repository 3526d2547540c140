"""How far students are with each assignment of their intake, and with which marks: what results are reckoned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, and_, any_, bindparam, case, lateral, select, true
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.models import (
    Assignment,
    AssignmentState,
    ExtendedDate,
    Submission,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.own_dates import away_before, of_extension, own, standing_dates
from portal.domain.assignments.queries.shown import counting_mark
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
    newest = lateral(
        select(Submission.id, Submission.attempt, Submission.state, Submission.submitted_at, Submission.late)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .order_by(Submission.attempt.desc())
        .limit(1)
        .correlate(Assignment, Enrolment),
        "newest",
    )
    counts = counting_mark(held_too=held_too)
    due_at = own(Assignment.due_at)
    published = and_(Assignment.state != AssignmentState.DRAFT, may_weigh())
    return (
        select(
            Enrolment.id,
            Assignment.id,
            newest.c.id,
            newest.c.attempt,
            newest.c.state,
            newest.c.submitted_at,
            newest.c.late,
            counts.c.final_points,
            counts.c.released_at,
            counts.c.attempt,
            Assignment.state == AssignmentState.ARCHIVED,
            due_at,
            own(Assignment.cut_off_at),
            case((newest.c.id.is_(None), away_before(due_at))),
        )
        .select_from(Enrolment)
        .join(Assignment, and_(Assignment.intake_id == Enrolment.intake_id, published))
        .outerjoin(ExtendedDate, of_extension())
        .outerjoin(newest, true())
        .outerjoin(counts, true())
        .where(Enrolment.id == any_(bindparam("enrolment_ids", type_=ARRAY(Uuid()))))
    )
