"""How far something long has come, said now and then to whoever waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_SECONDS = 5.0


class Progress:
    """Counts what is done, and says so every few seconds and at the end."""

    def __init__(self, title: str, total: int, tell: Callable[[str], None]) -> None:
        self._title = title
        self._total = total
        self._tell = tell
        self._done = 0
        self._bytes = 0
        self._said = time.monotonic()

    def done(self, size: int) -> None:
        """Count one more of this size."""
        self._done += 1
        self._bytes += size
        if self._done == self._total or time.monotonic() - self._said > EVERY_SECONDS:
            self._said = time.monotonic()
            self._tell(f"{self._title}: {self._done:,} of {self._total:,}, {self._bytes / 1_000_000:,.1f} MB")
