"""What the tests of running and deploying share."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.platform.runs import OrdinaryUser, Run, free_port


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user of the machine may enter, for homes; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="portal-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    """Start portals that end with the test."""
    runs: list[Run] = []

    def start_one(
        home: Path,
        command: list[str] | None = None,
        environ: dict[str, str] | None = None,
        by: OrdinaryUser | None = None,
    ) -> Run:
        command = command or [by.python() if by else sys.executable, "-m", "portal.cli", "run"]
        environ = (by.environ() if by else {}) | (environ or {})
        run = Run(command, home, free_port(), environ, by.become if by else None)
        runs.append(run)
        return run

    yield start_one
    for run in runs:
        run.end()


@pytest.fixture
def ordinary_user(place: Path) -> OrdinaryUser:
    return OrdinaryUser(place)
