"""What an invariant is given to look with, and what it says it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from portal import db
from portal.adapters.storage import Storage

MOST_NAMED = 20  # of what is wrong with one rule; the rest is counted
STATEMENT_TIMEOUT_MS = 300_000  # a whole table may be read here, where a page never does


@dataclass(frozen=True)
class Found:
    """What a look at one rule found."""

    looked_at: int
    """How many things the rule is about."""
    wrong: tuple[str, ...] = ()
    """What breaks it, by name; at most twenty."""
    unnamed: int = 0
    """How many more break it."""
    note: str = ""
    """What is no breach and yet worth knowing."""

    @classmethod
    def of(cls, looked_at: int, wrong: Sequence[str], note: str = "") -> Found:
        return cls(looked_at, tuple(wrong[:MOST_NAMED]), max(len(wrong) - MOST_NAMED, 0), note)

    @property
    def holds(self) -> bool:
        return not self.wrong


@dataclass(frozen=True)
class Look:
    """One look at the database and the store, at one moment."""

    storage: Storage
    at: datetime
    quick: bool = False
    """Whether sizes of files are enough, without reading them."""

    def rows(self, statement: str, **parameters: Any) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return rows; no connection is held when this returns."""
        with db.session_scope(), db.transaction() as session:
            session.execute(_MAY_TAKE_LONGER, {"milliseconds": str(STATEMENT_TIMEOUT_MS)})
            return session.execute(text(statement), parameters).all()

    def number(self, statement: str, **parameters: Any) -> int:
        """Return the one number that a statement asks for."""
        return int(self.rows(statement, **parameters)[0][0])

    def rule(self, about: str, broken: str, **parameters: Any) -> Found:
        """Return what breaks a rule: `about` is what it is about, after FROM; `broken` selects a sentence for each."""
        looked_at = self.number(f"SELECT count(*) FROM {about}", **parameters)  # noqa: S608 - words of our own
        rows = self.rows(
            f"SELECT said, count(*) OVER () FROM ({broken}) AS broken (said) ORDER BY said LIMIT {MOST_NAMED}",  # noqa: S608 - likewise
            **parameters,
        )
        return Found(looked_at, tuple(row[0] for row in rows), max(rows[0][1] - MOST_NAMED, 0) if rows else 0)


_MAY_TAKE_LONGER = text("SELECT set_config('statement_timeout', :milliseconds, true)")
