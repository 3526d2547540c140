"""The done-mark of a job: written in the transaction of its work, so that a repeat finds it and stops."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.outbox import JobMark


def first_time(session: Session, key: str, *, at: datetime) -> bool:
    """Mark the work `key` as done; return False if it was marked before, and then do nothing.

    A second run at the same moment waits here until the first has committed or given up.
    """
    statement = insert(JobMark).values(key=key, done_at=at).on_conflict_do_nothing().returning(JobMark.key)
    return session.scalar(statement) is not None


def is_done(session: Session, key: str) -> bool:
    """Return whether the work `key` is marked as done: for work that cannot share a transaction with its mark."""
    return session.scalar(select(JobMark.key).where(JobMark.key == key)) is not None
