"""The set-up of a fresh clone: what it says where something is missing, and the lock files it installs from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.platform.runs import ROOT, OrdinaryUser

LOCKS = sorted(ROOT.glob("requirements*.lock"))


def set_up(folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run the set-up of `folder` on a machine that is made what it is by `before`."""
    program = f"{before or 'pass'}\nrunpy.run_path('tools/set_up.py', run_name='__main__')"
    program = f"import runpy, sys; sys.argv[1:] = []; {program}"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "set_up.py", tmp_path / "tools")
    return tmp_path


@pytest.mark.parametrize(
    "machine, line",
    [
        (
            "sys.version_info = (3, 10, 1, 'final', 0)",
            r"Python 3\.10 is too old, .* Type: (make run PYTHON=|sudo apt-get)",
        ),
        (
            "import importlib.util as u; find = u.find_spec; "
            "u.find_spec = lambda name: None if name == 'ensurepip' else find(name)",
            r"This Python has no venv module\. Type: sudo apt-get install python3\.\d+-venv",
        ),
        (
            "import shutil, types; shutil.disk_usage = lambda _: types.SimpleNamespace(free=5_000_000)",
            r"The disk is full: 5 MB are free, the set-up needs \d+\. Type: df -h ",
        ),
    ],
    ids=["an old Python", "no venv module", "a full disk"],
)
def test_what_is_missing_is_one_line_that_says_what_to_type(clone: Path, machine: str, line: str) -> None:
    done = set_up(clone, machine)

    assert done.returncode == 1
    assert re.match(line, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (clone / ".venv").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else")
def test_a_clone_of_another_user_is_one_line_that_says_what_to_type(place: Path, ordinary_user: OrdinaryUser) -> None:
    (place / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "set_up.py", place / "tools")

    done = subprocess.run(
        [ordinary_user.python(), "tools/set_up.py"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(os.environ) | ordinary_user.environ(),
        **ordinary_user.become,
    )

    assert done.returncode == 1
    assert (
        done.stderr == f"{place} belongs to another user. Type: git clone {place} ~/portal && cd ~/portal && make run\n"
    )


def test_locks_match_the_dependency_tables() -> None:
    done = subprocess.run(
        [sys.executable, "tools/lock.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_dependency_table_asks_for_make_lock(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    for lock in LOCKS:
        shutil.copy(lock, tmp_path)
    tables = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(
        tables.replace("dependencies = [", 'dependencies = [\n    "another>=1",', 1)
    )

    done = subprocess.run(
        [sys.executable, "tools/lock.py", "--check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr == (
        "requirements.lock, requirements-test.lock: not made from the dependency tables as they are. Type: make lock\n"
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_its_hash_and_no_address_is_in_the_file(lock: Path) -> None:
    text = lock.read_text()
    packages = re.findall(r"(?m)^[a-z0-9][^\s=]*==[^\s]+.*\\\n    --hash=sha256:[0-9a-f]{64}", text)

    assert len(packages) == text.count("==") - text.count(" == '") - text.count("=='") > 0
    assert "://" not in text
    assert "--index" not in text
    assert str(ROOT) not in text


def test_the_tests_run_with_the_versions_that_people_run() -> None:
    def versions(name: str) -> dict[str, str]:
        return dict(re.findall(r"(?m)^([a-z0-9][^\s=\[]*)(?:\[[^\]]*\])?==([^\s;]+)", (ROOT / name).read_text()))

    assert versions("requirements.lock").items() <= versions("requirements-test.lock").items()


def test_make_help_names_everything_that_can_be_done() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert re.findall(r"(?m)^  make (\S+) ", done.stdout) == [
        "help",
        "run",
        "test",
        "check",
        "soak",
        "bench",
        "lock",
        "sbom",
    ]
