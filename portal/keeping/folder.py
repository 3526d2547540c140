"""The folder of backups: what is in it, what makes one whole, and what may be removed.

    files/ab/abcd...        bytes by their key, shared by all backups of the folder; they never change
    2026-11-27T070000Z/     one backup
        manifest.json       what it is of, how much is in it, and the SHA-256 of the other three and of itself
        database.dump       the database, as pg_restore reads it
        files.sha256        the files it needs, as `sha256sum --check` reads it from inside files/
        settings.json       settings without secrets
    latest                  the name of the newest
    backup.lock             held while somebody writes here

A backup is written as `<name>.unfinished`, synced, and renamed: what has its name is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from portal.adapters.storage import checked_key
from portal.keeping.contents import AuditHead, Contents, Table, WantedFile
from portal.keeping.errors import KeepingError

FORMAT = 1
NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
UNFINISHED = ".unfinished"
ARRIVING = ".arriving"  # beside the files, on the same disk: a rename moves one in
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """What a backup is of, and what is in it."""

    name: str
    taken_at: str
    portal_version: str
    server_major: int
    programs_major: int
    contents: Contents
    files: int
    bytes_of_files: int
    sums: dict[str, str]
    """SHA-256 of the other parts of this backup."""
    secrets: str
    """A trace of the secrets that signed then, by which others are recognised; it does not tell them."""
    cluster: int | None = None
    """The embedded cluster it is of."""
    format: int = FORMAT


class BackupFolder:
    """A folder that holds backups, or will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()
        self.files = self.folder / "files"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from writing here for the length of the block, and clear what a killed backup left."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_ours()
        with (self.folder / "backup.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KeepingError(f"Another backup is being written to {self.folder}. Wait for its end") from None
            for left in (*self.folder.glob(f"*{UNFINISHED}"), self.files / ARRIVING):
                shutil.rmtree(left, ignore_errors=True)
            yield

    def names(self) -> list[str]:
        """Return the names of the backups that are whole, the oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(entry.name for entry in self.folder.iterdir() if NAME.fullmatch(entry.name) and entry.is_dir())

    def chosen(self, name: str | None) -> str:
        """Return the name that was asked for, else the newest; one line where there is none."""
        names = self.names()
        if not names:
            raise KeepingError(f"There is no backup in {self.folder}")
        if name and name not in names:
            raise KeepingError(f"There is no backup {name} in {self.folder}. There are: {', '.join(names)}")
        return name or names[-1]

    def part(self, name: str, part: str) -> Path:
        return self.folder / name / part

    def manifest(self, name: str) -> Manifest:
        """Return what a backup says of itself, after a look at every part of it but the files."""
        try:
            kept = json.loads(self.part(name, "manifest.json").read_text())
            own_sum = kept.pop("sha256")
            if kept["format"] > FORMAT:
                raise KeepingError(f"The backup {name} has a format of a newer version of the portal. Update it first")
            manifest = _manifest(kept)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeepingError(f"manifest.json of the backup {name} cannot be read: {error}") from None
        if own_sum != _sum_of(kept):
            raise KeepingError(f"manifest.json of the backup {name} was changed. {self._another(name)}")
        for part, expected in manifest.sums.items():
            path = self.part(name, part)
            if not path.is_file() or sha256_of(path) != expected:
                raise KeepingError(f"{part} of the backup {name} is not what was written. {self._another(name)}")
        return manifest

    def wanted(self, name: str) -> Iterator[tuple[str, str]]:
        """Return key and SHA-256 of every file that a backup needs."""
        with self.part(name, "files.sha256").open() as lines:
            for line in lines:
                sha256, _, key = line.rstrip("\n").partition("  ")
                yield checked_key(key), sha256

    def has(self, file: WantedFile) -> bool:
        """Whether the bytes of a file are here already; they were read again when they came."""
        try:
            return (self.files / file.key).stat().st_size == file.size
        except FileNotFoundError:
            return False

    def take_in(self, file: WantedFile, chunks: Iterable[bytes]) -> None:
        """Keep the bytes of a file, or raise `ValueError` where they are not what its row says."""
        arriving, target = self.files / ARRIVING / secrets.token_hex(8), self.files / file.key
        arriving.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sha256, size = hashlib.sha256(), 0
        with arriving.open("xb") as writing:
            for chunk in chunks:
                writing.write(chunk)
                sha256.update(chunk)
                size += len(chunk)
            writing.flush()
            os.fsync(writing.fileno())
        if (size, sha256.hexdigest()) != (file.size, file.sha256):
            arriving.unlink()
            raise ValueError(f"its {size:,} bytes are not those that were handed in ({file.size:,} bytes)")
        arriving.rename(target)

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        """A place for the parts of a new backup, which has its name only if the block comes to its end."""
        place = self.folder / f"{name}{UNFINISHED}"
        place.mkdir(mode=0o700)
        try:
            yield place
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        for part in (*place.iterdir(), place, *self._folders_of_files()):
            _sync(part)
        place.rename(self.folder / name)
        _sync(self.folder)
        write(self.folder / "latest.new", f"{name}\n")
        (self.folder / "latest.new").rename(self.folder / "latest")
        _sync(self.folder)

    def keep_newest(self, number: int) -> list[str]:
        """Remove all but the newest backups and the files that none of them needs; return the names removed."""
        removed = self.names()[:-number]
        for name in removed:
            going = self.folder / f"{name}{UNFINISHED}"
            (self.folder / name).rename(going)  # a half of one never has the name of a whole one
            shutil.rmtree(going)
        if removed:
            needed = {key for name in self.names() for key, _ in self.wanted(name)}
            for path in self.files.rglob("*"):
                if path.is_file() and path.relative_to(self.files).as_posix() not in needed:
                    path.unlink()
        return removed

    def _check_ours(self) -> None:
        """Refuse a folder of other things: some day our own old files are removed from it."""
        held = {entry.name for entry in self.folder.iterdir()} - {"lost+found"}
        if held and "backup.lock" not in held and not self.names():
            raise KeepingError(f"{self.folder} holds other things than backups. Choose a new folder, or an empty one")

    def _folders_of_files(self) -> Iterator[Path]:
        if self.files.is_dir():
            yield self.files
            yield from (path for path in self.files.rglob("*") if path.is_dir())

    def _another(self, name: str) -> str:
        others = [other for other in self.names() if other != name]
        return f"Take another one: --at {others[-1]}" if others else "There is no other one here"


def write_manifest(place: Path, manifest: Manifest) -> None:
    """Write what a backup says of itself, with a sum by which any change of it is noticed."""
    kept = asdict(manifest)
    write(place / "manifest.json", json.dumps(kept | {"sha256": _sum_of(kept)}, indent=1) + "\n")


def write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def name_for(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H%M%SZ")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(kept: dict[str, Any]) -> Manifest:
    held = kept["contents"]
    contents = Contents(
        migration=held["migration"],
        tables={name: Table(**table) for name, table in held["tables"].items()},
        audit=AuditHead(**held["audit"]),
    )
    return Manifest(**(kept | {"contents": contents}))


def _sum_of(kept: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
