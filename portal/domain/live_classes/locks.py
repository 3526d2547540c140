"""Holding timetables still while one of them changes, so that a rush for a slot queues instead of deadlocking."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

NAMESPACE = "timetable:"  # keeps these keys apart from other advisory locks


def hold_timetables(session: Session, *ids: UUID | None) -> None:
    """Lock the timetables of these trainers, rooms and intakes until the transaction ends, always in one order.

    Without this two inserts may each wait for the other in the exclusion constraint, which still has the last word.
    """
    for key in sorted({str(given) for given in ids if given is not None}):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(NAMESPACE + key, 0))))
