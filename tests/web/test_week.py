"""A week shows every class at its hour, side by side where two overlap."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from portal.web.week import MOST_LANES, Entry, week

MONDAY = date(2026, 12, 7)
MIDNIGHT = datetime(2026, 12, 7, tzinfo=UTC)


def class_at(day: int, start: float, end: float, title: str = "Lighting") -> Entry:
    begins = MIDNIGHT + timedelta(days=day)
    return Entry(title, begins + timedelta(hours=start), begins + timedelta(hours=end))


def test_an_empty_week_shows_the_offices_days_and_hours():
    shown = week([], MONDAY, UTC)
    assert [day.day.isoweekday() for day in shown.days] == [1, 2, 3, 4, 5]
    assert list(shown.hours) == list(range(8, 18))


def test_a_class_stands_at_its_hour():
    (slot,) = week([class_at(0, 9.5, 11)], MONDAY, UTC).days[0].slots
    assert (slot.row, slot.rows, slot.lane) == (3, 3, 0)


def test_a_class_on_saturday_brings_saturday():
    assert len(week([class_at(5, 9, 10)], MONDAY, UTC).days) == 6


def test_an_early_class_makes_the_day_begin_earlier():
    shown = week([class_at(1, 7, 8)], MONDAY, UTC)
    assert shown.hours[0] == 7
    assert shown.days[1].slots[0].row == 0


def test_a_late_class_does_not_draw_the_empty_hours_before_it():
    shown = week([class_at(6, 21, 22.5)], MONDAY, UTC)
    assert shown.hours == (*range(8, 18), 21, 22)
    assert (shown.days[6].slots[0].row, shown.days[6].slots[0].rows) == (20, 3)


def test_two_classes_at_once_stand_side_by_side_and_a_later_one_has_the_whole_width():
    day = week([class_at(0, 9, 11), class_at(0, 10, 12), class_at(0, 14, 15)], MONDAY, UTC).days[0]
    assert [slot.lane for slot in day.slots] == [1, 2, 0]
    assert day.lanes == 2


def test_a_class_is_shown_on_the_readers_day():
    late = Entry("Editing", MIDNIGHT + timedelta(hours=23, minutes=30), MIDNIGHT + timedelta(hours=24))
    shown = week([late], MONDAY, ZoneInfo("Africa/Lagos"))
    assert shown.days[0].slots == []
    assert len(shown.days[1].slots) == 1


def test_today_is_marked():
    assert [day.today for day in week([], MONDAY, UTC, today=date(2026, 12, 8)).days] == [
        False,
        True,
        False,
        False,
        False,
    ]


times = st.tuples(st.integers(0, 6), st.integers(0, 47), st.integers(1, 12))


@given(st.lists(times, max_size=12))
def test_no_class_is_lost_and_each_stays_inside_the_hours_that_are_drawn(given_times):
    entries = [class_at(day, start / 2, min(start + length, 48) / 2) for day, start, length in given_times]
    shown = week(entries, MONDAY, UTC)
    slots = [slot for day in shown.days for slot in day.slots]
    assert len(slots) == len(entries)
    for slot in slots:
        assert 0 <= slot.row < 2 * len(shown.hours)
        assert 1 <= slot.rows <= 2 * len(shown.hours) - slot.row
        assert 0 <= slot.lane <= MOST_LANES
