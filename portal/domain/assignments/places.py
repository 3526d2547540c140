"""Where in a file a note stands, as people type and read it: a moment, a point of a picture, a page, or the whole.

What the file is decides which of them it can be. `place_of` reads what `in_words` writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.domain.errors import Invalid
from portal.domain.files.kinds import Group, group_of

LONGEST_PLACE = 40  # characters as typed
MOST_PAGE = 9_999
_MOMENT = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,5})(?:[.,](\d{1,3})\d*)?")
_POINT = re.compile(r"(\d{1,3}(?:\.\d)?)\s*%?\s*(?:,|;|/|\s)\s*(\d{1,3}(?:\.\d)?)\s*%?")
_PAGE = re.compile(r"(?:page|p\.?)?\s*(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A place in a file: one of the three, or none for the whole."""

    milliseconds: int | None = None
    x: int | None = None
    y: int | None = None
    """Thousandths from the left and from the top."""
    page: int | None = None


HOW = {
    Group.VIDEO: "A time such as 1:02.5, or nothing for the whole.",
    Group.IMAGE: "Percent from the left and from the top, such as 40, 25.5, or nothing for the whole.",
    Group.DOCUMENT: "A page such as 3, or nothing for the whole.",
}
HOW |= {Group.AUDIO: HOW[Group.VIDEO], Group.RAW: HOW[Group.IMAGE]}


def how_to_type(kind: str) -> str:
    """Return what may be typed as a place in a file of this media type."""
    return HOW.get(group_of(kind), "Nothing: a note stands for the whole of this file.")


def place_of(typed: str, kind: str) -> Place:
    """Return the place that was typed for a file of this media type; refuse what is none, with what would be one."""
    text = typed.strip()
    found = _read(text, group_of(kind)) if text else Place()
    if found is None or len(text) > LONGEST_PLACE:
        raise Invalid("The note is not put there yet; what you typed is kept.", fields={"place": how_to_type(kind)})
    return found


def in_words(place: Place) -> str:
    """`1:02.500`, `40, 25.5`, `page 3`; empty for the whole."""
    if place.milliseconds is not None:
        return clock(place.milliseconds)
    if place.x is not None and place.y is not None:
        return f"{_percent(place.x)}, {_percent(place.y)}"
    return f"page {place.page}" if place.page is not None else ""


def clock(milliseconds: int) -> str:
    """`0:04.120`, `1:02:03.500`: as exact as a frame."""
    seconds, part = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}.{part:03}" if hours else f"{minute}:{second:02}.{part:03}"


def _read(text: str, group: Group) -> Place | None:
    if group in {Group.VIDEO, Group.AUDIO} and (found := _MOMENT.fullmatch(text)):
        hours, minutes, seconds, part = found.groups()
        if (minutes is not None and int(seconds) > 59) or (hours is not None and int(minutes) > 59):
            return None
        whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
        return Place(milliseconds=whole * 1000 + int((part or "0").ljust(3, "0")))
    if group in {Group.IMAGE, Group.RAW} and (found := _POINT.fullmatch(text)):
        x, y = (round(float(number) * 10) for number in found.groups())
        return Place(x=x, y=y) if x <= 1000 and y <= 1000 else None
    if group is Group.DOCUMENT and (found := _PAGE.fullmatch(text)):
        return Place(page=int(found[1])) if 0 < int(found[1]) <= MOST_PAGE else None
    return None


def _percent(thousandths: int) -> str:
    whole, part = divmod(thousandths, 10)
    return f"{whole}.{part}" if part else str(whole)
