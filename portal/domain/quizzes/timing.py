"""How long an attempt lasts, and when a quiz is closed for everybody: pure rules, with the moment as an argument."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extensions import ASKED_UNTIL

GRACE = timedelta(seconds=10)
"""An answer that was chosen in time may be so long on a slow line."""


def end_of(began_at: datetime, minutes: int | None, closes_at: datetime) -> datetime:
    """Return when an attempt ends: after its minutes, and never later than the quiz closes for its student."""
    if minutes is None:
        return closes_at
    return min(began_at + timedelta(minutes=minutes), closes_at)


def is_over(ends_at: datetime, at: datetime) -> bool:
    """Return whether nothing more is taken at a moment, the grace for the line included."""
    return at > ends_at + GRACE


def answers_shown_from(dates: Iterable[Dates]) -> datetime:
    """Return the moment from which right answers may be shown, from the dates of everybody.

    By then the quiz has closed for the last of them, and nobody can ask for more time any longer.
    """
    return max(max(each.closes_at + GRACE, each.due_at + ASKED_UNTIL) for each in dates)
