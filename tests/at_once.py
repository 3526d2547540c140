"""What several people do at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from sqlalchemy import Engine, text

from portal import db
from portal.domain.errors import DomainError


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment, each on a connection of its own; return what each gave, or was refused with."""
    together = Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        with db.session_scope():
            together.wait()
            try:
                return act()
            except DomainError as refusal:
                return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def refused(ended: Sequence[Any]) -> list[DomainError]:
    """Return those that were refused, of what was done at once."""
    return [each for each in ended if isinstance(each, DomainError)]


def until_somebody_waits(engine: Engine) -> None:
    """Return once a transaction waits for what another holds."""
    blocked = text("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(2_000):
            if connection.execute(blocked).scalar_one():
                return
            connection.execute(text("SELECT pg_sleep(0.005)"))
    raise AssertionError("nobody ever waited")
