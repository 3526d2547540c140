"""A week of classes laid out in columns of half-hours, for the calendar component."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import ceil

FIRST_HOUR, LAST_HOUR = 8, 18  # shown even when empty: the office's day
EARLIEST_HOUR, LATEST_HOUR = 6, 22  # nothing is drawn beyond; an entry that begins earlier stands at the top
MOST_LANES = 3  # entries side by side in one day


@dataclass(frozen=True)
class Entry:
    """One thing in the calendar."""

    title: str
    start: datetime
    end: datetime
    url: str = ""
    place: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Slot:
    """An entry and where it stands in its day's column."""

    entry: Entry
    row: int
    rows: int
    lane: int  # 0: the whole width


@dataclass(frozen=True)
class Day:
    day: date
    today: bool
    lanes: int
    slots: list[Slot]


@dataclass(frozen=True)
class Week:
    days: list[Day]
    hours: tuple[int, ...]  # those that are drawn: the office's, and others only where something is on
    zone: tzinfo


def week(entries: Iterable[Entry], monday: date, zone: tzinfo = UTC, today: date | None = None) -> Week:
    """Return the week that begins on this day; Saturday and Sunday are there only when something is on them."""
    by_day: dict[date, list[Entry]] = {monday + timedelta(days=number): [] for number in range(7)}
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.end)):
        by_day.get(entry.start.astimezone(zone).date(), []).append(entry)
    length = max([5, *(number + 1 for number, found in enumerate(by_day.values()) if found)])
    hours = _hours([entry for found in by_day.values() for entry in found], zone)
    days = [_day(when, by_day[when], hours, zone, today) for when in list(by_day)[:length]]
    return Week(days, hours, zone)


def _hours(entries: Sequence[Entry], zone: tzinfo) -> tuple[int, ...]:
    hours = set(range(FIRST_HOUR, LAST_HOUR))
    for entry in entries:
        first, last = _half_hours(entry, zone)
        hours.update(range(first // 2, last // 2 + 1))
    return tuple(sorted(hours))


def _day(when: date, entries: Sequence[Entry], hours: tuple[int, ...], zone: tzinfo, today: date | None) -> Day:
    slots: list[Slot] = []
    most_lanes = 1
    for group in _overlapping(entries):
        lane_ends: list[datetime] = []
        placed: list[tuple[Entry, int]] = []
        for entry in group:
            lane = next((number for number, end in enumerate(lane_ends) if end <= entry.start), len(lane_ends))
            lane_ends[lane : lane + 1] = [entry.end]
            placed.append((entry, min(lane, MOST_LANES - 1) + 1))
        most_lanes = max(most_lanes, min(len(lane_ends), MOST_LANES))
        for entry, lane in placed:
            first, last = _half_hours(entry, zone)
            row = _row(first, hours)
            slots.append(Slot(entry, row, _row(last, hours) - row + 1, lane if len(lane_ends) > 1 else 0))
    return Day(when, when == today, most_lanes, slots)


def _overlapping(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the entries in groups, each of which touches no other; they come in order of their start."""
    groups: list[list[Entry]] = []
    busy_until: datetime | None = None
    for entry in entries:
        if busy_until is None or entry.start >= busy_until:
            groups.append([])
        groups[-1].append(entry)
        busy_until = max(busy_until or entry.end, entry.end)
    return groups


def _row(half_hour: int, hours: tuple[int, ...]) -> int:
    return 2 * hours.index(half_hour // 2) + half_hour % 2


def _half_hours(entry: Entry, zone: tzinfo) -> tuple[int, int]:
    """Return the first and the last half-hour it touches, counted from midnight, within what is drawn."""
    start, end = entry.start.astimezone(zone), entry.end.astimezone(zone)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    minutes = (end.replace(tzinfo=None) - midnight).total_seconds() / 60
    first = _within((start.hour * 60 + start.minute) // 30)
    return first, max(first, _within(ceil(minutes / 30) - 1))


def _within(half_hour: int) -> int:
    return min(max(half_hour, 2 * EARLIEST_HOUR), 2 * LATEST_HOUR + 1)
