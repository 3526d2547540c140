"""Writing down what the processes of the portal noted: added to what the others wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Table, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.watch.models import Fault, SlowStatement, Timing
from portal.domain.watch.noted import Noted

_timings = cast(Table, Timing.__table__)
_statements = cast(Table, SlowStatement.__table__)
_faults = cast(Table, Fault.__table__)


def write(session: Session, noted: Noted) -> None:
    """Add what one process noted. Rows go in one order, so that two processes never wait for each other in a ring."""
    if noted.bars:
        session.execute(_ADD_BARS, _bars_of(noted))
    if noted.statements:
        session.execute(_ADD_STATEMENTS, _statements_of(noted))
    if noted.faults:
        session.execute(insert(_faults), [{"id": uuid7(), **vars(fault)} for fault in noted.faults])


def _bars_of(noted: Noted) -> list[dict[str, Any]]:
    return [
        {
            "span": datetime.fromtimestamp(span, UTC),
            "method": method,
            "route": route,
            "up_to_ms": bound,
            "number": amount.number,
            "slowest_ms": amount.slowest_ms,
        }
        for (span, method, route, bound), amount in sorted(noted.bars.items(), key=lambda item: item[0])
    ]


def _statements_of(noted: Noted) -> list[dict[str, Any]]:
    return [
        {
            "day": day,
            "fingerprint": fingerprint,
            "route": route,
            "statement": statement,
            "number": amount.number,
            "slowest_ms": amount.slowest_ms,
            "last_at": amount.last_at,
        }
        for (day, fingerprint, route, statement), amount in sorted(noted.statements.items(), key=lambda item: item[0])
    ]


_new_bars = insert(_timings)
_ADD_BARS = _new_bars.on_conflict_do_update(
    index_elements=["span", "method", "route", "up_to_ms"],
    set_={
        "number": _timings.c.number + _new_bars.excluded.number,
        "slowest_ms": func.greatest(_timings.c.slowest_ms, _new_bars.excluded.slowest_ms),
    },
)
_new_statements = insert(_statements)
_ADD_STATEMENTS = _new_statements.on_conflict_do_update(
    index_elements=["day", "fingerprint", "route"],
    set_={
        "number": _statements.c.number + _new_statements.excluded.number,
        "slowest_ms": func.greatest(_statements.c.slowest_ms, _new_statements.excluded.slowest_ms),
        "last_at": func.greatest(_statements.c.last_at, _new_statements.excluded.last_at),
    },
)
