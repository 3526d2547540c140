"""When right answers may be shown: once the quiz is closed for everybody, whatever was granted to anybody.

Nobody may be able to answer it then: the last student's own close has passed, more time can neither be asked for nor
waits to be granted, and no attempt is open.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, exists, func, select
from sqlalchemy.orm import Session

from portal.db import read
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extension_models import ExtendedDate, Extension, ExtensionState
from portal.domain.assignments.fairness import AWAY_BEFORE
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.own_dates import HOUR, standing_dates
from portal.domain.quizzes.models import AttemptState, QuizAttempt
from portal.domain.quizzes.timing import answers_shown_from
from portal.domain.watch.models import Outage


def answers_are_shown(session: Session, assignment_id: UUID, at: datetime) -> bool:
    """Return whether the right answers of a quiz may be shown to those who took it."""
    row = read(session, _closing(), {"assignment_id": assignment_id}).one()
    if row.is_open or row.is_asked:
        return False
    set_dates = Dates(opens_at=row.opens_at, due_at=row.due_at, cut_off_at=row.cut_off_at)
    hours = {0, *(row.hours or ())}
    return at > answers_shown_from(standing_dates(set_dates.later(timedelta(hours=each)), row.away) for each in hours)


@cache
def _closing() -> Select[*tuple[Any, ...]]:
    extended = ExtendedDate.assignment_id == Assignment.id
    hours = select(func.array_agg(ExtendedDate.hours.distinct())).where(extended).correlate(Assignment)
    longest = select(func.coalesce(func.max(ExtendedDate.hours), 0)).where(extended).correlate(Assignment)
    away = (
        select(func.json_agg(func.json_build_array(Outage.since, Outage.until)))
        .where(
            Outage.since < Assignment.due_at + longest.scalar_subquery() * HOUR,
            Outage.until > Assignment.due_at - AWAY_BEFORE,
        )
        .correlate(Assignment)
    )
    return select(
        Assignment.opens_at,
        Assignment.due_at,
        Assignment.cut_off_at,
        hours.scalar_subquery().label("hours"),
        away.scalar_subquery().label("away"),
        exists()
        .where(QuizAttempt.assignment_id == Assignment.id, QuizAttempt.state == AttemptState.OPEN.value)
        .correlate(Assignment)
        .label("is_open"),
        exists()
        .where(Extension.assignment_id == Assignment.id, Extension.state == ExtensionState.ASKED.value)
        .correlate(Assignment)
        .label("is_asked"),
    ).where(Assignment.id == bindparam("assignment_id"))
