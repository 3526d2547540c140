"""Who a process id belongs to now, and how to end what was left behind.

A process id alone proves nothing after a crash: numbers are given again. A process is the one that
was written down only if it started at the moment that was written down.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SAME_START_SECONDS = 5.0  # clocks that are set, and the second that PostgreSQL writes down after it started


@dataclass(frozen=True)
class RunningProcess:
    """A process that runs now: neither gone nor waiting as a zombie for a parent that never asks."""

    pid: int
    started: float
    command: str

    def started_at(self, moment: float) -> bool:
        """Whether this is the process that started at `moment`, and not a later one with its number."""
        return abs(self.started - moment) <= SAME_START_SECONDS


def running_process(pid: int) -> RunningProcess | None:
    """Return the running process of this number, or None."""
    if pid <= 0:
        return None
    return _from_proc(pid) if sys.platform == "linux" else _from_ps(pid)


def group_is_alive(pid: int) -> bool:
    """Whether anything runs in the process group that `pid` once led."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return sys.platform != "linux" or any(_is_member(entry, pid) for entry in Path("/proc").iterdir())


def end_group(pid: int, *, patience: float) -> None:
    """End the process group that `pid` led: kindly first, by force when the patience is over."""
    for how, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 2.0)):
        with suppress(ProcessLookupError):
            os.killpg(pid, how)
        if wait_until(lambda: not group_is_alive(pid), seconds):
            return


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, at most so long, and say whether it came true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.03)
    return True


def ends_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """Return what a child runs before its program so that the kernel signals it when its parent is killed.

    The kernel watches the parent's *thread*: start such children in the main one. Where the kernel
    offers no such thing, what was left behind is ended at the next start.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    set_parent_death_signal = 1

    def before_program() -> None:
        prctl(set_parent_death_signal, int(how))

    return before_program


def _from_proc(pid: int) -> RunningProcess | None:
    try:
        state, fields = _stat(Path(f"/proc/{pid}"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (OSError, ValueError):
        return None
    if state in "ZX":
        return None
    return RunningProcess(pid, _boot_moment() + int(fields[19]) / os.sysconf("SC_CLK_TCK"), command)


def _is_member(entry: Path, group: int) -> bool:
    if not entry.name.isdigit():
        return False
    try:
        state, fields = _stat(entry)
    except (OSError, ValueError):
        return False
    return state not in "ZX" and int(fields[2]) == group


def _stat(folder: Path) -> tuple[str, list[str]]:
    """Return the state and the fields from the state on; the name before it may hold blanks and brackets."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return fields[0], fields


def _boot_moment() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    raise ValueError("/proc/stat does not tell when the machine started")


def _from_ps(pid: int) -> RunningProcess | None:
    shown = subprocess.run(
        ["/bin/ps", "-o", "stat=,lstart=,command=", "-p", str(pid)],
        capture_output=True, text=True, check=False, env={"LC_ALL": "C"},
    ).stdout.split(maxsplit=6)  # fmt: skip
    if len(shown) < 7 or shown[0].startswith("Z"):
        return None
    started = datetime.strptime(" ".join(shown[1:6]), "%a %b %d %H:%M:%S %Y").astimezone()
    return RunningProcess(pid, started.timestamp(), shown[6])
