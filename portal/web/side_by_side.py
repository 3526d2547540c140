"""Two attempts as a page shows them next to one another, for whoever may see both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from flask import request

from portal.domain.assignments.comparing import (
    ComparedFile,
    Fate,
    Piece,
    compare_files,
    compare_links,
    compare_texts,
)
from portal.domain.assignments.queries.files import WorkFile
from portal.domain.errors import NotFound

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One attempt, before it is compared."""

    id: UUID
    attempt: int
    state: str
    number: str
    submitted_at: datetime
    late: bool
    text: str
    links: Sequence[str]
    files: Sequence[WorkFile]
    points: Decimal | None
    """Of the mark that stands, after what lateness cost; None where there is none that may be shown."""
    most_points: Decimal | None = None
    """Where members of a group have different marks the highest; `points` are the lowest."""
    mark_note: str = ""
    """What is to be said of the mark beside its points."""
    feedback: str = ""


@dataclass(frozen=True)
class ComparedSide:
    """One attempt as it stands beside the other."""

    side: Side
    pieces: list[Piece]
    links: list[tuple[str, Fate]]
    files: list[ComparedFile[WorkFile]]


def chosen_two(rows: Sequence[Row], id_of: Callable[[Row], UUID], usual: tuple[Row, Row]) -> tuple[Row, Row]:
    """Return the two of these rows, the oldest first, that the address names; else the usual two."""
    by_id = {str(id_of(row)): row for row in rows}
    asked = [request.args.get(name) for name in ("older", "newer")]
    if any(one and one not in by_id for one in asked):
        raise NotFound
    one, other = (by_id[name] if name else row for name, row in zip(asked, usual, strict=True))
    return (one, other) if rows.index(one) <= rows.index(other) else (other, one)


def side_by_side(older: Side, newer: Side) -> dict[str, Any]:
    """Return what the page shows of two attempts."""
    old_pieces, new_pieces = compare_texts(older.text, newer.text)
    sides = (
        ComparedSide(
            older, old_pieces, compare_links(older.links, newer.links), compare_files(older.files, newer.files)
        ),
        ComparedSide(
            newer, new_pieces, compare_links(newer.links, older.links), compare_files(newer.files, older.files)
        ),
    )
    return {"sides": sides, "same_text": older.text == newer.text}
