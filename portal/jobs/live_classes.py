"""Letting classes begin and end by the clock."""

from __future__ import annotations

from datetime import datetime

from portal import db
from portal.domain.live_classes.advancing import advance_states


def advance(*, at: datetime) -> None:
    """Bring every class into the state its time says."""
    with db.session_scope():
        db.perform(advance_states, at=at)
