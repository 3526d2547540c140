"""Where the tests' clusters, homes and files live: in memory where there is enough, for they make many small files.

A database is a thousand files; a disk takes ten times as long to make them, and none of them outlives the run.
Whoever sets TMPDIR chooses the place, and what is written there stays to be read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX = "portal-tests-"
ENOUGH_BYTES = 4_000_000_000


@contextmanager
def temporary_files_in_memory() -> Iterator[None]:
    """Let everything of this process and its children that is temporary be in memory, until the end of the block."""
    if "TMPDIR" in os.environ or not _is_fit():
        yield
        return
    _remove_what_killed_runs_left()
    folder = MEMORY / f"{PREFIX}{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o1777)  # PostgreSQL runs as another user when we are root
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)


def _is_fit() -> bool:
    """Whether there is memory to write to, programs may be started from it, and it is enough."""
    try:
        told, memory = os.statvfs(MEMORY), Path("/proc/meminfo").read_text()
    except OSError:
        return False
    available = int(memory.partition("MemAvailable:")[2].split()[0]) * 1024
    enough = min(told.f_bavail * told.f_frsize, available) > ENOUGH_BYTES
    return enough and os.access(MEMORY, os.W_OK) and not told.f_flag & os.ST_NOEXEC


def _remove_what_killed_runs_left() -> None:
    for folder in MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(PREFIX)).exists():
            shutil.rmtree(folder, ignore_errors=True)
