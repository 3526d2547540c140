"""Counters of requests in PostgreSQL: fixed windows in one UNLOGGED table, one row a key, counted by one upsert.

The library of the limits counts with them; and a statement that finds somebody can count for them in the same trip.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from limits.storage import Storage
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql.dml import ReturningInsert

from portal import db
from portal.web.stored_state import limit_counters

log = structlog.get_logger(__name__)

_MOMENT = func.clock_timestamp()


class Counted(NamedTuple):
    """How often somebody asked in a window, and when it ends."""

    hits: int
    until: datetime


def _end_after(seconds: ColumnElement[int]) -> ColumnElement[datetime]:
    return _MOMENT + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _or_on(new: Insert) -> ReturningInsert[int, datetime]:
    """Return the statement that counts on where a window stands, and begins anew where it is over."""
    over = limit_counters.c.expires_at <= _MOMENT
    return new.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "hits": case((over, new.excluded.hits), else_=limit_counters.c.hits + new.excluded.hits),
            "expires_at": case((over, new.excluded.expires_at), else_=limit_counters.c.expires_at),
        },
    ).returning(limit_counters.c.hits, limit_counters.c.expires_at)


COUNT = _or_on(
    insert(limit_counters).values(
        key=bindparam("counted"),
        hits=bindparam("amount", type_=Integer),
        expires_at=_end_after(bindparam("seconds", type_=Integer)),
    )
)  # made once: every request of a visitor sends it


class Finder:
    """A statement that finds somebody by values, and can count one more for them in the same trip.

    `found` has a column `id`; it is counted under `key` and that id, in windows of so many seconds.
    """

    def __init__(self, found: Select[*tuple[Any, ...]], key: str, *, seconds: int) -> None:
        known = found.cte("known")
        one_more = select(literal(key) + cast(known.c.id, Text), literal(1), _end_after(literal(seconds)))
        counted = _or_on(insert(limit_counters).from_select(["key", "hits", "expires_at"], one_more)).cte("counted")
        self._found = found
        self._counting = select(known, counted.c.hits, counted.c.expires_at).select_from(known.join(counted, true()))

    def find(self, values: Mapping[str, Any], *, counted: bool) -> tuple[Row[Any] | None, Counted | None]:
        """Return who is found, and how often they asked where that was to be counted and could be."""
        if counted:
            try:
                row = _one_row(self._counting, values)
                return row, Counted(row.hits, row.expires_at) if row is not None else None
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) is None:  # it was not the server that refused: it is away
                    raise
                log.exception("limits_away")
        return _one_row(self._found, values), None


def _one_row(statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]) -> Row[Any] | None:
    with db.single_statement() as connection:
        return db.read_on(connection, statement, values).one_or_none()


class PostgresCounters(Storage):
    """The counters as the library of the limits asks for them, each count a short transaction of its own."""

    STORAGE_SCHEME = ["portal-postgresql"]  # noqa: RUF012 - as the library declares it

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with db.single_statement() as connection:
            counted = connection.execute(COUNT, {"counted": key, "amount": amount, "seconds": expiry}).one()
        return int(counted.hits)

    def get(self, key: str) -> int:
        return self._live(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._live(key)[1]

    def check(self) -> bool:
        with db.session_scope() as session:
            session.execute(select(1))
        return True

    def clear(self, key: str) -> None:
        with db.single_statement() as connection:
            connection.execute(delete(limit_counters).where(limit_counters.c.key == key))

    def reset(self) -> int | None:
        with db.single_statement() as connection:
            removed = connection.execute(delete(limit_counters).returning(limit_counters.c.key)).all()
        return len(removed)

    def _live(self, key: str) -> tuple[int, float]:
        """Return hits and end, in seconds since 1970, of the window of a key; of none there is nothing to wait for."""
        statement = select(limit_counters.c.hits, limit_counters.c.expires_at).where(
            limit_counters.c.key == key, limit_counters.c.expires_at > func.clock_timestamp()
        )
        with db.session_scope() as session:
            row = session.execute(statement).one_or_none()
        return (row.hits, row.expires_at.timestamp()) if row else (0, time.time())
