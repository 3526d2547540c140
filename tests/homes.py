"""Homes that many tests begin with: each is made once in a run, by whoever asks first, and everybody gets a copy."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from portal.embedded import Cluster, ClusterAccess
from tests.conftest import HOMES, migrate, settings_for
from tests.platform.runs import PORTAL, Run, free_port

DATABASE = "portal"
SECONDS_TO_STOP = 12


def empty_home(home: Path, programs: Path | None = None) -> Path:
    """Make a home whose database has all tables and nothing in them, by these programs of PostgreSQL, and leave it."""
    if programs:
        _make_empty(home, programs)
        return home
    return copy_of_home(_made_once("empty", _make_empty), home)


def demo_home(home: Path) -> Path:
    """Make a home as `portal run` leaves it when it is stopped after its first start."""
    return copy_of_home(_made_once("demo", _make_demo), home)


def _make_empty(home: Path, programs: Path | None = None) -> None:
    with Cluster(home / "database", programs=programs) as cluster:
        cluster.create_database(DATABASE)
        migrate(settings_for(cluster.access, DATABASE, home))


def _make_demo(home: Path) -> None:
    run = Run([*PORTAL, "run"], home, free_port()).until_it_runs()
    run.process.send_signal(signal.SIGTERM)
    assert run.ends_within(SECONDS_TO_STOP) == 0, run.output


def _made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return what one worker of the run has made; the others wait for it."""
    made = Path(os.environ[HOMES]) / name
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = made.with_suffix(".new")
            make(unfinished)
            unfinished.rename(made)
    return made


def copy_of_home(made: Path, home: Path) -> Path:
    """Return a copy of a stopped home. Its database has a port of its own, for its passwords are those of others."""
    subprocess.run(["cp", "-aT", str(made), str(home)], check=True)
    access = home / "database" / "access.json"
    access.write_text(replace(ClusterAccess.from_text(access.read_text()), port=free_port()).to_text())
    return home
