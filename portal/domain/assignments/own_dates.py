"""The dates of an assignment as they stand for one student: later by what was granted, and by our own absence.

Whoever has more time is judged by when the portal was away before that later date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, and_, any_, bindparam, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.fairness import AWAY_BEFORE, Away, moved
from portal.domain.assignments.models import Assignment, ExtendedDate
from portal.domain.clock import now
from portal.domain.enrolments.models import Enrolment
from portal.domain.watch.models import Outage

# written out, not as parameters: PostgreSQL must see that what is sorted, grouped and shown is the same
HOUR: ColumnElement[timedelta] = literal_column("interval '1 hour'")
NONE: ColumnElement[int] = literal_column("0")
LONGEST = timedelta(days=30)
"""No deadline moves by more for our absence: who is away for so long sets new ones."""


def of_extension() -> ColumnElement[bool]:
    """The condition under which an `ExtendedDate` is that of the enrolment and assignment of a row."""
    return and_(ExtendedDate.enrolment_id == Enrolment.id, ExtendedDate.assignment_id == Assignment.id)


def own(moment: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """A due date or cut-off with what was granted, of a row that is outer joined by `of_extension`."""
    return moment + func.coalesce(ExtendedDate.hours, NONE) * HOUR


def away_before(due_at: ColumnElement[datetime]) -> ColumnElement[list[list[str]] | None]:
    """Select when the portal was away in the hours before a moment; `standing_dates` reads it."""
    return (
        select(func.json_agg(func.json_build_array(Outage.since, Outage.until)))
        .where(Outage.since < due_at, Outage.until > due_at - AWAY_BEFORE)
        .correlate_except(Outage)
        .scalar_subquery()
    )


def standing_dates(dates: Dates, found: Sequence[Sequence[Any]] | None) -> Dates:
    """Return the dates as they stand; what `away_before` found moves due date and cut-off together."""
    if not found:
        return dates
    away = [Away(datetime.fromisoformat(since), datetime.fromisoformat(until)) for since, until in found]
    by = min(moved(dates.due_at, away, now=now()) - dates.due_at, LONGEST)
    return replace(dates.later(by), moved_by=by)


def own_dates(session: Session, enrolment_id: UUID, assignment: Assignment) -> Dates:
    """Return the dates of an assignment as they stand for this student."""
    return dates_of_each(session, [enrolment_id], assignment)[enrolment_id]


def dates_of_each(session: Session, enrolment_ids: Sequence[UUID], assignment: Assignment) -> dict[UUID, Dates]:
    """Return the dates of an assignment as they stand for each of these students."""
    values = {"assignment_id": assignment.id, "enrolment_ids": list(enrolment_ids)}
    set_dates = Dates(opens_at=assignment.opens_at, due_at=assignment.due_at, cut_off_at=assignment.cut_off_at)
    rows = session.execute(_own_dates(), values)
    return {row.id: standing_dates(set_dates.later(timedelta(hours=row.hours)), row.away) for row in rows}


@cache
def _own_dates() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Enrolment.id,
            func.coalesce(ExtendedDate.hours, NONE).label("hours"),
            away_before(own(Assignment.due_at)).label("away"),
        )
        .select_from(Assignment)
        .join(Enrolment, Enrolment.intake_id == Assignment.intake_id)
        .outerjoin(ExtendedDate, of_extension())
        .where(
            Assignment.id == bindparam("assignment_id"),
            Enrolment.id == any_(bindparam("enrolment_ids", type_=ARRAY(Uuid()))),
        )
    )
