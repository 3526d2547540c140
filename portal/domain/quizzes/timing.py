"""How long an attempt lasts, and when a quiz is closed for everybody: pure rules, with the moment as an argument."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extensions import ASKED_UNTIL
from portal.domain.assignments.fairness import Away
from portal.domain.watch.heartbeat import MISSED

GRACE = timedelta(seconds=10)
"""An answer that was chosen in time may be so long on a slow line."""
HANDED_IN_AFTER = GRACE + MISSED
"""So long after its end an attempt is handed in by itself: had the portal been away then, that is known by now."""


def end_of(began_at: datetime, minutes: int | None, closes_at: datetime, away: Iterable[Away] = ()) -> datetime:
    """Return when an attempt ends: after its minutes, and never later than the quiz closes for its student.

    Its minutes stand still while the portal itself is away; of an absence that lasts beyond them, as much is left
    afterwards as there was before.
    """
    if minutes is None:
        return closes_at
    end, counted = began_at + timedelta(minutes=minutes), began_at
    for absence in sorted(away, key=lambda each: each.since):
        lost_from = max(absence.since, counted)
        if lost_from >= end:
            break
        if absence.until is not None and absence.until > lost_from:
            end += absence.until - lost_from
            counted = absence.until
    return min(end, closes_at)


def given_back(began_at: datetime, minutes: int | None, closes_at: datetime, away: Iterable[Away]) -> timedelta:
    """Return by how much an attempt ends later because the portal was away."""
    return end_of(began_at, minutes, closes_at, away) - end_of(began_at, minutes, closes_at)


def is_over(ends_at: datetime, at: datetime) -> bool:
    """Return whether nothing more is taken at a moment, the grace for the line included."""
    return at > ends_at + GRACE


def answers_shown_from(dates: Iterable[Dates]) -> datetime:
    """Return the moment from which right answers may be shown, from the dates of everybody.

    By then the quiz has closed for the last of them, and nobody can ask for more time any longer.
    """
    return max(max(each.closes_at + GRACE, each.due_at + ASKED_UNTIL) for each in dates)
