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
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.fairness import AWAY_BEFORE, Away, moved
from portal.domain.assignments.models import Assignment, Submission, SubmissionMember
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


def hours_of_members() -> ColumnElement[int]:
    """Select by how many hours the dates are later for a `Submission`: by the most of those for whom it counts."""
    granted = (
        select(func.max(ExtendedDate.hours))
        .join(
            SubmissionMember,
            and_(
                SubmissionMember.enrolment_id == ExtendedDate.enrolment_id,
                SubmissionMember.assignment_id == ExtendedDate.assignment_id,
            ),
        )
        .where(SubmissionMember.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )
    return func.coalesce(granted, NONE)


def away_before(due_at: ColumnElement[datetime]) -> ColumnElement[list[list[str]] | None]:
    """Select when the portal was away in the hours before a moment; `standing_dates` reads it."""
    return (
        select(func.json_agg(func.json_build_array(Outage.since, Outage.until)))
        .where(Outage.since < due_at, Outage.until > due_at - AWAY_BEFORE)
        .correlate_except(Outage)
        .scalar_subquery()
    )


def away_since(
    moment: ColumnElement[datetime] | InstrumentedAttribute[datetime],
) -> ColumnElement[list[list[str]] | None]:
    """Select when the portal was away after a moment; `as_away` reads it."""
    return (
        select(func.json_agg(func.json_build_array(Outage.since, Outage.until)))
        .where(Outage.until > moment)
        .correlate_except(Outage)
        .scalar_subquery()
    )


def as_away(found: Sequence[Sequence[Any]] | None) -> list[Away]:
    """Return the absences that `away_before` or `away_since` found."""
    return [Away(datetime.fromisoformat(since), datetime.fromisoformat(until)) for since, until in found or ()]


def standing_dates(dates: Dates, found: Sequence[Sequence[Any]] | None) -> Dates:
    """Return the dates as they stand; what `away_before` found moves due date and cut-off together."""
    if not found:
        return dates
    by = min(moved(dates.due_at, as_away(found), now=now()) - dates.due_at, LONGEST)
    return replace(dates.later(by), moved_by=by)


def dates_of(assignment: Assignment, hours: int, away: Sequence[Sequence[Any]] | None) -> Dates:
    """Return the dates of somebody who was granted so many hours, with our absence before them."""
    set_dates = Dates(opens_at=assignment.opens_at, due_at=assignment.due_at, cut_off_at=assignment.cut_off_at)
    return standing_dates(set_dates.later(timedelta(hours=hours)), away)


def dates_of_work(session: Session, submission: Submission, assignment: Assignment) -> Dates:
    """Return the dates by which work is judged: the latest of those for whom it counts."""
    hours = hours_of_members()
    statement = (
        select(hours.label("hours"), away_before(Assignment.due_at + hours * HOUR).label("away"))
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.id == submission.id)
    )
    row = session.execute(statement).one()
    return dates_of(assignment, row.hours, row.away)


def own_dates(session: Session, enrolment_id: UUID, assignment: Assignment) -> Dates:
    """Return the dates of an assignment as they stand for this student."""
    return dates_of_each(session, [enrolment_id], assignment)[enrolment_id]


def dates_of_each(session: Session, enrolment_ids: Sequence[UUID], assignment: Assignment) -> dict[UUID, Dates]:
    """Return the dates of an assignment as they stand for each of these students."""
    values = {"assignment_id": assignment.id, "enrolment_ids": list(enrolment_ids)}
    return {row.id: dates_of(assignment, row.hours, row.away) for row in session.execute(_own_dates(), values)}


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
