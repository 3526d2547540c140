"""Rows that a person moves up and down."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from portal.domain.ordering import move_by_one


@dataclass
class Chapter:
    name: str
    position: int = 0


@pytest.mark.parametrize(
    ("name", "up", "order", "places"),
    [
        ("b", True, "bacd", (2, 1)),
        ("b", False, "acbd", (2, 3)),
        ("a", True, "abcd", (1, 1)),
        ("d", False, "abcd", (4, 4)),
    ],
)
def test_whoever_moves_a_row_finds_it_one_place_further_and_at_either_end_where_it_was(
    name: str, up: bool, order: str, places: tuple[int, int]
) -> None:
    rows = [Chapter(each, position) for position, each in enumerate("abcd", start=1)]
    moved = next(row for row in rows if row.name == name)
    assert move_by_one(rows, moved, up=up) == places
    assert "".join(row.name for row in sorted(rows, key=lambda row: row.position)) == order
    assert sorted(row.position for row in rows) == [1, 2, 3, 4]
