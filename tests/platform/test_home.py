"""The home of a portal on one machine: one process holds it, and nothing of an earlier run is in the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from portal.cli.home import Home
from portal.cli.terminal import RunError
from portal.embedded.processes import running_process

ADDRESS = "http://127.0.0.1:8000"


def sleeper() -> subprocess.Popen[bytes]:
    """Return a process that leads a session and has a child, as gunicorn does."""
    return subprocess.Popen(["/bin/sh", "-c", "sleep 60 & sleep 60"], start_new_session=True)


def test_a_second_process_is_told_who_holds_the_home(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "home"), Home(tmp_path / "home")
    first.open(ADDRESS)

    with pytest.raises(RunError, match=rf"already run by process {os.getpid()} \({ADDRESS}\)"):
        second.open(ADDRESS)

    first.close()
    second.open(ADDRESS)
    second.close()


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)

    made = home.secrets()

    assert home.secrets() == made
    assert set(made) == {"SECRET_KEY", "JWT_KEYS"}
    assert all(len(value) >= 32 for value in made.values())
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_what_an_earlier_run_left_behind_is_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    left = sleeper()
    home.note_processes([left.pid])

    home.open(ADDRESS)
    home.close()

    assert left.wait(10) != 0


def test_a_later_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with sleeper() as other:
        now = running_process(other.pid)
        assert now
        noted = [{"pid": other.pid, "started": now.started - 3600}]
        (tmp_path / "processes.json").write_text(json.dumps(noted))

        home.open(ADDRESS)
        home.close()

        assert other.poll() is None
        os.killpg(other.pid, 9)


def test_a_full_disk_is_one_line_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))

    with pytest.raises(RunError, match=r"^The disk is full: 1 MB are free for .*PORTAL_HOME=") as refusal:
        Home(tmp_path / "home").open(ADDRESS)
    assert "\n" not in str(refusal.value)


def test_the_command_answers_at_once() -> None:
    program = "import sys, portal.cli; sys.exit(bool({'flask', 'sqlalchemy', 'psycopg'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
