"""What the supervisor does where something cannot be started again at once: it says so, and tries again."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portal.cli import run
from portal.cli.children import Child
from portal.cli.home import Home
from portal.cli.run import Supervisor
from portal.embedded import EmbeddedError


class StubbornCluster:
    """A PostgreSQL that ended and does not start at the first try; at the second it has another port."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "postgresql.log"
        self.running = False
        self.access = SimpleNamespace(port=1)
        self.tries = 0

    def start(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise EmbeddedError("The disk is full.")
        self.running, self.access.port = True, 2

    def portal_url(self, _database: str) -> str:
        return f"postgresql://127.0.0.1:{self.access.port}/portal"


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(run, "DATABASE_AGAIN_SECONDS", 0.0)
    supervisor = Supervisor(Home(tmp_path), "127.0.0.1", 8000)
    yield supervisor
    supervisor._wake.close()
    supervisor._wakeup.close()


def test_a_postgresql_that_cannot_start_is_tried_again_and_the_others_are_told_its_new_port(
    supervisor: Supervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster: Any = StubbornCluster(tmp_path)
    child = Child("The web server", ["true"], {"DATABASE_URL": "postgresql://127.0.0.1:1/portal"}, tmp_path, tmp_path)
    supervisor.cluster, supervisor.children = cluster, [child]

    supervisor._look_after()
    assert not cluster.running
    assert "The disk is full. (tried again until it can be done)" in capsys.readouterr().out

    supervisor._look_after()
    assert cluster.running
    assert child._environ["DATABASE_URL"] == "postgresql://127.0.0.1:2/portal"


def test_what_cannot_be_written_down_is_written_down_later_and_ends_nothing(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[list[int]] = []
    room = False

    def write(pids: list[int]) -> None:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(pids)

    monkeypatch.setattr(supervisor.home, "note_processes", write)
    running: Any = SimpleNamespace(pid=4711, log=tmp_path / "web.log", look_after=lambda: "")
    supervisor.children = [running]

    for _ in range(3):
        supervisor._look_after()
    assert capsys.readouterr().out.count("The disk is full.") == 1
    room = True
    for _ in range(3):
        supervisor._look_after()
    assert written == [[4711]]
