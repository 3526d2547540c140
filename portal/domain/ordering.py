"""Rows that stand in an order of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Placed(Protocol):
    position: int


Row = TypeVar("Row", bound=Placed)


def move_by_one(rows: Sequence[Row], row: Row, *, up: bool) -> tuple[int, int]:
    """Put a row one place up or down among these, and number all anew; return its place before and after."""
    others = [each for each in rows if each is not row]
    here = rows.index(row)
    there = max(here - 1, 0) if up else min(here + 1, len(others))
    for position, each in enumerate([*others[:there], row, *others[there:]], start=1):
        each.position = position
    return here + 1, there + 1
