"""Where in a file a note stands, as people type and read it: a moment, a point, a page, a point of it, or the whole.

What the file is decides which of them it can be. `place_of` reads what `in_words` writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from portal.domain.errors import Invalid
from portal.domain.files.kinds import DOCUMENT, Group, group_of

LONGEST_PLACE = 40  # characters as typed
MOST_PAGE = 9_999
_MOMENT = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,5})(?:[.,](\d{1,3})\d*)?")
_POINT = re.compile(r"(\d{1,3}(?:\.\d)?)\s*%?\s*(?:,|;|/|\s)\s*(\d{1,3}(?:\.\d)?)\s*%?")
_PAGE = re.compile(r"(?:page|p\.?)?\s*(\d{1,4})", re.IGNORECASE)
_POINT_OF_PAGE = re.compile(rf"{_PAGE.pattern}\s*(?:at|,|;|:)\s*({_POINT.pattern})", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A place in a file: a moment, a point, a page or a point of it, or none for the whole."""

    milliseconds: int | None = None
    x: int | None = None
    y: int | None = None
    """Thousandths from the left and from the top."""
    page: int | None = None


HOW = {
    Group.VIDEO: "a time such as 1:02.5",
    Group.IMAGE: "percent from the left and from the top, such as 40, 25.5",
    Group.DOCUMENT: "a page such as 3",
}
HOW |= {Group.AUDIO: HOW[Group.VIDEO], Group.RAW: HOW[Group.IMAGE]}
HOW_ON_PAGES = "a page such as 3 or a point of it such as 3 at 40, 25.5"


def how_to_type(*kinds: str) -> str:
    """Return what may be typed as a place in a file of one of these media types."""
    ways = dict.fromkeys(way for kind in kinds if (way := _way(kind)))
    if not ways:
        return "Nothing: a note stands for the whole of this file."
    said = f"{', or '.join(ways)}, or nothing for the whole."
    return said[0].upper() + said[1:]


def place_of(typed: str, kind: str) -> Place:
    """Return the place that was typed for a file of this media type; refuse what is none, with what would be one."""
    text = typed.strip()
    found = _read(text, kind) if text else Place()
    if found is None or len(text) > LONGEST_PLACE:
        raise Invalid("The note is not put there yet; what you typed is kept.", fields={"place": how_to_type(kind)})
    return found


def in_words(place: Place) -> str:
    """`1:02.500`, `40, 25.5`, `page 3`, `page 3 at 40, 25.5`; empty for the whole."""
    if place.milliseconds is not None:
        return clock(place.milliseconds)
    page = f"page {place.page}" if place.page is not None else ""
    point = f"{_percent(place.x)}, {_percent(place.y)}" if place.x is not None and place.y is not None else ""
    return " at ".join(part for part in (page, point) if part)


def clock(milliseconds: int) -> str:
    """`0:04.120`, `1:02:03.500`: as exact as a frame."""
    seconds, part = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}.{part:03}" if hours else f"{minute}:{second:02}.{part:03}"


def _way(kind: str) -> str | None:
    """Return how a place of it is typed: pages of a PDF are pictures, so they have points."""
    return HOW_ON_PAGES if kind == DOCUMENT else HOW.get(group_of(kind))


def _read(text: str, kind: str) -> Place | None:
    group = group_of(kind)
    if group in {Group.VIDEO, Group.AUDIO}:
        return _moment(text)
    if group in {Group.IMAGE, Group.RAW}:
        return _point(text)
    if kind == DOCUMENT and (found := _POINT_OF_PAGE.fullmatch(text)):
        page, point = _page(found[1]), _point(found[2])
        return replace(point, page=page.page) if page and point else None
    return _page(text) if group is Group.DOCUMENT else None


def _moment(text: str) -> Place | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, part = found.groups()
    if (minutes is not None and int(seconds) > 59) or (hours is not None and int(minutes) > 59):
        return None
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    return Place(milliseconds=whole * 1000 + int((part or "0").ljust(3, "0")))


def _point(text: str) -> Place | None:
    found = _POINT.fullmatch(text)
    if found is None:
        return None
    x, y = (round(float(number) * 10) for number in found.groups())
    return Place(x=x, y=y) if x <= 1000 and y <= 1000 else None


def _page(text: str) -> Place | None:
    found = _PAGE.fullmatch(text)
    return Place(page=int(found[1])) if found and 0 < int(found[1]) <= MOST_PAGE else None


def _percent(thousandths: int) -> str:
    whole, part = divmod(thousandths, 10)
    return f"{whole}.{part}" if part else str(whole)
