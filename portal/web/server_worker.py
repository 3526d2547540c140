"""A gunicorn worker whose threads cannot all be held by lines on which next to nothing arrives.

A thread that reads a request waits for as long as its sender likes. Few senders on bad lines do no harm; when nearly
all threads wait like this, those that bring the least are ended, so that everybody else is answered.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers import gthread

SILENT_SECONDS = 120  # without one byte; a phone between two cells is back by then
FEW_FREE = 4  # less than one in so many threads being free, threads are scarce
SLOW_SECONDS = 5  # after which a line is judged by what it has brought
SLOWEST = 1000  # bytes a second; no work of a student would ever arrive at that
MOMENT = 0.05  # seconds to wait for the first byte of a new line before the thread goes on to others


class Line(socket.socket):
    """The line of one client, which knows since when it is read, what has come, and since when it is waited for."""

    begun_at = 0.0
    received = 0
    waiting_since: float | None = None

    def begin(self) -> None:
        """Count anew: another request is read."""
        self.begun_at, self.received = time.monotonic(), 0

    def recv(self, *arguments: Any) -> bytes:
        self.waiting_since = time.monotonic()
        try:
            data = super().recv(*arguments)
        finally:
            self.waiting_since = None
        self.received += len(data)
        return data

    def is_silent(self, at: float) -> bool:
        return self.waiting_since is not None and at - self.waiting_since > SILENT_SECONDS

    def is_slow(self, at: float) -> bool:
        seconds = at - self.begun_at
        return self.waiting_since is not None and seconds > SLOW_SECONDS and self.received < SLOWEST * seconds

    def end(self) -> None:
        """Have whoever waits for this line find it closed."""
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)


class PatientWorker(gthread.ThreadWorker):
    """gunicorn's threads, with an eye on the lines that are being read."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._read: set[Line] = set()

    def handle(self, conn: Any) -> Any:
        if not conn.initialized and not conn.data_ready and not conn.wait_for_data(MOMENT):
            return gthread._DEFER  # the poller waits for it, and holds no thread
        if not isinstance(conn.sock, Line):
            conn.sock = Line(fileno=conn.sock.detach())
        line: Line = conn.sock
        line.begin()
        self._read.add(line)
        try:
            return super().handle(conn)
        finally:
            self._read.discard(line)

    def murder_pending(self) -> None:
        """Called about once a second by gunicorn to end lines that never began; ends those that do not go on, too."""
        super().murder_pending()
        at, read = time.monotonic(), list(self._read)
        waiting = sum(line.waiting_since is not None for line in read)
        scarce = waiting > self.cfg.threads * (FEW_FREE - 1) // FEW_FREE
        for line in read:
            if line.is_silent(at) or (scarce and line.is_slow(at)):
                line.end()
