"""Files that arrive in pieces, gathered on a disk of this machine until they are whole.

What was synced outlives a power cut; what came after the last sync may be there or not, and is cut off when somebody
goes on. A part has a name of ours and never one of people.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

NAME = re.compile(r"[0-9a-f]{48}")
READ_AT_ONCE = 256 * 1024  # bytes in memory while a part is read


class PartMissing(Exception):
    """Less of a part is here than was acknowledged."""


class PartBusy(Exception):
    """Another line is writing to this part at this very moment."""


class Part:
    """A part that is being written to, as long as `still_ours` does not raise."""

    def __init__(self, path: Path, descriptor: int, still_ours: Callable[[], None]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._still_ours = still_ours
        self.position = 0
        """Where the next byte goes."""

    def write(self, data: bytes) -> None:
        """Write on; nobody else writes between the look at whether this is still ours and the last byte."""
        with self._alone():
            left = memoryview(data)
            while left:
                written = os.pwrite(self._descriptor, left, self.position)
                self.position += written
                left = left[written:]

    def cut(self, position: int) -> None:
        """Forget all that comes after this position, and go on from there."""
        with self._alone():
            os.ftruncate(self._descriptor, position)
        self.position = position

    def sync(self) -> None:
        """Return when everything written so far is durable."""
        os.fsync(self._descriptor)

    def head(self, size: int) -> bytes:
        """Return the first bytes, by which its kind is decided."""
        return os.pread(self._descriptor, min(size, self.position), 0)

    def sha256(self, meanwhile: Callable[[], None]) -> str:
        """Return the hash of all that was written, calling `meanwhile` again and again."""
        summed, at = hashlib.sha256(), 0
        while at < self.position:
            data = os.pread(self._descriptor, min(READ_AT_ONCE, self.position - at), at)
            if not data:
                raise PartMissing
            summed.update(data)
            at += len(data)
            meanwhile()
        return summed.hexdigest()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others of this machine from writing for the length of the block, which is a moment.

        A writer that was stopped in here and is passed by another must not wake up and write over what came since.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PartBusy from None
        try:
            self._still_ours()
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class Parts:
    """The folder of all parts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def opened(self, name: str, offset: int, still_ours: Callable[[], None]) -> Iterator[Part]:
        """A part to be written to from this offset on: what an earlier line left after it is cut off."""
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDWR) if offset else self._made(path)
        except FileNotFoundError:
            raise PartMissing from None
        try:
            if os.fstat(descriptor).st_size < offset:
                raise PartMissing
            part = Part(path, descriptor, still_ours)
            part.cut(offset)
            yield part
        finally:
            os.close(descriptor)

    def size(self, name: str) -> int | None:
        """Return how many bytes of a part are here, None where there is none."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a part; that it is gone already is no error."""
        self._path(name).unlink(missing_ok=True)

    def every_name(self) -> Iterator[tuple[str, datetime]]:
        """Return the name of every part with the moment at which it last changed."""
        if not self._folder.is_dir():
            return
        for entry in sorted(self._folder.iterdir()):
            if NAME.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    yield entry.name, datetime.fromtimestamp(entry.stat().st_mtime, UTC)

    def _made(self, path: Path) -> int:
        """Return a part that is there, empty or not; its name is durable."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        for folder in (self._folder, self._folder.parent):
            sync_folder(folder)
        return descriptor

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ValueError(f"not a part of ours: {name!r}")
        return self._folder / name


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
