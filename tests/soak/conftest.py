"""What the tests that break a portal on purpose share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal import db
from tests.soak.log import SoakLog


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a home that the database's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="portal-soak-"))
    folder.chmod(0o755)
    yield folder / "home"
    db.close_session()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def soak_log(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], SoakLog]]:
    """Begin the log of a run; its table is shown in the terminal at the end, whatever became of it."""
    logs: list[SoakLog] = []

    def begin(title: str) -> SoakLog:
        logs.append(SoakLog(title))
        return logs[-1]

    yield begin
    with capsys.disabled():
        for log in logs:
            print(f"\n{log.finish()}")
