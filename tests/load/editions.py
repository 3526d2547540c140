"""The portal as it is here, and as it was at an earlier commit: where each lies, and its own database."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

from portal.cli.checkout import ROOT
from portal.embedded import Cluster
from tests.load.term import Sizes

INSTALLED = Path("static") / "node_modules"
HIDING = Path(__file__).parent / "hiding"
OURS = "km-portal"
FILL = """
import sys
from pathlib import Path
from portal.embedded import ClusterAccess
from tests.conftest import migrate, settings_for
from tests.load.term import Sizes, fill

access, name, sizes = ClusterAccess.from_text(sys.stdin.read()), sys.argv[1], Sizes(*map(int, sys.argv[2:]))
migrate(settings_for(access, name, Path("/nonexistent")))
fill(access.owner_url(name), sizes)
"""


@dataclass(frozen=True)
class Edition:
    """The portal of one commit."""

    name: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """What a Python is told, so that it loads the portal from this folder and nowhere else."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        return kept | {"PYTHONPATH": str(self.folder)}

    @property
    def environ_of_server(self) -> dict[str, str]:
        """The same for a server: what is installed beside its `requirements.lock`, for tests alone, is not there."""
        lock = (self.folder / "requirements.lock").read_text()
        locked = {_plain(line.partition("==")[0]) for line in lock.splitlines() if "==" in line}
        installed = packages_distributions()
        beside = [name for name, of in installed.items() if not {OURS, *locked}.intersection(map(_plain, of))]
        hiding = {"PYTHONPATH": os.pathsep.join([str(self.folder), str(HIDING)]), "HIDDEN_MODULES": ",".join(beside)}
        return self.environ | hiding

    def fill(self, cluster: Cluster, database: str, sizes: Sizes) -> str:
        """Make a database with this edition's own tables and a term's data; return its address for the portal."""
        print(f"Filling a database for {self.name} with {sizes} ...", flush=True)
        cluster.create_database(database)
        arguments = [database, str(sizes.students), str(sizes.intakes), str(sizes.submissions)]
        subprocess.run(
            [sys.executable, "-c", FILL, *arguments],
            cwd=self.folder, env=self.environ, input=cluster.access.to_text(), text=True, check=True,
        )  # fmt: skip
        return cluster.portal_url(database).replace("postgresql://", "postgresql+psycopg://")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).strip().lower()


HERE = Edition("now", ROOT)


@contextmanager
def edition_of(commit: str, folder: Path) -> Iterator[Edition]:
    """Check an earlier commit out in `folder` for the length of the block, with the scripts that are installed here."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", "--force", str(folder), commit], check=True, capture_output=True)
    try:
        (folder / INSTALLED).symlink_to(ROOT / INSTALLED)
        yield Edition("before", folder)
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True, capture_output=True)
