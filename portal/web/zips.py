"""A ZIP that is made while it is sent: a chunk of it in memory, whatever its size, and nothing on the disk.

Files are stored as they are: pictures, sound and video are compressed already. What is larger than 4 GB is written in
the form for large files (ZIP64), which every program of today reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from flask import Response

from portal import db
from portal.adapters.storage import StorageError
from portal.web.long_bodies import take_place
from portal.web.send_file import ATTACHMENT_POLICY, Stream

READABLE = 0o644 << 16  # for everybody, as programs of Unix read the rights of a file


@dataclass(frozen=True)
class Written:
    """What of a file came into the ZIP."""

    size: int
    sha256: str
    broke: bool
    """Whether reading it ended in an error."""


class ZipStream:
    """A ZIP file by file. Each step yields the bytes to be sent on."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w", ZIP_STORED)

    def add(self, path: str, chunks: Iterable[bytes], *, size: int, at: datetime) -> Generator[bytes, None, Written]:
        """Add a file of this size; return what of it was there to be read."""
        info = ZipInfo(path, at.astimezone(UTC).timetuple()[:6])
        info.file_size = size  # decides in which form it is written
        info.external_attr = READABLE
        seen, written, broke = hashlib.sha256(), 0, False
        with self._zip.open(info, "w") as place:
            reading = iter(chunks)
            while True:
                try:
                    chunk = next(reading, None)
                except (StorageError, OSError):
                    broke = True
                    break
                if chunk is None:
                    break
                place.write(chunk)
                seen.update(chunk)
                written += len(chunk)
                yield self._sink.take()
        yield self._sink.take()
        return Written(written, seen.hexdigest(), broke)

    def end(self) -> Iterator[bytes]:
        """Write the list of all files, without which it is no ZIP."""
        self._zip.close()
        yield self._sink.take()


def send_zip(name: str, parts: Iterator[bytes], size: int) -> Response:
    """Return a ZIP of about this size to be kept under a name; whoever breaks off has no file, and no thread."""
    db.release_connection()  # a slow line must not hold a connection
    answer = Response(Stream(parts, take_place(size)), mimetype="application/zip")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Content-Security-Policy"] = ATTACHMENT_POLICY
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


class _Sink(RawIOBase):
    """What is written and not yet sent; `zipfile` asks for no more than that of a file that cannot go back."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken
