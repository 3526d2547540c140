"""What a page of classes shows, a week in its calendar or a list, shared by all who look at classes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from flask import request, url_for
from sqlalchemy.orm import Session

from portal.domain.live_classes.models import LiveClassState
from portal.domain.live_classes.phases import Phase, phase_of
from portal.domain.live_classes.queries import ClassRow, Whose, classes_between, past, upcoming
from portal.web.forms import persons_zone
from portal.web.pagination import cursor_of_request, links
from portal.web.week import Entry, Week, week


class View(StrEnum):
    WEEK = "week"
    UPCOMING = "upcoming"
    PAST = "past"


@dataclass(frozen=True)
class ShownWeek:
    """Seven days of somebody's clock, and the weeks beside them."""

    monday: date
    first: datetime
    until: datetime
    today: date

    @property
    def previous(self) -> date:
        return self.monday - timedelta(days=7)

    @property
    def next(self) -> date:
        return self.monday + timedelta(days=7)

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def is_this_week(self) -> bool:
        return self.monday <= self.today <= self.sunday


@dataclass(frozen=True)
class Timetable:
    """What a page of classes shows: a week in its calendar, or a page of a list."""

    view: View
    shown: ShownWeek
    calendar: Week | None = None
    classes: tuple[ClassRow, ...] = ()
    previous_url: str | None = None
    next_url: str | None = None

    @property
    def empty(self) -> bool:
        return not self.classes and (self.calendar is None or not any(day.slots for day in self.calendar.days))


def timetable(session: Session, whose: Whose, class_endpoint: str, *, at: datetime) -> Timetable:
    """Return what the address asks for of these classes; each leads to its page at `class_endpoint`."""
    view, shown = shown_view(), shown_week(at)
    if view is View.WEEK:
        rows = classes_between(session, whose, shown.first, shown.until)
        entries = [_entry(row, url_for(class_endpoint, live_class_id=row.id), at) for row in rows]
        return Timetable(view, shown, calendar=week(entries, shown.monday, persons_zone(), shown.today))
    listed = upcoming if view is View.UPCOMING else past
    page = listed(session, whose, at=at, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return Timetable(view, shown, classes=page.items, previous_url=previous_url, next_url=next_url)


def shown_view() -> View:
    """Return which of the views the address asks for; the week where it says nothing known."""
    asked = request.args.get("view", "")
    return View(asked) if asked in set(View) else View.WEEK


def shown_week(at: datetime) -> ShownWeek:
    """Return the week the address names by any of its days (`?week=2026-12-07`), else the present one."""
    today = at.astimezone(persons_zone()).date()
    day = _day_named(request.args.get("week", "")) or today
    monday = day - timedelta(days=day.weekday())
    return ShownWeek(monday, midnight(monday), midnight(monday + timedelta(days=7)), today)


def midnight(day: date) -> datetime:
    """Return when this day begins on the clock of the person who asks."""
    return datetime.combine(day, time(), persons_zone())


def _day_named(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2100 else None  # weeks before and after it must exist too


def _entry(row: ClassRow, url: str, at: datetime) -> Entry:
    phase = phase_of(row.state, row.starts_at, row.ends_at, at)
    notes = {Phase.CANCELLED: "Cancelled", Phase.RUNNING: "On now", Phase.OPENING: "Begins shortly"}
    tones = {Phase.CANCELLED: "off", Phase.RUNNING: "done", Phase.OPENING: "soon"}
    place = "" if row.state == LiveClassState.CANCELLED else row.place
    return Entry(
        title=row.title,
        start=row.starts_at,
        end=row.ends_at,
        url=url,
        place=place,
        note=notes.get(phase, row.course),
        tone=tones.get(phase, ""),
    )
