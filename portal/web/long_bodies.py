"""Bodies that take long on a slow line: at most half of a worker's threads carry them, so that pages are answered."""

from __future__ import annotations

from threading import BoundedSemaphore, Lock

from portal.domain.errors import Unavailable

THREADS = 64  # of a worker
PLACES = THREADS // 2
SMALL = 1024 * 1024  # bytes; what is shorter is over before it matters

_places = BoundedSemaphore(PLACES)


class Place:
    """One of the places of this worker; leaving twice is no error."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = True

    def leave(self) -> None:
        with self._lock:
            if self._taken:
                self._taken = False
                _places.release()


def take_place(size: int) -> Place | None:
    """Return a place for a body of this size, None for a small one that needs none; raise if all are taken."""
    if size <= SMALL:
        return None
    if not _places.acquire(blocking=False):
        raise Unavailable("Many files are on their way right now. Nothing is lost; please try again in a moment.")
    return Place()
