"""When the portal was away, and which deadlines that moved: what the office tells whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import Session

from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.fairness import AWAY_BEFORE
from portal.domain.assignments.models import Assignment, AssignmentState
from portal.domain.assignments.own_dates import HOUR, NONE, away_before, standing_dates
from portal.domain.courses.models import Course, Intake
from portal.domain.keyset import Keyset, Page, paged
from portal.domain.watch.models import Outage

PAGE_SIZE = 25
MOST_DEADLINES = 500  # that one page of outages may have moved


@dataclass(frozen=True)
class MovedDeadline:
    """A due date that is later because the portal was away before it."""

    assignment_id: UUID
    title: str
    course: str
    intake: str
    due_at: datetime
    """As it was set, with what was granted."""
    extended_by: int
    """Hours of more time that its students were granted; 0: it is that of everybody else."""
    by: timedelta

    @property
    def stands_at(self) -> datetime:
        """When it falls due now."""
        return self.due_at + self.by


@dataclass(frozen=True)
class TimeAway:
    """A time in which nobody reached the portal, and the deadlines it had a part in moving."""

    since: datetime
    until: datetime
    moved: tuple[MovedDeadline, ...]

    @property
    def seconds(self) -> float:
        """How long it was."""
        return (self.until - self.since).total_seconds()


def times_away(session: Session, *, cursor: Keyset | None = None, size: int = PAGE_SIZE) -> Page[TimeAway]:
    """Return when the portal was away, the last time first, each with the deadlines it moved."""
    statement: Select[*tuple[Any, ...]] = select(Outage.since, Outage.until)
    page = paged(session, statement, sort=Outage.since, key=Outage.until, cursor=cursor, size=size, descending=True)
    outages = [(row.since, row.until) for row in page.items]
    moved = _moved(session, outages)
    items = tuple(
        TimeAway(since, until, tuple(deadline for deadline in moved if _is_before(since, until, deadline.due_at)))
        for since, until in outages
    )
    return Page(items, page.previous, page.next)


def _is_before(since: datetime, until: datetime, due_at: datetime) -> bool:
    """Return whether some of this time lies in the hours before a moment."""
    return since < due_at and until > due_at - AWAY_BEFORE


def _moved(session: Session, outages: Sequence[tuple[datetime, datetime]]) -> list[MovedDeadline]:
    """Return the deadlines that stand later than they were set, of those that these times lie before."""
    if not outages:
        return []
    granted = select(ExtendedDate.hours).where(ExtendedDate.assignment_id == Assignment.id).correlate(Assignment)
    hours = select(NONE.label("hours")).union(granted).lateral("granted")
    due_at = Assignment.due_at + hours.c.hours * HOUR
    before = select(Outage.since).where(
        Outage.since.in_([since for since, _ in outages]), Outage.since < due_at, Outage.until > due_at - AWAY_BEFORE
    )
    statement: Select[*tuple[Any, ...]] = (
        select(
            Assignment.id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            due_at.label("due_at"),
            func.coalesce(hours.c.hours, NONE),
            away_before(due_at),
        )
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(hours, true())
        .where(Assignment.state != AssignmentState.DRAFT, before.exists())
        .order_by(due_at, Assignment.title, Assignment.id)
        .limit(MOST_DEADLINES)
    )
    found = []
    for *shown, away in session.execute(statement):
        row = MovedDeadline(*[*shown, timedelta()])
        dates = standing_dates(Dates(opens_at=None, due_at=row.due_at, cut_off_at=None), away)
        if dates.moved_by:
            found.append(replace(row, by=dates.moved_by))
    return found
