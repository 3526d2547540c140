"""Every mark is in one tenth, and the middle lies among the marks."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.figures import share, spread, tenth_of

outs_of = st.integers(1, 1000)


def marks_out_of(of: int) -> st.SearchStrategy[list[Decimal]]:
    return st.lists(st.integers(0, of * 100).map(lambda number: Decimal(number) / 100), max_size=40)


@pytest.mark.parametrize(
    ("mark", "of", "place"),
    [("0", 20, 0), ("1.99", 20, 0), ("2", 20, 1), ("19.99", 20, 9), ("20", 20, 9), ("0.5", 1, 5), ("99.99", 100, 9)],
)
def test_a_mark_lies_in_its_tenth(mark: str, of: int, place: int) -> None:
    assert tenth_of(Decimal(mark), of) == place


@given(outs_of.flatmap(lambda of: st.tuples(st.just(of), marks_out_of(of))))
def test_every_mark_is_counted_once_and_the_middle_lies_among_them(drawn: tuple[int, list[Decimal]]) -> None:
    of, marks = drawn
    found = spread(marks, of)
    assert sum(number for _, number in found.tenths) == found.number == len(marks)
    assert len(found.tenths) == 10
    if not marks:
        assert (found.average, found.median) == (None, None)
        return
    for middle in (found.average, found.median):
        assert middle is not None
        assert min(marks) - Decimal("0.05") <= middle <= max(marks) + Decimal("0.05")


def test_average_and_median_are_told_to_a_tenth() -> None:
    found = spread([Decimal(10), Decimal(11), Decimal(20), Decimal("20.25")], 20)
    assert (found.average, found.median) == (Decimal("15.3"), Decimal("15.5"))
    assert spread([Decimal(1), Decimal(5), Decimal(3)], 20).median == 3


@pytest.mark.parametrize(
    ("part", "whole", "percent"), [(0, 0, None), (0, 3, 0), (1, 3, 33), (2, 3, 67), (1, 8, 13), (3, 3, 100)]
)
def test_a_share_is_in_whole_percent(part: int, whole: int, percent: int | None) -> None:
    assert share(part, whole) == percent
