"""Where the bytes of files are kept: a folder of ours, or an S3 bucket (`bucket.py`), behind one protocol.

After `put` or `keep` returns, the bytes outlive a power cut. A key is ours (`new_key`); what people call a file
is never part of a path.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from portal.adapters.parts import Parts, sync_folder
from portal.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

CHUNK = 1024 * 1024
PART_OF_A_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}")
RECEIVING = ".receiving"  # beside the kept files, on the same disk: a rename moves a file in
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.EMLINK})
PARTS = ".parts"  # beside them, too: files that arrive in pieces, over days
CHECK_KEY = "check/of-writing"


class StorageError(Exception):
    """The store does not answer, or does not have what its row says."""


class StorageFull(StorageError):
    """The store has no room left; what it has can be read."""


class Storage(Protocol):
    """What the portal asks of a store."""

    @property
    def receiving(self) -> Path:
        """The folder in which a body is written while it arrives."""

    @property
    def parts(self) -> Parts:
        """Files that arrive in pieces, on a disk of this machine."""

    def put(self, chunks: Iterable[bytes], key: str) -> None:
        """Keep these bytes under a key; they are durable when this returns."""

    def keep(self, received: Path, key: str) -> None:
        """Keep a file of the receiving folder under a key; it is gone from there, and durable, when this returns."""

    def adopt(self, part: Path, key: str) -> None:
        """Keep a synced part under a key that is new, durable when this returns; the part stays until it is removed."""

    def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start` on, in chunks; raise `StorageError` at once if there are none of this key."""

    def path(self, key: str) -> Path | None:
        """Return the real file of a key, where there is one, for the server to send by itself."""

    def size(self, key: str) -> int | None:
        """Return how many bytes a key has, or None if nothing is kept under it."""

    def delete(self, key: str) -> None:
        """Remove what is kept under a key; that it is gone already is no error."""

    def every_key(self) -> Iterator[tuple[str, datetime]]:
        """Return every key with the moment at which it was kept."""

    def clear_receiving(self, before: datetime) -> int:
        """Remove what began to arrive before then and never ended, and return how many there were."""

    def check(self) -> None:
        """Write, read and remove a few bytes; raise `StorageError` if that cannot be done."""


def register(app: Flask, settings: Settings) -> None:
    """Give the app its store."""
    app.extensions["storage"] = storage_from(settings)


def storage_from(settings: Settings) -> Storage:
    """Return the store that the settings name. Nothing is opened or made before its first use."""
    if settings.storage_url.startswith("s3://"):
        from portal.adapters.bucket import S3Storage  # its library is large, and few portals keep their files there

        bucket, _, prefix = settings.storage_url.removeprefix("s3://").partition("/")
        return S3Storage(bucket, settings.portal_home, prefix=prefix.strip("/"), settings=settings)
    folder = settings.storage_url.removeprefix("folder:")
    return FolderStorage(Path(folder) if folder else settings.portal_home / "files")


def new_key() -> str:
    """Return a key nobody can guess, spread over 256 folders."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}"


class ArrivingFolders:
    """The folders of what is still arriving."""

    def __init__(self, receiving: Path, parts: Path) -> None:
        self._receiving = receiving
        self.parts = Parts(parts)

    @property
    def receiving(self) -> Path:
        self._receiving.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._receiving

    def clear_receiving(self, before: datetime) -> int:
        stale = [file for file in self.receiving.iterdir() if _changed_at(file) < before]
        for file in stale:
            file.unlink(missing_ok=True)
        return len(stale)


class FolderStorage(ArrivingFolders):
    """Files in a folder: written beside, synced, renamed into place, and the folder synced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._durable: set[Path] = set()
        """Folders that this process has seen on the disk with all above them; others may only be in memory yet."""
        super().__init__(folder / RECEIVING, folder / PARTS)

    def put(self, chunks: Iterable[bytes], key: str) -> None:
        target = self._target(key)
        temporary = self.receiving / secrets.token_hex(16)
        try:
            with temporary.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
            self._move_in(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def keep(self, received: Path, key: str) -> None:
        self._move_in(received, self._target(key))

    def adopt(self, part: Path, key: str) -> None:
        """Give the bytes a second name, which costs nothing at any size; copy them where the disk knows no such."""
        target = self._target(key)
        self._make_durable(target.parent)
        try:
            os.link(part, target)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            self.put(_chunks_of(part, 0, None), key)
        sync_folder(target.parent)

    def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        return _chunks_of(self._existing(key), start, length)

    def path(self, key: str) -> Path | None:
        return self._existing(key)

    def size(self, key: str) -> int | None:
        try:
            return self._target(key).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        self._target(key).unlink(missing_ok=True)

    def every_key(self) -> Iterator[tuple[str, datetime]]:
        for file in sorted(self.folder.rglob("*")):
            key = file.relative_to(self.folder).as_posix()
            if file.is_file() and not key.startswith("."):
                with suppress(FileNotFoundError):
                    yield key, _changed_at(file)

    def check(self) -> None:
        try:
            self.put([b"portal"], CHECK_KEY)
            self.delete(CHECK_KEY)
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            kind = StorageFull if full else StorageError
            raise kind(f"the folder of files cannot be written: {error.strerror}") from error

    def _move_in(self, source: Path, target: Path) -> None:
        """Sync the bytes, then give them their name, then sync the name: in this order nothing is lost."""
        with source.open("rb") as file:
            os.fsync(file.fileno())
        self._make_durable(target.parent)
        source.rename(target)
        sync_folder(target.parent)

    def _make_durable(self, folder: Path) -> None:
        """Make a folder and sync its name, and the names above it.

        That it exists proves nothing: another thread may have made it a moment ago and not synced it yet.
        """
        if folder in self._durable and folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for above in folder.absolute().parents:
            try:
                sync_folder(above)
            except PermissionError:  # a folder of somebody else, which we did not make
                break
        self._durable.add(folder)

    def _existing(self, key: str) -> Path:
        target = self._target(key)
        if not target.is_file():
            raise StorageError(f"nothing is kept under {key}")
        return target

    def _target(self, key: str) -> Path:
        """Return the real place of a key, and refuse one that would lead out of the folder."""
        target = self.folder / checked_key(key)
        if not target.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"not a key of ours: {key!r}")
        return target


def checked_key(key: str) -> str:
    """Return the key if it is one of ours: no absolute path, no `..`, no hidden part, no odd character."""
    parts = key.split("/")
    if not 1 <= len(parts) <= 4 or not all(PART_OF_A_KEY.fullmatch(part) for part in parts):
        raise ValueError(f"not a key of ours: {key!r}")
    return key


def _chunks_of(path: Path, start: int, length: int | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = length
        while left is None or left > 0:
            chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk


def _changed_at(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
