"""What the person at the terminal sees: each step with its seconds, and one line for what went wrong."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class RunError(Exception):
    """Why the portal cannot run here, as one line that says what to type."""


def say(text: str = "", end: str = "\n") -> None:
    """Write to the terminal, now; a terminal that was closed is no reason to stop."""
    with suppress(OSError):
        sys.stdout.write(text + end)
        sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show a step when it begins, and its seconds when it is done."""
    started = time.monotonic()
    say(f"{title} ...", end="")
    try:
        yield
    except BaseException:
        say()
        raise
    say(f" {time.monotonic() - started:.1f} s")


def in_one_line(error: OSError) -> str:
    """Return what an error of the system means for the person who started the portal."""
    if error.errno == errno.ENOSPC:
        return "The disk is full. Free at least 300 MB (see: df -h), then type: make run"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{error.filename} is closed to you. Type: ls -ld {error.filename}"
    return str(error)
