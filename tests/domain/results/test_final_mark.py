"""The final mark: a table of how it comes about, and what must hold of every one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.domain.results.final_mark import PASS_MARK, Piece, final_mark, needed

D = Decimal


def piece(weight: str, mark: str | None = None, points: int = 100, *, missed: bool = False) -> Piece:
    return Piece(D(weight), points, None if mark is None else D(mark), missed)


@pytest.mark.parametrize(
    ("pieces", "so_far", "final", "secured", "most"),
    [
        ([piece("100", "70")], "70.0", "70.0", "70.0", "70.0"),
        ([piece("60", "50"), piece("40", "100")], "70.0", "70.0", "70.0", "70.0"),
        ([piece("60", "15", 20), piece("40", "10", 40)], "55.0", "55.0", "55.0", "55.0"),  # shares, not points
        ([piece("60", "50"), piece("40")], "50.0", None, "30.0", "70.0"),  # what is not marked does not count yet
        ([piece("60", "50"), piece("40", missed=True)], "30.0", "30.0", "30.0", "30.0"),  # what was missed is 0
        ([piece("60", "50"), piece("30", missed=True), piece("10")], "33.3", None, "30.0", "40.0"),
        ([piece("60"), piece("40")], None, None, "0.0", "100.0"),
        ([piece("100", "70"), piece("0", "0"), piece("0", missed=True), piece("0")], "70.0", "70.0", "70.0", "70.0"),
        ([piece("33.34", "1", 3), piece("33.33", "1", 3), piece("33.33", "1", 3)], "33.3", "33.3", "33.3", "33.3"),
        ([piece("100", "49.94")], "49.9", "49.9", "49.9", "49.9"),
        ([piece("100", "49.95")], "50.0", "50.0", "50.0", "50.0"),  # a half is rounded upwards, once
        ([piece("50", "49.95"), piece("50", "49.93")], "49.9", "49.9", "49.9", "49.9"),
    ],
)
def test_a_final_mark_comes_about_so(
    pieces: list[Piece], so_far: str | None, final: str | None, secured: str, most: str
) -> None:
    found = final_mark(pieces)
    assert found is not None
    told = (found.so_far, found.final, found.secured, found.most)
    assert told == tuple(None if figure is None else D(figure) for figure in (so_far, final, secured, most))


def test_there_is_no_final_mark_where_nothing_weighs() -> None:
    assert final_mark([]) is None
    assert final_mark([piece("0", "80"), piece("0")]) is None
    assert needed([piece("0")], PASS_MARK) is None


@pytest.mark.parametrize(("mark", "passes"), [("50", True), ("49.95", True), ("49.94", False), ("0", False)])
def test_whoever_reads_fifty_is_on_course_to_pass(mark: str, passes: bool) -> None:
    found = final_mark([piece("30", mark), piece("70")])
    assert found is not None
    assert found.on_course is passes


@pytest.mark.parametrize(
    ("pieces", "target", "answer"),
    [
        ([piece("60", "50"), piece("40")], "50", "49.9"),  # 49.96 reads as 50.0
        ([piece("60", "50"), piece("40")], "70", "99.9"),
        ([piece("60", "50"), piece("40")], "71", None),
        ([piece("60", "90"), piece("40")], "50", "0"),
        ([piece("100")], "50", "50.0"),
        ([piece("100", "60")], "50", "0"),
        ([piece("100", "40")], "50", None),
        ([piece("50", missed=True), piece("50")], "50", "99.9"),
    ],
)
def test_what_is_needed_for_a_target(pieces: list[Piece], target: str, answer: str | None) -> None:
    found = needed(pieces, D(target))
    assert found == (None if answer is None else D(answer))


@st.composite
def studies(draw: st.DrawFn) -> list[Piece]:
    """All pieces of an intake: weights that add to 100, some of them marked, missed or open."""
    cuts = sorted(draw(st.lists(st.integers(0, 10_000), max_size=7)))
    weights = [D(end - begin) / 100 for begin, end in zip([0, *cuts], [*cuts, 10_000], strict=True)]
    made = []
    for weight in weights:
        points = draw(st.integers(1, 1000))
        hundredths = draw(st.none() | st.integers(0, 100 * points))
        mark = None if hundredths is None else D(hundredths) / 100
        made.append(Piece(weight, points, mark, missed=mark is None and draw(st.booleans())))
    return made


@given(studies())
def test_a_final_mark_lies_between_what_is_secured_and_what_can_be_reached(pieces: list[Piece]) -> None:
    found = final_mark(pieces)
    assert found is not None
    assert 0 <= found.secured <= found.most <= 100
    assert 0 <= found.decided <= 100
    assert found.so_far is None or 0 <= found.so_far <= 100
    assert found.is_final is all(piece.is_decided or not piece.weight for piece in pieces)
    if found.is_final:
        assert found.final == found.secured == found.most == found.so_far


@given(studies(), st.data())
def test_the_order_of_the_work_makes_no_difference(pieces: list[Piece], data: st.DataObject) -> None:
    assert final_mark(data.draw(st.permutations(pieces))) == final_mark(pieces)


@given(studies(), st.data())
def test_a_better_mark_never_lowers_anything(pieces: list[Piece], data: st.DataObject) -> None:
    marked = [place for place, each in enumerate(pieces) if each.mark is not None]
    assume(marked)
    place = data.draw(st.sampled_from(marked))
    one = pieces[place]
    assert one.mark is not None
    better = D(data.draw(st.integers(int(one.mark * 100), 100 * one.points))) / 100
    before, after = final_mark(pieces), final_mark([*pieces[:place], replace(one, mark=better), *pieces[place + 1 :]])
    assert before is not None
    assert after is not None
    assert (after.secured, after.most) >= (before.secured, before.most)
    assert before.so_far is None or (after.so_far is not None and after.so_far >= before.so_far)


@given(studies())
def test_full_marks_are_a_hundred_and_nothing_is_nought(pieces: list[Piece]) -> None:
    full = final_mark([replace(each, mark=D(each.points), missed=False) for each in pieces])
    none = final_mark([replace(each, mark=None, missed=True) for each in pieces])
    assert full is not None
    assert none is not None
    assert full.final == 100
    assert none.final == 0


@given(studies(), st.integers(0, 1000).map(lambda tenths: D(tenths) / 10))
def test_what_is_needed_reaches_the_target_and_a_tenth_less_does_not(pieces: list[Piece], target: D) -> None:
    answer = needed(pieces, target)

    def reached(percent: D) -> D:
        tried = [each if each.is_decided else replace(each, points=1000, mark=percent * 10) for each in pieces]
        found = final_mark(tried)
        assert found is not None
        assert found.final is not None
        return found.final

    if answer is None:
        assert reached(D(100)) < target
    else:
        assert reached(answer) >= target
        assert answer == 0 or reached(answer - D("0.1")) < target


@given(studies())
def test_nothing_is_lost_by_rounding_before_the_end(pieces: list[Piece]) -> None:
    found = final_mark(pieces)
    assert found is not None
    exact = sum(
        (Fraction(each.weight) * Fraction(each.mark) / each.points for each in pieces if each.mark is not None),
        Fraction(0),
    )
    assert abs(Fraction(found.secured) - exact) <= Fraction(1, 20)
