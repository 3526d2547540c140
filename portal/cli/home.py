"""The folder of everything that is kept: whose it is, who runs it now, its secrets and what its last run left."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import shutil
from pathlib import Path
from typing import Any

from portal.cli.terminal import RunError
from portal.embedded.processes import end_group, group_is_alive, running_process

NEEDED_MEGABYTES = 300
LEFTOVER_PATIENCE_SECONDS = 8.0
RESTORING = "restoring"  # is there while a restore fills the home, and after one that was cut off


class Home:
    """The home of one portal on this machine. It is opened by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.logs = self.folder / "logs"
        self.database = self.folder / "database"
        self._processes = self.folder / "processes.json"
        self._lock_file = self.folder / "portal.lock"
        self._lock: int | None = None

    def open(self, address: str) -> None:
        """Make the folder ours for this run, and end what an earlier one left behind."""
        self._check_owner()
        self._check_whole()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._check_room()
        self._take_lock(address)
        self._end_leftovers()
        for folder in (self.logs, self.database):
            folder.mkdir(exist_ok=True)
            self._give(folder)

    def close(self) -> None:
        """Say that nothing runs here any more."""
        if self._lock is not None:
            self._processes.unlink(missing_ok=True)
            self._give_all()
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def secrets(self) -> dict[str, str]:
        """Return the secrets of a portal on one machine: made once, readable by their owner alone."""
        path = self.folder / "secrets.json"
        if not path.exists():
            self._write(path, {"SECRET_KEY": secrets.token_urlsafe(48), "JWT_KEYS": secrets.token_urlsafe(48)})
        kept: dict[str, str] = json.loads(path.read_text())
        return kept

    def environment(self, address: str) -> dict[str, str]:
        """Return what the portal's processes are told: what is set in this terminal, and our own where nothing is."""
        environ = dict(os.environ) | {"PORTAL_HOME": str(self.folder)}
        own = {"PORTAL_ENVIRONMENT": "development", "PORTAL_URL": address} | self.secrets()
        for name, value in own.items():
            if name not in environ and f"{name}_FILE" not in environ:
                environ[name] = value
        return environ

    def holder(self) -> tuple[int, str] | None:
        """Return the process that runs this home now, and its address."""
        try:
            lock = os.open(self._lock_file, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, where = os.read(lock, 1000).decode(errors="replace").strip().partition(" ")
            return (int(pid), where) if pid.isdigit() else (0, "")
        finally:
            os.close(lock)
        return None

    def note_processes(self, pids: list[int]) -> None:
        """Write down which process groups this run has started, and when each began."""
        running = [process for pid in pids if (process := running_process(pid))]
        self._write(self._processes, [{"pid": process.pid, "started": process.started} for process in running])

    @property
    def tables(self) -> str:
        """The state of the tables that the last migrations left, nothing before the first."""
        try:
            return str(json.loads((self.folder / "tables.json").read_text()))
        except (OSError, ValueError):
            return ""

    @tables.setter
    def tables(self, state: str) -> None:
        self._write(self.folder / "tables.json", state)

    def _check_owner(self) -> None:
        present = next(place for place in (self.folder, *self.folder.parents) if place.exists())
        elsewhere = "Type: make run PORTAL_HOME=~/portal-home"
        if present == self.folder and os.geteuid() not in (0, present.stat().st_uid):
            raise RunError(f"{self.folder} belongs to {_name_of(present.stat().st_uid)}. {elsewhere}")
        if not os.access(present, os.W_OK | os.X_OK):
            raise RunError(f"{present} cannot be written by you. {elsewhere}")

    def _check_whole(self) -> None:
        if (self.folder / RESTORING).exists():
            raise RunError(
                f"A restore into {self.folder} did not come to its end. "
                f"Move it away (mv {self.folder} {self.folder}.half), then type again: portal restore DIR"
            )

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.folder).free // 1_000_000
        if free < NEEDED_MEGABYTES:
            raise RunError(
                f"The disk is full: {free} MB are free for {self.folder}, the portal needs {NEEDED_MEGABYTES}. "
                f"Free some, or type: make run PORTAL_HOME=/a/folder/on/another/disk"
            )

    def _take_lock(self, address: str) -> None:
        """Hold the lock until this process ends, however it ends."""
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 1000).decode(errors="replace").split()
            os.close(lock)
            pid, where = holder if len(holder) == 2 else ("another process", "")
            raise RunError(
                f"The portal in {self.folder} is already run by process {pid} ({where}). To stop it, type: kill {pid}"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {address}\n".encode(), 0)
        self._give(self._lock_file)
        self._lock = lock

    def _end_leftovers(self) -> None:
        """End web server and worker of a run that was killed; the lock is ours, so nobody needs them."""
        try:
            noted: list[dict[str, float]] = json.loads(self._processes.read_text())
        except (OSError, ValueError):
            return
        for entry in noted:
            pid = int(entry["pid"])
            now = running_process(pid)
            # a group whose leader is gone keeps its number from being given again
            if (now and now.started_at(entry["started"])) or (now is None and group_is_alive(pid)):
                end_group(pid, patience=LEFTOVER_PATIENCE_SECONDS)
        self._processes.unlink(missing_ok=True)

    def _write(self, path: Path, content: Any) -> None:
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file)
        self._give(unfinished)
        unfinished.rename(path)

    def _give_all(self) -> None:
        """Leave everything that this run wrote as root to the owner of the home, PostgreSQL's own data aside."""
        if os.geteuid() != 0 or self.folder.stat().st_uid == 0:
            return
        for folder, folders, files in os.walk(self.folder):
            if Path(folder) == self.database:
                folders.clear()
            for path in (Path(folder), *(Path(folder) / name for name in files)):
                self._give(path)

    def _give(self, path: Path) -> None:
        """Leave what root wrote to the owner of the home, who may run it without root tomorrow."""
        owner = self.folder.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(path, owner.st_uid, owner.st_gid)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
