"""What late work loses: a percentage of its points for each day begun, down to a floor. One pure rule for all doors.

A day is 24 hours from the moment the work was due for this student, so that neither a zone nor the changing of clocks
makes a difference, and an extension moves everything with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

DAY = timedelta(days=1)
HUNDREDTH = Decimal("0.01")
NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class LatePolicy:
    """How an assignment treats late work."""

    percent_per_day: int
    floor_percent: int = 0
    """The share of the points that stays, however late."""

    @property
    def most(self) -> int:
        """The largest percentage that is ever taken off."""
        return 100 - self.floor_percent

    @classmethod
    def of(cls, percent_per_day: int | None, floor_percent: int) -> LatePolicy | None:
        """Return the policy of an assignment from its columns; None where it is off."""
        return None if percent_per_day is None else cls(percent_per_day, floor_percent)


@dataclass(frozen=True)
class Penalty:
    """What is taken off a mark, and why, as its student reads it."""

    points: Decimal = NOTHING
    reason: str = ""


def days_late(due_at: datetime, counted_at: datetime) -> int:
    """Return how many days had begun since the work was due; the due moment itself is on time."""
    late_by = counted_at.astimezone(UTC) - due_at.astimezone(UTC)  # in one zone, or a changed clock would count
    return max(-(-late_by // DAY), 0)


def percent_off(policy: LatePolicy | None, due_at: datetime, counted_at: datetime) -> int:
    """Return the percentage that work counted from this moment loses."""
    if policy is None:
        return 0
    return min(policy.percent_per_day * days_late(due_at, counted_at), policy.most)


def penalty(policy: LatePolicy | None, due_at: datetime, counted_at: datetime, points: Decimal) -> Penalty:
    """Return what a mark loses, in hundredths of a point, rounded in the student's favour."""
    percent = percent_off(policy, due_at, counted_at)
    if percent == 0:
        return Penalty()
    days = days_late(due_at, counted_at)
    off = (points * percent / 100).quantize(HUNDREDTH, ROUND_DOWN)
    return Penalty(off, f"{percent} % off: {'1 day' if days == 1 else f'{days:,} days'} late")


def in_words(policy: LatePolicy) -> str:
    """Return the policy as a student reads it before handing in."""
    floor = f", at most {policy.most} %" if policy.floor_percent else ""
    return f"{policy.percent_per_day} % off for each day begun{floor}"
