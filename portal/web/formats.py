"""Amounts, moments and sizes in words people read: the one module that formats them.

The functions are pure and take the zone (and, where it matters, the present moment) explicitly.
`register(app, zone)` offers them to templates as filters that know the reader's own zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup, escape

from portal.web.sessions import current_identity
from portal.web.user_agents import browser_name

CURRENCY_SIGNS = {"GHS": "GH₵"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
NO_BREAK = "\N{NO-BREAK SPACE}"
DEFAULT_ZONE = ZoneInfo("Africa/Accra")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def register(app: Flask, zone: ZoneInfo = DEFAULT_ZONE) -> None:
    """Offer the formats as template filters; times are told in the reader's zone, else in the institute's."""

    def in_readers_zone(tell: Callable[[datetime, tzinfo], str]) -> Callable[..., str]:
        def told(moment: datetime, in_zone: tzinfo | str | None = None) -> str:
            return tell(moment, as_zone(in_zone) or readers_zone(zone))

        return told

    def relative_now(moment: datetime, in_zone: tzinfo | str | None = None) -> str:
        return relative(moment, datetime.now(UTC), as_zone(in_zone) or readers_zone(zone))

    def day_of_either(when: date, in_zone: tzinfo | str | None = None) -> str:
        if isinstance(when, datetime):
            return day(when.astimezone(as_zone(in_zone) or readers_zone(zone)))
        return day(when)

    def short_day_of_either(when: date, in_zone: tzinfo | str | None = None) -> str:
        if isinstance(when, datetime):
            return short_day(when.astimezone(as_zone(in_zone) or readers_zone(zone)))
        return short_day(when)

    app.jinja_env.filters.update(
        money=money,
        day=day_of_either,
        short_day=short_day_of_either,
        day_time=in_readers_zone(day_time),
        clock=in_readers_zone(clock),
        exact=in_readers_zone(exact),
        relative=relative_now,
        size=size,
        count=count,
        duration=duration,
        playtime=playtime,
        milliseconds=milliseconds,
        span_of_time=span_of_time,
        points=points,
        percent=percent,
        initials=initials,
        plural=plural,
        html_attributes=html_attributes,
        browser=browser_name,
    )


def readers_zone(default: tzinfo) -> tzinfo:
    """Return the zone of the person who reads this page."""
    person = current_identity()
    return (as_zone(person.time_zone) if person is not None else None) or default


def as_zone(zone: tzinfo | str | None) -> tzinfo | None:
    if isinstance(zone, str):
        return ZoneInfo(zone) if zone else None
    return zone


def money(pesewas: int, currency: str = "GHS") -> str:
    """125000 is `GH₵ 1,250.00`; the space does not break."""
    whole, part = divmod(abs(pesewas), 100)
    sign = "−" if pesewas < 0 else ""
    return f"{sign}{CURRENCY_SIGNS.get(currency, currency)}{NO_BREAK}{whole:,}.{part:02}"


def day(when: date) -> str:
    """`Monday 7 December 2026`."""
    return f"{WEEKDAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]} {when.year}"


def short_day(when: date) -> str:
    """`7 Dec`."""
    return f"{when.day} {MONTHS[when.month - 1][:3]}"


def day_time(moment: datetime, zone: tzinfo) -> str:
    """`Monday 7 December, 10:00`."""
    there = moment.astimezone(zone)
    return f"{WEEKDAYS[there.weekday()]} {there.day} {MONTHS[there.month - 1]}, {_hour(there)}"


def clock(moment: datetime, zone: tzinfo) -> str:
    """`10:00`."""
    return _hour(moment.astimezone(zone))


def _hour(there: datetime) -> str:
    return f"{there.hour:02}:{there.minute:02}"


def exact(moment: datetime, zone: tzinfo) -> str:
    """`Monday 7 December 2026, 10:00:00, Accra time`: for hover and for receipts."""
    there = moment.astimezone(zone)
    return f"{day(there)}, {_hour(there)}:{there.second:02}, {zone_name(zone, there)}"


def zone_name(zone: tzinfo, moment: datetime) -> str:
    """`Accra time`, from the zone's own name."""
    key = getattr(zone, "key", "")
    if "/" in key:
        return f"{key.rpartition('/')[2].replace('_', ' ')} time"
    return moment.astimezone(zone).tzname() or "UTC"


