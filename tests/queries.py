"""Counting the statements a request sends, so that a page's cost is asserted, not hoped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event


@dataclass
class QueryCounter:
    statements: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.statements)

    def __str__(self) -> str:
        return f"{len(self)} statements:\n" + "\n---\n".join(self.statements)


@contextmanager
def count_queries_on(connection: Connection) -> Iterator[QueryCounter]:
    counter = QueryCounter()

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO")):
            counter.statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield counter
    finally:
        event.remove(connection, "before_cursor_execute", note)
