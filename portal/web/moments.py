"""A moment as pages show it: in words, with the exact time on hover and for machines.

Written here and not as a template, because a list tells one on every row.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from flask import Flask
from markupsafe import Markup

from portal.web.formats import (
    DEFAULT_ZONE,
    as_zone,
    clock,
    day,
    day_time,
    exact,
    readers_zone,
    relative,
    short_day,
)

NOT_SET = Markup('<span class="muted">not set</span>')
STYLES: dict[str, Callable[[datetime, tzinfo], str]] = {
    "day": lambda moment, zone: day(moment.astimezone(zone)),
    "short": lambda moment, zone: short_day(moment.astimezone(zone)),
    "clock": clock,
    "day_time": day_time,
}


def register(app: Flask, institute: tzinfo = DEFAULT_ZONE) -> None:
    """Offer `when` to every template; times are told in the reader's zone, else in the institute's."""

    def when(moment: datetime | None, style: str = "relative", zone: tzinfo | str | None = None) -> Markup:
        if moment is None:
            return NOT_SET
        return told(moment, style, as_zone(zone) or readers_zone(institute))

    app.jinja_env.globals["when"] = when


def told(moment: datetime, style: str, zone: tzinfo) -> Markup:
    """Return the `time` element of a moment; browsers keep a relative one true while the page stands."""
    if style == "relative":
        words, kept = relative(moment, datetime.now(UTC), zone), " data-relative"
    else:
        words, kept = STYLES[style](moment, zone), ""
    # nothing of it was typed by anybody: digits, our own words and the name of a zone
    return Markup(f'<time datetime="{moment.isoformat()}" title="{exact(moment, zone)}"{kept}>{words}</time>')  # noqa: S704
