"""Work that hands itself in, and a word to those whose work waits to be handed in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from portal import db
from portal.domain.assignments import pending
from portal.domain.assignments.reminding import remind


def hand_in_if_complete(pending_id: str, *, at: datetime) -> None:
    """Hand in what waited for its last file; a repeat finds it done."""
    with db.session_scope():
        db.perform(pending.hand_in_if_complete, UUID(pending_id), at=at)


def hand_in_what_waits(*, at: datetime) -> None:
    """See to all that waits and need not any more, whatever became of its jobs."""
    with db.session_scope() as session:
        for pending_id in pending.overdue(session):
            db.perform(pending.hand_in_if_complete, pending_id, at=at)


def remind_of_what_waits(*, at: datetime) -> None:
    """Remind those whose files have arrived and wait for them, each once."""
    with db.session_scope():
        db.perform(remind, at=at)
