"""Whether work handed in at a moment is on time, late, or not taken: one pure rule for pages, operations and API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Standing(StrEnum):
    """How a moment lies to the dates of an assignment."""

    NOT_OPEN = "not_open"
    ON_TIME = "on_time"
    LATE = "late"
    CLOSED = "closed"


class Refusal(StrEnum):
    """Why nothing can be handed in now, as a sentence for the student."""

    NOT_OPEN = "This assignment is not open yet."
    CLOSED = "The time to hand in has passed. Ask your trainer what you can do."
    NO_ATTEMPT_LEFT = "You have used all attempts of this assignment."
    ON_TIME_STANDS = (
        "You handed in on time, and that counts. After the due date it cannot be replaced by late work; "
        "ask your trainer if you sent the wrong thing."
    )


@dataclass(frozen=True, kw_only=True)
class Dates:
    """When an assignment opens, is due, and takes nothing more."""

    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None
    moved_by: timedelta = timedelta()
    """By how much both are later than they were set, because the portal was away."""

    def later(self, by: timedelta) -> Dates:
        """Return the dates of somebody who has that much more time: due date and cut-off move alike."""
        cut_off_at = self.cut_off_at + by if self.cut_off_at else None
        return replace(self, due_at=self.due_at + by, cut_off_at=cut_off_at)

    @property
    def closes_at(self) -> datetime:
        """The last moment at which work is taken: the cut-off, or without one the due date itself."""
        return self.cut_off_at or self.due_at


@dataclass(frozen=True, kw_only=True)
class Made:
    """The attempts that a student has handed in so far."""

    number: int
    on_time: bool
    """Whether one of them was on time."""

    @classmethod
    def of(cls, late: Iterable[bool]) -> Made:
        """Return what has been made, from whether each attempt was late."""
        kept = list(late)
        return cls(number=len(kept), on_time=not all(kept))


def standing(dates: Dates, at: datetime) -> Standing:
    """Return how this moment lies to the dates; the due moment itself is still on time."""
    if dates.opens_at is not None and at < dates.opens_at:
        return Standing.NOT_OPEN
    if at <= dates.due_at:
        return Standing.ON_TIME
    return Standing.LATE if at <= dates.closes_at else Standing.CLOSED


def attempts_left(allowed: int | None, made: int) -> int | None:
    """Return how many attempts are left; None is as many as one likes."""
    return None if allowed is None else max(allowed - made, 0)


def refusal(dates: Dates, allowed: int | None, made: Made, at: datetime) -> Refusal | None:
    """Return why nothing is taken at this moment from someone who has made these attempts, or None if it is."""
    now = standing(dates, at)
    if now is Standing.NOT_OPEN:
        return Refusal.NOT_OPEN
    if now is Standing.CLOSED:
        return Refusal.CLOSED
    if now is Standing.LATE and made.on_time:
        return Refusal.ON_TIME_STANDS
    if attempts_left(allowed, made.number) == 0:
        return Refusal.NO_ATTEMPT_LEFT
    return None
