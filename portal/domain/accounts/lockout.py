"""How long somebody waits after wrong passwords: a pure rule over one counter. `throttles` keeps the counters.

An attempt is charged to its counters before the password is looked at and given back when it was right,
so that many attempts at the same moment get no more tries than the same attempts in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

TRUSTED_FACTOR = 10  # a lab of thirty people behind one address mistypes more often than a home


@dataclass(frozen=True)
class Limit:
    """So many failures within a window are free; each one after them is followed by a wait."""

    failures: int
    window: timedelta
    waits: tuple[timedelta, ...]
    """The wait after the first failure too many, after the next, and so on; the last one stays."""
    remembered: timedelta
    """How long after a wait has ended the next failure still leads to the next longer wait."""


@dataclass(frozen=True)
class Counter:
    """What is remembered of one account, address or device."""

    failed_at: tuple[datetime, ...] = field(default=())
    waits: int = 0
    blocked_until: datetime | None = None


ACCOUNT_LIMIT = Limit(
    failures=5,
    window=timedelta(minutes=15),
    waits=tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15)),
    remembered=timedelta(minutes=15),
)
ADDRESS_LIMIT = Limit(
    failures=51,  # fifty in an hour are free; above that strangers there wait
    window=timedelta(hours=1),
    waits=(timedelta(seconds=30),),
    remembered=timedelta(0),
)
TRUSTED_ADDRESS_LIMIT = replace(ADDRESS_LIMIT, failures=50 * TRUSTED_FACTOR + 1)


def wait_until(counter: Counter, at: datetime) -> datetime | None:
    """Return when the next attempt is allowed, or None if it is allowed now."""
    return counter.blocked_until if counter.blocked_until and counter.blocked_until > at else None


def charge(counter: Counter, limit: Limit, at: datetime) -> Counter:
    """Return the counter after one more attempt, taken to be wrong until it proves right."""
    waits = counter.waits if _remembered(counter, limit, at) else 0
    recent = (*_within(counter.failed_at, limit, at), at)[-limit.failures :]
    if not waits and len(recent) < limit.failures:
        return Counter(failed_at=recent)
    wait = limit.waits[min(waits, len(limit.waits) - 1)]
    return Counter(failed_at=recent, waits=waits + 1, blocked_until=at + wait)


def give_back(counter: Counter, limit: Limit, charged_at: datetime) -> Counter:
    """Return the counter without the attempt that was charged at this moment: it proved right."""
    failed_at = list(counter.failed_at)
    if charged_at in failed_at:
        failed_at.remove(charged_at)
    if len(failed_at) < limit.failures:
        return Counter(failed_at=tuple(failed_at))
    return replace(counter, failed_at=tuple(failed_at))


def _remembered(counter: Counter, limit: Limit, at: datetime) -> bool:
    return counter.blocked_until is not None and at - counter.blocked_until < limit.remembered


def _within(moments: tuple[datetime, ...], limit: Limit, at: datetime) -> tuple[datetime, ...]:
    return tuple(moment for moment in moments if at - moment < limit.window)
