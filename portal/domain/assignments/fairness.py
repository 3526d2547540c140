"""Whether work whose files were still arriving at the deadline is on time: one pure rule for page, API and receipt.

An upload counts by when it was begun, not by when a slow line was done with it. And where the portal itself was away
shortly before a deadline, the deadline moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from portal.domain.files.progress import begun_with

LONGEST_GAP = timedelta(minutes=60)
LONGEST_ARRIVAL = timedelta(hours=24)

AWAY_BEFORE = timedelta(hours=6)
AWAY_AT_LEAST = timedelta(minutes=15)
MOVED_TIMES = 2


@dataclass(frozen=True)
class Kept:
    """So many bytes of an upload were kept at this moment."""

    at: datetime
    offset: int


@dataclass(frozen=True)
class Arrival:
    """How a file arrived: its declared length, and what was kept when, the first moment first."""

    length: int
    begun_at: datetime
    kept: Sequence[Kept]

    def kept_at(self, moment: datetime) -> int:
        """Return how many bytes were kept at a moment."""
        return max((piece.offset for piece in self.kept if piece.at <= moment), default=0)

    @property
    def whole_at(self) -> datetime | None:
        """The moment at which the last byte was kept; None while bytes are missing."""
        if self.length == 0:
            return self.begun_at
        return next((piece.at for piece in self.kept if piece.offset >= self.length), None)

    def was_begun_by(self, moment: datetime) -> bool:
        """Return whether enough was kept by then: a twentieth or a mebibyte, whichever is less."""
        if self.begun_at > moment:
            return False
        return self.kept_at(moment) >= begun_with(self.length)


@dataclass(frozen=True)
class Away:
    """A time in which the portal itself could not be reached; without an end it is not back yet."""

    since: datetime
    until: datetime | None = None


def counts_from(
    due_at: datetime,
    arrivals: Sequence[Arrival],
    at: datetime,
    *,
    longest_gap: timedelta = LONGEST_GAP,
    longest_arrival: timedelta = LONGEST_ARRIVAL,
) -> datetime:
    """Return the moment by which work handed in at `at` is judged: the due moment itself where it was only slow.

    Something must have been arriving when it fell due, all of it begun by then, and bytes have kept coming since,
    the hand-in among them: no gap longer than an hour, nothing later than a day.
    """
    if at <= due_at or at - due_at > longest_arrival:
        return at
    was_arriving = any(arrival.whole_at is None or arrival.whole_at > due_at for arrival in arrivals)
    if not was_arriving or not all(arrival.was_begun_by(due_at) for arrival in arrivals):
        return at
    return due_at if longest_gap_since(due_at, arrivals, at) <= longest_gap else at


def longest_gap_since(due_at: datetime, arrivals: Sequence[Arrival], at: datetime) -> timedelta:
    """Return the longest time without a byte, from the last before the due moment until the hand-in."""
    moments = sorted(piece.at for arrival in arrivals for piece in arrival.kept if piece.at <= at)
    begun = [arrival.begun_at for arrival in arrivals]
    before = [moment for moment in [*begun, *moments] if moment <= due_at]
    events = [max(before, default=due_at), *(moment for moment in moments if moment > due_at), at]
    return max((later - earlier for earlier, later in pairwise(events)), default=timedelta())


def moved(due_at: datetime, away: Iterable[Away], *, now: datetime) -> datetime:
    """Return the due moment as it stands where the portal was away: later by twice that time, if it was long enough.

    What counts is time in the last six hours before the due moment, more than a quarter of an hour of it; where the
    portal came back only after the due moment, that time counts as well.
    """
    begins = due_at - AWAY_BEFORE
    spans = [(max(each.since, begins), min(each.until or now, now)) for each in away if each.since < due_at]
    before = sum((max(min(until, due_at) - since, timedelta()) for since, until in spans), timedelta())
    if before <= AWAY_AT_LEAST:
        return due_at
    whole = sum((max(until - since, timedelta()) for since, until in spans), timedelta())
    return due_at + MOVED_TIMES * whole
