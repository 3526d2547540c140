"""What `.ci/run` does on a machine, with every program it calls replaced by one that says its own name."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.platform.runs import ROOT

SAYS_ITS_NAME = '#!/bin/sh\nread -r line && echo "it reads the terminal"\necho "${0##*/} $*"\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in (
        "bin/make",
        "bin/chromium",
        "bin/redis-server",
        "bin/apt-get",
        ".venv/bin/python",
        "postgresql/initdb",
        "faketime/libfaketimeMT.so.1",
    ):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(SAYS_ITS_NAME)
        program.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    script = (ROOT / ".ci" / "run").read_text().replace("/usr/lib/postgresql/15/bin", str(tmp_path / "postgresql"))
    script = script.replace("/usr/lib/*/faketime/", f"{tmp_path}/*/")
    (tmp_path / ".ci" / "run").write_text(script)
    return tmp_path


def ci(clone: Path, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    environ = dict(os.environ) | {"PATH": f"{clone / 'bin'}:{path}", "CI": "true"}
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=clone, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def test_checks_and_postgresql_15_come_before_the_tests_whose_words_are_the_last(clone: Path) -> None:
    done = ci(clone)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["make check", f"python tools/smoke.py {clone / 'postgresql'}", "make test"]


@pytest.mark.parametrize("failing", ["bin/make", ".venv/bin/python"])
def test_a_step_that_fails_fails_the_whole(clone: Path, failing: str) -> None:
    (clone / failing).write_text("#!/bin/sh\nexit 3\n")

    assert ci(clone).returncode == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
def test_what_a_bare_debian_lacks_is_installed_first(clone: Path) -> None:
    (clone / "postgresql" / "initdb").unlink()
    shutil.rmtree(clone / "postgresql")

    done = ci(clone)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Installing postgresql-15"
    assert done.stdout.splitlines()[1] == "apt-get -qq update"
