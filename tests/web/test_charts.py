"""Charts show what is true: longer bars for larger numbers, round ticks, points inside the picture."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web import charts

numbers = st.one_of(st.integers(0, 10**9), st.floats(0, 1e9, allow_nan=False).map(lambda value: round(value, 2)))
rows = st.lists(st.tuples(st.text(min_size=1, max_size=12), numbers), min_size=1, max_size=40)
ends = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 3))


@given(ends, ends)
def test_ticks_enclose_every_value_at_even_round_steps(one, other):
    low, high = sorted((one, other))
    ticks = charts.ticks_for(low, high)
    step = ticks[1] - ticks[0]
    slack = step * 1e-6
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 7
    assert all(math.isclose(after - before, step, rel_tol=1e-6) for before, after in pairwise(ticks))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_what_is_counted_has_no_ticks_at_halves(counts):
    chart = charts.line_layout([("day", count) for count in counts])
    assert all(tick.value == int(tick.value) for tick in chart.ticks)


@given(st.floats(1e-6, 1e12))
def test_a_step_is_one_two_or_five_times_a_power_of_ten(rough):
    step = charts.step_for(rough)
    leading = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(leading - factor) for factor in (1, 2, 5, 10)) < 1e-6
    assert step >= rough * (1 - 1e-6)
    assert step <= rough * 10


@given(rows)
def test_a_larger_number_never_has_a_shorter_bar(given_rows):
    bars = charts.bar_layout(given_rows).bars
    assert [bar.label for bar in bars] == [label for label, _ in given_rows]
    for one in bars:
        assert 0 <= one.share <= 100
        assert all(one.share <= other.share for other in bars if one.value < other.value)


@given(rows)
def test_the_longest_bar_is_the_whole_width(given_rows):
    bars = charts.bar_layout(given_rows).bars
    if any(bar.value > 0 for bar in bars):
        assert max(bar.share for bar in bars) == 100


@given(st.lists(st.tuples(st.just("day"), ends), min_size=1, max_size=60))
def test_every_point_of_a_line_lies_inside_the_plot_in_order(given_rows):
    chart = charts.line_layout(given_rows)
    assert all(0 <= point.x <= 100 for point in chart.points)
    assert all(-0.01 <= point.y <= chart.plot + 0.01 for point in chart.points)
    assert [point.x for point in chart.points] == sorted(point.x for point in chart.points)
    for one in chart.points:
        assert all(one.y >= other.y for other in chart.points if one.value < other.value)


def test_a_line_of_counts_stands_on_zero():
    chart = charts.line_layout([("Mon", 40), ("Tue", 42)])
    assert chart.ticks[0].value == 0
    assert chart.ticks[0].y == chart.plot


@given(st.integers(0, 400), st.integers(2, 8))
def test_labels_are_few_and_the_newest_is_among_them(length, most):
    places = charts.spread(length, most)
    assert len(places) <= most
    assert places == sorted(set(places))
    if length:
        assert places[-1] == length - 1


@given(st.lists(ends, max_size=50))
def test_a_sparkline_stays_in_its_frame(values):
    places = charts.spark_layout(values)
    assert len(places) == len(values)
    assert all(0 <= x <= charts.SPARK_WIDTH and 0 <= y <= charts.SPARK_HEIGHT for x, y in places)


@pytest.mark.parametrize(
    ("value", "unit", "words"), [(1250, "", "1,250"), (2.5, "", "2.5"), (0, "", "0"), (12, "students", "12 students")]
)
def test_numbers_are_told_as_people_write_them(value, unit, words):
    assert charts.told(value, unit) == words


def test_a_person_who_cannot_see_the_chart_is_told_its_ends():
    summary = charts.summary_of([("Mon", 3), ("Tue", 9), ("Wed", 1)], "pieces")
    assert summary == "3 values from Mon to Wed. Highest: Tue, 9 pieces. Lowest: Wed, 1 pieces."


def test_an_empty_chart_says_so():
    assert charts.line_layout([]).points == []
    assert charts.bar_layout([]).bars == []
    assert charts.summary_of([]) == "There is nothing to show yet."
