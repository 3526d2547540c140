"""Letting classes begin and end by the clock; a periodic job asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal import db
from portal.domain.live_classes.models import LiveClass
from portal.domain.live_classes.transitions import TRANSITIONS, Step


@dataclass(frozen=True)
class Advanced:
    begun: int
    ended: int


def advance_states(session: Session, *, at: datetime) -> Advanced:
    """Let classes whose time has come begin, and those whose time is over end; a missed run is caught up."""
    begun = _advance(session, Step.BEGIN, LiveClass.starts_at <= at, at)
    ended = _advance(session, Step.END, LiveClass.ends_at <= at, at)
    if begun or ended:
        db.changed(session, "live-classes")
    return Advanced(begun, ended)


def _advance(session: Session, step: Step, due: ColumnElement[bool], at: datetime) -> int:
    """Take every class for which this step is due; one that somebody is changing now waits for the next run."""
    state, following = next((state, after) for (state, taken), after in TRANSITIONS.items() if taken is step)
    ready = select(LiveClass.id).where(LiveClass.state == state, due).with_for_update(skip_locked=True)
    values: dict[str, Any] = {"state": following, "updated_at": at}
    change = update(LiveClass).where(LiveClass.id.in_(ready)).values(values).returning(LiveClass.id)
    return len(session.scalars(change.execution_options(synchronize_session=False)).all())
