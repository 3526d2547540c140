"""How the portal has been running lately: what a page shows of the noted durations, slow statements and faults."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.watch.histogram import quantile
from portal.domain.watch.models import Fault, FaultKind, Outage, SlowStatement, Timing

MOST_STATEMENTS, MOST_FAULTS, MOST_OUTAGES = 20, 20, 3


@dataclass(frozen=True)
class RouteDurations:
    method: str
    route: str
    number: int
    median_ms: float
    p95_ms: float
    slowest_ms: int


@dataclass(frozen=True)
class SeenStatement:
    statement: str
    route: str
    number: int
    slowest_ms: int
    last_at: datetime


@dataclass(frozen=True)
class SeenFault:
    """The same fault, however often: what it is, and the last time."""

    kind: FaultKind
    route: str
    error: str
    source: str
    number: int
    last_at: datetime
    reference: str
    """Of the last one."""


@dataclass(frozen=True)
class SeenOutage:
    """A time in which nobody reached the portal."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        """How long it was."""
        return (self.until - self.since).total_seconds()


def durations_by_route(session: Session, *, since: datetime) -> list[RouteDurations]:
    """Return every route that answered since then, in no order; of the span that holds that moment, all of it."""
    statement = (
        select(Timing.method, Timing.route, Timing.up_to_ms, func.sum(Timing.number), func.max(Timing.slowest_ms))
        .where(Timing.span >= since)
        .group_by(Timing.method, Timing.route, Timing.up_to_ms)
    )
    bars: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    slowest: dict[tuple[str, str], int] = defaultdict(int)
    for method, route, bound, number, slowest_ms in session.execute(statement):
        bars[method, route][bound] = number
        slowest[method, route] = max(slowest[method, route], slowest_ms)
    return [
        RouteDurations(
            method=method,
            route=route,
            number=sum(found.values()),
            median_ms=quantile(found, 0.5, slowest=slowest[method, route]),
            p95_ms=quantile(found, 0.95, slowest=slowest[method, route]),
            slowest_ms=slowest[method, route],
        )
        for (method, route), found in bars.items()
    ]


def slow_statements(session: Session, *, since: date) -> list[SeenStatement]:
    """Return the statements that were slow since that day, those first that cost the most at once."""
    slowest = func.max(SlowStatement.slowest_ms)
    statement = (
        select(
            func.max(SlowStatement.statement),
            SlowStatement.route,
            func.sum(SlowStatement.number),
            slowest,
            func.max(SlowStatement.last_at),
        )
        .where(SlowStatement.day >= since)
        .group_by(SlowStatement.fingerprint, SlowStatement.route)
        .order_by(slowest.desc(), SlowStatement.fingerprint, SlowStatement.route)
        .limit(MOST_STATEMENTS)
    )
    return [SeenStatement(*row) for row in session.execute(statement)]


def last_faults(session: Session, *, since: datetime) -> list[SeenFault]:
    """Return what failed since then, the same fault once, the last first."""
    last_at = func.max(Fault.at)
    newest = func.array_agg(Fault.reference).aggregate_order_by(Fault.at.desc())
    statement = (
        select(Fault.kind, Fault.route, Fault.error, Fault.source, func.count(), last_at, newest)
        .where(Fault.at >= since)
        .group_by(Fault.kind, Fault.route, Fault.error, Fault.source)
        .order_by(last_at.desc())
        .limit(MOST_FAULTS)
    )
    return [SeenFault(FaultKind(row[0]), *row[1:6], row[6][0]) for row in session.execute(statement)]


def last_outages(session: Session) -> list[SeenOutage]:
    """Return the last times in which nobody reached the portal, the last first."""
    statement = select(Outage.since, Outage.until).order_by(Outage.since.desc()).limit(MOST_OUTAGES)
    return [SeenOutage(*row) for row in session.execute(statement)]
