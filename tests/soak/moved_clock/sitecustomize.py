"""Gives every Python process that finds this on its path a calendar clock that a file moves, in seconds.

What counts seconds without a calendar (CLOCK_MONOTONIC) goes on evenly, as it does where a real clock is set.
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

CLOCK = Path(os.environ["MOVED_CLOCK"])
LOOK_SECONDS = 0.2


def moved_by() -> timedelta:
    return timedelta(seconds=float(CLOCK.read_text()))


def machine_now() -> datetime:
    """Return what the clock of the machine says, from then on when this process has another."""
    return datetime.fromtimestamp(time_machine.escape_hatch.time.time(), UTC)


def follow() -> None:
    global told
    asleep = threading.Event()
    while not asleep.wait(LOOK_SECONDS):
        if (wanted := moved_by()) != told:
            clock.move_to(machine_now() + wanted)
            told = wanted


def follow_in_a_thread() -> None:
    threading.Thread(target=follow, daemon=True).start()


told = moved_by()
clock = time_machine.travel(datetime.now(UTC) + told, tick=True).start()
os.register_at_fork(after_in_child=follow_in_a_thread)
follow_in_a_thread()
