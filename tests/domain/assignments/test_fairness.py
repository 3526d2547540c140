"""A slow line makes nobody late, and an outage of ours moves the deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.fairness import (
    AWAY_AT_LEAST,
    LONGEST_ARRIVAL,
    LONGEST_GAP,
    Arrival,
    Away,
    Kept,
    counts_from,
    moved,
)

DUE = datetime(2026, 12, 7, 17, 0, tzinfo=UTC)
MB = 1_000_000
LENGTH = 100 * MB


def minutes(number: float) -> datetime:
    """Return the moment so many minutes after the due one."""
    return DUE + timedelta(minutes=number)


def arrival(begun: float, *kept: tuple[float, float], length: int = LENGTH) -> Arrival:
    """An upload: minutes from the due moment, and how many megabytes were kept then."""
    return Arrival(length, minutes(begun), [Kept(minutes(at), int(amount * MB)) for at, amount in kept])


@pytest.mark.parametrize(
    ("arrivals", "handed_in", "on_time", "why"),
    [
        ([], -1, True, "handed in before the due moment"),
        ([], 0, True, "the due moment itself is on time"),
        ([], 1, False, "no file was arriving"),
        ([arrival(-30, (-5, 6), (20, 60), (50, 100))], 51, True, "begun, and bytes kept coming"),
        ([arrival(-30, (-5, 5), (20, 100))], 21, True, "a twentieth is begun"),
        ([arrival(-30, (-5, 1.05), (20, 100))], 21, True, "a mebibyte is begun"),
        ([arrival(-30, (-5, 1), (20, 100))], 21, False, "less than either is not"),
        ([arrival(-30, (1, 50), (20, 100))], 21, False, "declared, but nothing kept by the due moment"),
        ([arrival(1, (2, 50), (20, 100))], 21, False, "begun after the due moment"),
        ([arrival(-30, (-5, 50), (56, 100))], 57, False, "61 minutes without a byte"),
        ([arrival(-30, (-5, 50), (55, 100))], 56, True, "60 minutes without a byte"),
        ([arrival(-30, (-5, 50), (10, 100))], 71, False, "whole, and handed in more than an hour later"),
        ([arrival(-90, (-80, 50), (-5, 100))], 5, False, "whole before the due moment, and not handed in by then"),
        ([arrival(-90, (-80, 100)), arrival(-9, (-5, 9), (9, 100))], 10, True, "one whole, one still arriving"),
        ([arrival(-9, (-5, 9), (9, 100)), arrival(1, (2, 100))], 10, False, "one arriving, one begun too late"),
    ],
)
def test_work_counts_by_when_it_was_begun(arrivals: list[Arrival], handed_in: float, on_time: bool, why: str) -> None:
    assert (counts_from(DUE, arrivals, minutes(handed_in)) <= DUE) is on_time, why


def test_after_a_day_even_a_line_that_never_stopped_is_late() -> None:
    pieces = [(minute, 5 + minute / 30) for minute in range(-30, 25 * 60, 30)]
    slow = arrival(-60, *pieces, length=1_000 * MB)
    assert counts_from(DUE, [slow], DUE + LONGEST_ARRIVAL) == DUE
    late = DUE + LONGEST_ARRIVAL + timedelta(seconds=1)
    assert counts_from(DUE, [slow], late) == late


zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
offsets = st.lists(st.tuples(st.integers(-300, 300), st.integers(0, 100)), max_size=12)
arrivals = st.builds(
    lambda begun, kept: arrival(begun, *sorted((max(at, begun), float(mb)) for at, mb in kept)),
    st.integers(-400, 100),
    offsets,
)


@given(st.lists(arrivals, max_size=3), st.integers(-400, 2000), zones)
def test_the_zone_of_a_clock_changes_nothing(given_arrivals: list[Arrival], handed_in: int, zone: ZoneInfo) -> None:
    at = minutes(handed_in)
    assert counts_from(DUE.astimezone(zone), given_arrivals, at.astimezone(zone)) == counts_from(
        DUE, given_arrivals, at
    )


@given(st.lists(arrivals, max_size=3), st.integers(-400, 2000))
def test_fairness_never_makes_anybody_later(given_arrivals: list[Arrival], handed_in: int) -> None:
    at = minutes(handed_in)
    judged = counts_from(DUE, given_arrivals, at)
    assert judged in (at, DUE)
    assert judged <= at


def test_what_is_handed_in_a_second_too_early_for_the_gap_is_on_time() -> None:
    slow = arrival(-10, (0, 50), (59, 100))
    assert counts_from(DUE, [slow], minutes(59) + LONGEST_GAP) == DUE
    assert counts_from(DUE, [slow], minutes(59) + LONGEST_GAP + timedelta(seconds=1)) > DUE


@pytest.mark.parametrize(
    ("away", "moves"),
    [
        ([], 0),
        ([(-60, -45)], 0),  # a quarter of an hour is not more than that
        ([(-60, -44)], 32),
        ([(-60, -50), (-30, -20)], 40),  # two short ones together
        ([(-370, -350)], 0),  # ten of these minutes lie before the six hours
        ([(-380, -340)], 40),  # twenty lie within
        ([(10, 90)], 0),  # after the due moment
        ([(-20, 30)], 100),  # came back only after it
        ([(-20, None)], 120),  # not back yet, forty minutes after the due moment
    ],
)
def test_the_deadline_moves_by_twice_the_time_the_portal_was_away(
    away: list[tuple[int, int | None]], moves: int
) -> None:
    spans = [Away(minutes(since), None if until is None else minutes(until)) for since, until in away]
    now = minutes(40) if any(until is None for _, until in away) else minutes(3000)
    assert moved(DUE, spans, now=now) == minutes(moves)


spans = st.lists(st.tuples(st.integers(-600, 100), st.integers(0, 200)), max_size=4)


@given(spans, zones)
def test_an_outage_never_brings_a_deadline_nearer(given_spans: list[tuple[int, int]], zone: ZoneInfo) -> None:
    away = [Away(minutes(since), minutes(since + length)) for since, length in given_spans]
    there = moved(DUE.astimezone(zone), away, now=minutes(3000))
    assert there >= DUE
    assert there == moved(DUE, away, now=minutes(3000))
    in_time = sum(
        (max(min(each.until, DUE) - max(each.since, DUE - timedelta(hours=6)), timedelta()) for each in away),
        timedelta(),
    )
    assert (there > DUE) is (in_time > AWAY_AT_LEAST)
