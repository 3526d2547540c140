"""What the portal notes of its own running, of all processes together: how long routes and jobs take, what was slow,
what failed. Nothing in it is about a person, and no value of a statement or a form is ever part of it.

The tables of durations and faults are UNLOGGED: they cost no write-ahead log, and a crash of the database empties them.
What deadlines ask, when the portal could not be reached, outlives every crash.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of

UNLOGGED = {"prefixes": ["UNLOGGED"]}


class Timing(Base):
    """How many answers of one route took about as long, in one span of time: a bar of a histogram."""

    __tablename__ = "timings"

    span: Mapped[datetime] = mapped_column(primary_key=True)
    """The beginning of the span."""
    method: Mapped[str] = mapped_column(primary_key=True)
    """`GET`, `POST`, …, or `JOB`."""
    route: Mapped[str] = mapped_column(primary_key=True)
    """The rule of an address, never the address; of a job its name."""
    up_to_ms: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """They took at most so long, and longer than the bar before."""
    number: Mapped[int]
    slowest_ms: Mapped[int]

    __table_args__ = UNLOGGED


class SlowStatement(Base):
    """A statement that took long, by day and by the route that sent it."""

    __tablename__ = "slow_statements"

    day: Mapped[date] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    """Of the statement without its values: what differs only in them is the same statement."""
    route: Mapped[str] = mapped_column(primary_key=True)
    statement: Mapped[str]
    number: Mapped[int]
    slowest_ms: Mapped[int]
    last_at: Mapped[datetime]

    __table_args__ = UNLOGGED


class FaultKind(StrEnum):
    REQUEST = "request"
    JOB = "job"


class Fault(Base):
    """A request that ended with a fault of ours, or a job that failed; its words stand in the log alone."""

    __tablename__ = "faults"

    id: Mapped[PrimaryKey]
    at: Mapped[datetime]
    kind: Mapped[str]
    route: Mapped[str]
    error: Mapped[str]
    """The class of the exception: its message may hold what somebody typed."""
    source: Mapped[str]
    """Where in our code it came from, such as `portal.domain.files.operations:61`."""
    reference: Mapped[str]
    """The id of the request, as on the error page and in the log; of a job its number."""

    __table_args__ = (one_of("kind", FaultKind, "kind"), Index("ix_faults_at", "at"), UNLOGGED)


class Beat(Base):
    """The last sign of life of the web, of all its workers together: one row."""

    __tablename__ = "beats"

    what: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    """By the clock of the database, which all machines share."""


class Outage(Base):
    """A time of more than a minute without a sign of life: nobody reached the portal."""

    __tablename__ = "outages"

    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        Index("ix_outages_until", "until"),
    )
