"""The arrows between rooms are kept, and the contracts that keep them would notice a wrong one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A file, the line planted in it, and the contract that must refuse it.
PLANTED = [
    ("portal/domain/clock.py", "import portal.web.htmx", "upper one may call a lower one"),
    ("portal/db.py", "import portal.domain.clock", "upper one may call a lower one"),
    ("portal/jobs/once.py", "import portal.keeping.invariants.look", "upper one may call a lower one"),
    ("portal/domain/accounts/models.py", "import portal.domain.courses.models", "only the domains below"),
    ("portal/domain/files/models.py", "import portal.domain.audit.models", "only the domains below"),
    ("portal/domain/errors.py", "import flask", "needs no web framework"),
    ("portal/blueprints/student/dashboard.py", "import portal.blueprints.trainer", "never import each other"),
    ("portal/adapters/mailer.py", "import portal.db", "nothing of the institute"),
    ("portal/settings.py", "import portal.db", "nobody's back door"),
]


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_arrows_between_rooms_are_kept() -> None:
    answer = contracts(ROOT)
    assert answer.returncode == 0, answer.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "portal", folder / "portal", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize("file, line, contract", PLANTED)
def test_a_planted_wrong_arrow_is_noticed(copy: Path, file: str, line: str, contract: str) -> None:
    target = copy / file
    before = target.read_text()
    target.write_text(
        before.replace("from __future__ import annotations\n", f"from __future__ import annotations\n{line}\n", 1)
        if "from __future__" in before
        else before + f"\n{line}\n"
    )
    try:
        answer = contracts(copy)
    finally:
        target.write_text(before)
    broken = [row for row in answer.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(contract in row for row in broken), answer.stdout