def relative(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return how far away the moment is within a week, and its date beyond."""
    ahead = moment >= now
    distance = abs(moment - now)
    if distance < timedelta(minutes=1):
        return "in a moment" if ahead and distance else "just now"
    if distance < timedelta(hours=1):
        return _told(plural(int(distance.total_seconds() // 60), "minute"), ahead)
    if distance < timedelta(hours=24):
        return _told(plural(int(distance.total_seconds() // 3600), "hour"), ahead)
    there, here = moment.astimezone(zone), now.astimezone(zone)
    days = abs((there.date() - here.date()).days)
    if days == 1:
        return f"{'tomorrow' if ahead else 'yesterday'}, {_hour(there)}"
    if distance < timedelta(hours=48):
        return _told(plural(int(distance.total_seconds() // 3600), "hour"), ahead)
    if distance < timedelta(days=7):
        return _told(plural(days, "day"), ahead)
    year = "" if there.year == here.year else f" {there.year}"
    return f"{there.day} {MONTHS[there.month - 1]}{year}"


def _told(distance: str, ahead: bool) -> str:
    return f"in {distance}" if ahead else f"{distance} ago"


def size(octets: int) -> str:
    """4200000 is `4.2 MB`: a megabyte is a million bytes, as limits are told."""
    if octets < 1000:
        return plural(octets, "byte")
    amount = float(octets)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            break
    figures = f"{amount:.1f}" if amount < 99.95 else f"{amount:,.0f}"
    return f"{figures.removesuffix('.0')}{NO_BREAK}{unit}"


def count(number: int) -> str:
    """12400 is `12,400`."""
    return f"{number:,}"


def duration(minutes: int) -> str:
    """90 is `1 h 30 min`."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours}{NO_BREAK}h"] if hours else []
    parts += [f"{rest}{NO_BREAK}min"] if rest or not hours else []
    return " ".join(parts)


def playtime(seconds: float) -> str:
    """125 is `2:05`, an hour more is `1:02:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def milliseconds(amount: float) -> str:
    """0.4 is `under 1 ms`, 85.2 is `85 ms`, 2340 is `2.3 s`."""
    if amount < 1:
        return f"under 1{NO_BREAK}ms"
    return f"{amount:.0f}{NO_BREAK}ms" if amount < 999.5 else f"{amount / 1000:.1f}{NO_BREAK}s"


def ordinal(number: int) -> str:
    """1 is `first`, 12 is `12th`."""
    if number <= len(ORDINALS):
        return ORDINALS[number - 1]
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def span_of_time(seconds: float) -> str:
    """40 is `40 s`, 5400 is `1 h 30 min`, 200000 is `2 days`."""
    if seconds < 60:
        return f"{seconds:.0f}{NO_BREAK}s"
    return duration(int(seconds // 60)) if seconds < 2 * 86_400 else plural(int(seconds // 86_400), "day")


def points(value: Decimal | float) -> str:
    """12.50 is `12.5`, 12.00 is `12`."""
    figures = f"{value:.2f}"
    return figures.rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """62.5 is `63 %`: a share of a hundred, whole."""
    return f"{int(share + 0.5)}{NO_BREAK}%"


def initials(name: str) -> str:
    """Return the first letters of the first and the last name."""
    words = [word for word in name.split() if word[0].isalpha()]
    chosen = words[:1] + words[1:][-1:]
    return "".join(word[0] for word in chosen).upper() or "?"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """`1 file`, `3 files`; the second form where it is not the first and an s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def html_attributes(values: dict[str, Any]) -> Markup:
    """Return keyword arguments as attributes: `hx_get` is `hx-get`; true stands alone, false and none are left out."""
    written = (
        f" {name}" if value is True else f' {name}="{escape(value)}"'
        for name, value in attribute_names(values).items()
        if value is not None and value is not False
    )
    return Markup("".join(written))  # noqa: S704 - names and values are escaped


def attribute_names(values: dict[str, Any]) -> dict[str, Any]:
    """Return the same values under the names HTML has for them (`class_` is `class`)."""
    return {str(escape(name.rstrip("_").replace("_", "-"))): value for name, value in values.items()}
