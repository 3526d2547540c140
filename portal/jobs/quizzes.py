"""Quizzes whose time is over: what was saved is handed in, whether its student comes back or not."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from portal import db
from portal.domain.quizzes import handing_in


def end_attempt(attempt_id: str, *, at: datetime) -> None:
    """Hand in one attempt whose time is over; a repeat finds it done."""
    with db.session_scope():
        db.perform(handing_in.end_attempt, UUID(attempt_id), at=at)


def end_attempts(*, at: datetime) -> None:
    """See to all attempts whose time is over, whatever became of their jobs."""
    with db.session_scope() as session:
        for attempt_id in handing_in.overdue(session, at=at):
            db.perform(handing_in.end_attempt, attempt_id, at=at)
