"""Which dependency tables each lock file stands for, and whether it still does.

The first line of a lock carries a digest of the tables it was made from, so that a check needs no
network: change a table in pyproject.toml, and `make check` asks for `make lock`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"


@dataclass(frozen=True)
class Lock:
    """One lock file: what it is for, and the dependency tables it pins."""

    name: str
    purpose: str
    project: bool = False  # the project's own dependencies with every extra, and what builds it
    group: str = ""
    within: str = ""  # another lock, whose versions this one keeps

    @property
    def path(self) -> Path:
        return ROOT / self.name

    def tables(self) -> dict[str, Any]:
        """Return the tables of pyproject.toml that decide what the lock holds."""
        pyproject = tomllib.loads(PYPROJECT.read_text())
        tables: dict[str, Any] = {"requires-python": pyproject["project"]["requires-python"]}
        if self.project:
            tables["dependencies"] = pyproject["project"]["dependencies"]
            tables["extras"] = pyproject["project"]["optional-dependencies"]
            tables["build"] = pyproject["build-system"]["requires"]
        if self.group:
            tables[self.group] = pyproject["dependency-groups"][self.group]
        return tables

    def first_line(self) -> str:
        digest = hashlib.sha256(json.dumps(self.tables(), sort_keys=True).encode()).hexdigest()[:32]
        return f"# {self.purpose}. Made by `make lock` from the dependency tables {digest}; never edited by hand."

    def is_current(self) -> bool:
        """Whether the lock was made from the tables as they are now."""
        if not self.path.exists():
            return False
        with self.path.open() as file:
            return file.readline().rstrip("\n") == self.first_line()


LOCKS = (
    Lock("requirements.lock", "What runs the portal", project=True),
    Lock(
        "requirements-test.lock", "What runs, tests and checks the portal",
        project=True, group="test", within="requirements.lock",
    ),
    Lock("requirements-object-store.lock", "The S3 server of the tests, by itself", group="object-store"),
    Lock("requirements-scripts.lock", "npm for machines without it, by itself", group="scripts"),
)  # fmt: skip


def outdated() -> list[str]:
    """Return the names of the locks that no longer stand for their tables."""
    return [lock.name for lock in LOCKS if not lock.is_current()]
