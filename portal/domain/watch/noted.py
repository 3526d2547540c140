"""What was noted of the portal's running and is not written down yet: amounts and faults, up to a bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from portal.domain.watch.models import FaultKind

MOST_BARS, MOST_STATEMENTS, MOST_FAULTS = 5_000, 200, 200  # kept while the database is away
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Amount:
    """How many, the slowest of them, and the last."""

    number: int = 0
    slowest_ms: int = 0
    last_at: datetime = LONG_AGO

    def add(self, other: Amount) -> None:
        self.number += other.number
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        self.last_at = max(self.last_at, other.last_at)


@dataclass(frozen=True)
class NotedFault:
    at: datetime
    kind: FaultKind
    route: str
    error: str
    source: str
    reference: str


BarKey = tuple[int, str, str, int]
"""Beginning of the span in seconds since 1970, method, route, and the bar."""
StatementKey = tuple[date, str, str, str]
"""Day, fingerprint, route, and the statement without its values."""


@dataclass
class Noted:
    """What was noted since it was last written down."""

    bars: dict[BarKey, Amount] = field(default_factory=dict)
    statements: dict[StatementKey, Amount] = field(default_factory=dict)
    faults: list[NotedFault] = field(default_factory=list)

    @property
    def urgent(self) -> bool:
        return bool(self.statements or self.faults)

    def __bool__(self) -> bool:
        return bool(self.bars or self.urgent)

    def add_bar(self, key: BarKey, amount: Amount) -> None:
        if key in self.bars or len(self.bars) < MOST_BARS:
            self.bars.setdefault(key, Amount()).add(amount)

    def add_statement(self, key: StatementKey, amount: Amount) -> None:
        if key in self.statements or len(self.statements) < MOST_STATEMENTS:
            self.statements.setdefault(key, Amount()).add(amount)

    def add_fault(self, fault: NotedFault) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)

    def add(self, other: Noted) -> None:
        """Take in what another one noted."""
        for bar, amount in other.bars.items():
            self.add_bar(bar, amount)
        for statement, amount in other.statements.items():
            self.add_statement(statement, amount)
        for fault in other.faults:
            self.add_fault(fault)
