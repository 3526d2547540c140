"""Marks taken from a sheet: first what would change and what does not fit, then all of it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.domain.assignments.by_rubric import ChooseLevel
from portal.domain.assignments.mark_sheet import SheetRow
from portal.domain.assignments.marking import (
    LONGEST_FEEDBACK,
    LONGEST_REASON,
    GradeSubmission,
    grade_submission,
    points_of,
)
from portal.domain.assignments.queries.mark_sheet import MarkedWork
from portal.domain.assignments.receipts import normal_number
from portal.domain.errors import Invalid
from portal.domain.permissions import Actor


@dataclass(frozen=True)
class Change:
    """A mark that a sheet would give."""

    work: MarkedWork
    row: SheetRow
    points: Decimal
    feedback: str
    reason: str

    @property
    def seen_row(self) -> SheetRow:
        """The row with the mark it was compared with, so that one given since is not replaced unseen."""
        return replace(self.row, version=self.work.version)

    @property
    def command(self) -> GradeSubmission:
        """The mark as the operation takes it; nothing is shown to a student by a sheet."""
        levels = tuple(
            ChooseLevel(criterion_id=level.criterion_id, level_id=level.level_id, comment=level.comment)
            for level in self.work.levels.values()
        )
        return GradeSubmission(
            submission_id=self.work.submission_id,
            points=None if levels else self.points,
            levels=levels,
            feedback=self.feedback,
            seen=self.work.grade_id,
            reason=self.reason,
            enrolment_id=self.work.enrolment_id,
        )


@dataclass(frozen=True)
class Refused:
    """A row that does not fit, and why."""

    line: int
    """As a person counts the lines of a sheet: its head is the first."""
    receipt: str
    student: str
    why: str


@dataclass(frozen=True)
class Preview:
    """What a sheet would do."""

    changes: Sequence[Change]
    refused: Sequence[Refused]
    unchanged: int


def preview(rows: Sequence[SheetRow], works: Iterable[MarkedWork], of: int, *, reason: str = "") -> Preview:
    """Return what these rows would change of this work, out of so many points; `reason` is for rows without one."""
    known = {work.receipt: work for work in works}
    changes: list[Change] = []
    refused: list[Refused] = []
    unchanged, met = 0, set[str]()
    for line, row in enumerate(rows, start=2):
        work = known.get(normal_number(row.receipt) or row.receipt)
        try:
            change = _change(row, _expected(work, met), of, reason)
        except Invalid as refusal:
            why = next(iter(refusal.fields.values()), refusal.message)
            refused.append(Refused(line, row.receipt, work.student if work else "", why))
            continue
        if change is None:
            unchanged += 1
        else:
            changes.append(change)
    return Preview(changes, refused, unchanged)


def import_marks(session: Session, actor: Actor, changes: Iterable[Change], *, at: datetime) -> int:
    """Give the marks of a sheet, all or none; return how many. Each is held back, and in the trail by itself."""
    given = 0
    for change in sorted(changes, key=lambda change: change.work.submission_id):
        grade_submission(session, actor, change.command, at=at)
        given += 1
    return given


def _expected(work: MarkedWork | None, met: set[str]) -> MarkedWork:
    """Return the work that a row is about; refuse what is none of it, and what was met already."""
    if work is None:
        raise Invalid("No work of this assignment has this receipt.")
    if work.receipt in met:
        raise Invalid("This receipt stands in the sheet twice.")
    met.add(work.receipt)
    return work


def _change(row: SheetRow, work: MarkedWork, of: int, reason: str) -> Change | None:
    """Return what a row changes, None where it changes nothing; refuse what does not fit."""
    feedback = _as_kept(row.feedback)
    same_feedback = row.feedback == (work.feedback or "") or feedback == _as_kept(work.feedback or "")
    if not row.points:
        if work.grade_id is None and not feedback:
            return None
        raise Invalid("There are no points." if work.grade_id is None else "A mark cannot be taken away; give points.")
    points = points_of(row.points, of)
    if points == work.raw_points and same_feedback:
        return None
    if row.version and row.version != work.version:
        raise Invalid("Another mark was given since this sheet was made. Get a new sheet.")
    if work.is_quiz:
        raise Invalid("This is a quiz: its points follow from its questions, on the page of the answers.")
    if work.has_rubric and points != work.raw_points:
        raise Invalid("This assignment has a rubric: its points follow from the levels, on the page of the work.")
    change = Change(work, row, points, (work.feedback or "") if same_feedback else feedback, "")
    if len(change.feedback) > LONGEST_FEEDBACK:
        raise Invalid(f"Feedback may have {LONGEST_FEEDBACK:,} characters.")
    if work.grade_id is None:
        return change
    why = _as_kept(row.reason) or reason
    if not why:
        raise Invalid(
            "A mark that changes says why: in the column “Reason”, or for all of them when you send the sheet."
        )
    if len(why) > LONGEST_REASON:
        raise Invalid(f"A reason may have {LONGEST_REASON} characters.")
    return replace(change, reason=why)


def _as_kept(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
