"""How the body of a form arrives: a deadline asks when it was begun and when it was whole, not when it was read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import IO

from flask import request

from portal.domain.assignments.fairness import Arrival, Kept
from portal.domain.clock import now
from portal.domain.files.progress import begun_with

STEP = timedelta(seconds=10)  # between two moments that are kept: a day of a slow line is not too much to remember


class ArrivingBody:
    """The body of one request, which remembers when how much of it was here."""

    def __init__(self, body: IO[bytes], length: int) -> None:
        self._body, self._length = body, length
        self._begun_at, self._offset = now(), 0
        self._kept: list[Kept] = []
        self._last: Kept | None = None

    def read(self, size: int = -1) -> bytes:
        data = self._body.read(size)
        if data:
            self._note(self._offset + len(data), now())
        return data

    def arrival(self) -> Arrival:
        """Return how it arrived so far."""
        return Arrival(self._length, self._begun_at, [*self._kept, *([self._last] if self._last else [])])

    def _note(self, offset: int, at: datetime) -> None:
        begins = self._offset < begun_with(self._length) <= offset
        self._offset, self._last = offset, Kept(at, offset)
        if begins or not self._kept or at - self._kept[-1].at >= STEP:
            self._kept.append(self._last)


def arrival_of_form() -> Arrival | None:
    """Return how the form of this request arrived; None where nobody can tell how long it was to be."""
    body: ArrivingBody | None = request.__dict__.get("body")
    return body.arrival() if body is not None and request.content_length else None


def moment_of(form: Arrival | None) -> datetime:
    """Return when a form was whole: that we were slow to look at it makes nobody late."""
    return (form.whole_at if form else None) or now()
