"""What one student has reached in an intake: the student's own page, and the record that is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, or_, select, true
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.assignments.models import AssignmentState
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.errors import NotFound
from portal.domain.permissions import Actor, Permission
from portal.domain.results.final_mark import FinalMark, Piece, final_mark, needed
from portal.domain.results.queries.standings import Cell, cells_of, piece_of
from portal.domain.results.queries.weights import WeighedAssignment, assignments_that_weigh, total_of
from portal.domain.results.weights import HUNDREDTH

NOT_SET_YET = "not-set-yet"
"""How work that carries weight and was not shown to students yet is named, all of it together."""


@dataclass(frozen=True)
class OwnPiece:
    """One assignment on a student's page of results."""

    assignment_id: UUID | None
    """None: all work that is not set yet, together."""
    title: str
    assignment_type: str
    piece: Piece
    due_at: datetime | None
    handed_in_at: datetime | None
    late: bool
    released_at: datetime | None

    @property
    def name(self) -> str:
        """What a field for it is called."""
        return NOT_SET_YET if self.assignment_id is None else str(self.assignment_id)

    @property
    def earned(self) -> Decimal | None:
        """What it brings to the final mark, in percent; None while it is open."""
        if not self.piece.is_decided:
            return None
        return (Decimal(self.piece.share.numerator) * self.piece.weight / self.piece.share.denominator).quantize(
            HUNDREDTH, ROUND_HALF_UP
        )

    @property
    def is_open(self) -> bool:
        """Whether a mark for it can still be imagined."""
        return bool(self.piece.weight) and not self.piece.is_decided


@dataclass(frozen=True)
class OwnResults:
    """The results of a student in an intake, from released marks alone."""

    enrolment_id: UUID
    intake_id: UUID
    student: str
    student_number: str | None
    course: str
    intake: str
    starts_on: date
    ends_on: date
    state: str
    teaches: bool
    """Whether whoever asked teaches this intake."""
    pieces: list[OwnPiece]
    total: Decimal
    """What the weights add to."""

    @property
    def is_current(self) -> bool:
        """Whether the student belongs to the intake; after leaving it there is no final mark."""
        return self.state in CURRENT

    @property
    def mark(self) -> FinalMark | None:
        """The final mark as it stands."""
        return final_mark(row.piece for row in self.pieces) if self.is_current else None

    def needed(self, target: Decimal) -> Decimal | None:
        """Return what all open work must reach together for this final mark, in percent; see `final_mark.needed`."""
        return needed([row.piece for row in self.pieces], target)

    def what_if(self, marks: Mapping[str, Decimal]) -> OwnResults:
        """Return the results as they would be with these marks for what is open, by the name of the piece."""
        imagined = [
            replace(row, piece=replace(row.piece, mark=marks[row.name])) if row.is_open and row.name in marks else row
            for row in self.pieces
        ]
        return replace(self, pieces=imagined)


def results_of_student(session: Session, student_id: UUID, intake_id: UUID, *, at: datetime) -> OwnResults:
    """Return a student's results in an intake they are or were in, the present enrolment before an earlier one."""
    values = {"student_id": student_id, "intake_id": intake_id}
    return _results(session, read(session, _of_student(), values).one_or_none(), at)


def record_of(session: Session, actor: Actor, enrolment_id: UUID, *, at: datetime) -> OwnResults:
    """Return the results of a student, as the student sees them, to a trainer of the intake or the office."""
    values = {
        "enrolment_id": enrolment_id,
        "person_id": actor.person_id,
        "sees_all": actor.may(Permission.SEE_INSTITUTE),
    }
    return _results(session, read(session, _of_enrolment(), values).one_or_none(), at)


def _results(session: Session, row: Any, at: datetime) -> OwnResults:
    if row is None:
        raise NotFound
    weighed = assignments_that_weigh(session, row.intake_id)
    cells = cells_of(session, [row.id], held_too=False)[row.id]
    shown = [_own_piece(each, cells[each.id], at) for each in weighed if each.id in cells]
    if row.state not in CURRENT:
        shown = [piece for piece in shown if piece.handed_in_at or piece.piece.mark is not None]
    elif not_set := sum((each.weight for each in weighed if each.state == AssignmentState.DRAFT), Decimal(0)):
        shown.append(OwnPiece(None, "Work not set yet", "", Piece(not_set, 100), None, None, False, None))
    return OwnResults(*(*row, shown, total_of(weighed)))


def _own_piece(assignment: WeighedAssignment, cell: Cell, at: datetime) -> OwnPiece:
    return OwnPiece(
        assignment.id,
        assignment.title,
        assignment.assignment_type,
        piece_of(assignment, cell, at),
        cell.due_at,
        cell.submitted_at,
        bool(cell.late),
        cell.released_at,
    )


@cache
def _of_student() -> Select[*tuple[Any, ...]]:
    latest_first = (among(Enrolment.state, CURRENT).desc(), Enrolment.enrolled_at.desc(), Enrolment.id.desc())
    return (
        _enrolment(~true())
        .where(Enrolment.user_id == bindparam("student_id"), Enrolment.intake_id == bindparam("intake_id"))
        .order_by(*latest_first)
        .limit(1)
    )


@cache
def _of_enrolment() -> Select[*tuple[Any, ...]]:
    teaches = (
        select(IntakeTrainer.user_id)
        .where(IntakeTrainer.intake_id == Enrolment.intake_id, IntakeTrainer.user_id == bindparam("person_id"))
        .exists()
    )
    return _enrolment(teaches).where(Enrolment.id == bindparam("enrolment_id"), or_(teaches, bindparam("sees_all")))


def _enrolment(teaches: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Enrolment.id,
            Enrolment.intake_id,
            User.name,
            User.student_number,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Intake.starts_on,
            Intake.ends_on,
            Enrolment.state,
            teaches.label("teaches"),
        )
        .join(User, User.id == Enrolment.user_id)
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
    )
