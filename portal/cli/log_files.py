"""Log files that never fill a disk: what is in one that grew too large is moved aside, and the oldest goes.

The writer keeps its file and goes on in it. A line that it writes in the very moment between the copy and the
emptying is lost; nothing else is.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

LARGEST_BYTES = 10_000_000
KEPT = 3  # beside the one that is written: `web.log.1`, the newest, to `web.log.3`


def keep_small(log: Path, largest: int = LARGEST_BYTES) -> None:
    """Begin a log anew if it has grown too large; its writer must have opened it to append."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > largest:
            _set_aside(log)


def _set_aside(log: Path) -> None:
    for number in range(KEPT - 1, 0, -1):
        with suppress(FileNotFoundError):
            _aside(log, number).rename(_aside(log, number + 1))
    try:
        shutil.copyfile(log, _aside(log, 1))
    except OSError:  # a disk without room for the copy needs the room of the log all the more
        _aside(log, 1).unlink(missing_ok=True)
    os.truncate(log, 0)


def _aside(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
