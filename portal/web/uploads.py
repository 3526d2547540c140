"""Files that arrive with a form: written to the store's disk as they come, hashed on the way, durable before any row.

The order is bytes durable, then row, then commit, then answer. A view that takes files says so with `takes_files`;
every other view refuses a large body before it is read.
"""

from __future__ import annotations

import errno
import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from flask import Flask, Request, current_app, g, request
from werkzeug.datastructures import FileStorage

from portal.adapters import disk
from portal.adapters.storage import Storage, new_key
from portal.domain.errors import Invalid, TooLarge, Unavailable
from portal.domain.files.kinds import GB, HEAD_BYTES, LIMITS, MB, Group, recognise
from portal.domain.files.operations import StoredBytes, display_name
from portal.settings import Settings
from portal.web.access import View
from portal.web.arriving_forms import ArrivingBody
from portal.web.long_bodies import SMALL, Place, take_place

__all__ = [
    "GB",
    "MB",
    "discard",
    "hold_place",
    "receive",
    "receive_all",
    "register",
    "room_on_disk",
    "takes_files",
    "the_storage",
]

NO_ROOM_FOR_VIDEO = (
    "“{name}” cannot be taken: the portal's disk is nearly full, so it takes no video now. "
    "Hand in everything else, give a link to the video, and tell the office."
)
NO_ROOM = "The portal's disk is full: files cannot be taken now. Write or give links instead, and tell the office."
FORM_BYTES = MB  # room for the other fields of a form beside its files


def register(app: Flask, _settings: Settings) -> None:
    """Have every body read by a request that knows its view's limit."""
    app.request_class = PortalRequest


def takes_files(max_bytes: int, *, only: str | None = None) -> Callable[[View], View]:
    """Let this view's forms carry files of this size together. Stands below the access marks.

    `only` is the one media type that may be so large, for a view that reads its body itself.
    """

    def mark(view: View) -> View:
        vars(view).update(takes_bytes=max_bytes + FORM_BYTES, takes_only=only)
        return view

    return mark


def receive_all(files: Iterable[FileStorage]) -> list[StoredBytes]:
    """Return all files of a form, durable; if one is refused, none is kept."""
    received: list[StoredBytes] = []
    try:
        received.extend(receive(file) for file in files)
    except BaseException:
        discard(received)
        raise
    return received


def sha256_of(file: FileStorage) -> str:
    """Return the hash of a file of a form, which was made while it arrived."""
    if not isinstance(file.stream, ArrivingFile):
        raise TypeError("this file did not come by a form")
    return file.stream.sha256


def receive(file: FileStorage) -> StoredBytes:
    """Return one file, durable, recognised and hashed; raise `Invalid` or `TooLarge` with a sentence."""
    name = display_name(file.filename)
    body = file.stream if isinstance(file.stream, ArrivingFile) else _copied(file)
    try:
        if body.size == 0:
            raise Invalid(f"“{name}” is empty. Choose the file again.")
        kind = recognise(body.head(), name)
        if body.size > LIMITS[kind.group]:
            raise TooLarge(f"“{name}” is larger than {LIMITS[kind.group] // MB:,} MB, the limit for its kind.")
        if kind.group is Group.VIDEO and disk.fill_of(the_storage().receiving).full:
            raise Invalid(NO_ROOM_FOR_VIDEO.format(name=name))
        key = new_key()
        with room_on_disk():
            body.hand_over(the_storage(), key)
    finally:
        body.close()
    return StoredBytes(key=key, size=body.size, sha256=body.sha256, kind=kind.media_type, name=name)


def discard(received: Iterable[StoredBytes]) -> None:
    """Erase bytes whose operation was refused. What is forgotten here the sweep finds."""
    for stored in received:
        the_storage().delete(stored.key)


def hold_place() -> None:
    """Count this request among those that carry files, however short its body; raise if they are too many."""
    if request.__dict__.get("place") is None:
        request.__dict__["place"] = take_place(SMALL + 1)


def the_storage() -> Storage:
    """Return the store of this app."""
    storage: Storage = current_app.extensions["storage"]
    return storage


class PortalRequest(Request):
    """A request whose body may be as large as its view says, and whose files go straight to the store's disk."""

    @property
    def max_content_length(self) -> int | None:
        if self._max_content_length is None and self.endpoint and current_app and self._caller_is_known():
            view = current_app.view_functions[self.endpoint]
            marked: int | None = getattr(view, "takes_bytes", None)
            if marked is not None and getattr(view, "takes_only", None) in {None, self.mimetype}:
                return marked
        return super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    def _caller_is_known(self) -> bool:
        """Return whether somebody we know sends this: a stranger's body is never large."""
        return any(g.get(name) for name in ("identity", "api_person", "was_signed_in"))

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        arriving = ArrivingFile(the_storage().receiving)
        self.__dict__.setdefault("arriving_files", []).append(arriving)
        return cast(IO[bytes], arriving)

    def _get_stream_for_parsing(self) -> IO[bytes]:
        self.__dict__["body"] = ArrivingBody(super()._get_stream_for_parsing(), self.content_length or 0)
        return cast(IO[bytes], self.__dict__["body"])

    def _load_form_data(self) -> None:
        if "form" not in self.__dict__ and "place" not in self.__dict__:
            self.__dict__["place"] = take_place(self.content_length or 0)
        super()._load_form_data()

    def close(self) -> None:
        """Remove what nobody received, also where the line dropped in the middle."""
        super().close()
        place: Place | None = self.__dict__.pop("place", None)
        if place is not None:
            place.leave()
        for arriving in self.__dict__.pop("arriving_files", []):
            arriving.close()


class ArrivingFile:
    """A file being written while it arrives: hashed and counted on the way, removed unless it is handed over.

    It is made at its first byte, so that a form in which no file was chosen needs no room on the disk. Nothing is
    buffered, so that a disk without room is noticed where it is written to and nowhere else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._file: Any = BytesIO()
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        with room_on_disk():
            if self._path is None:
                self._path = self._folder / secrets.token_hex(16)
                self._file = self._path.open("x+b", buffering=0)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def head(self) -> bytes:
        """Return the first bytes, by which its kind is decided."""
        self._file.seek(0)
        return bytes(self._file.read(HEAD_BYTES))

    def hand_over(self, storage: Storage, key: str) -> None:
        """Have the store take the file; where it cannot, the file is still ours to remove."""
        if self._path is None:
            raise RuntimeError("this file is empty, or was handed over already")
        storage.keep(self._path, key)
        self._path = None

    def close(self) -> None:
        self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Any:
        return iter(self._file)


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Say in words that the disk is full where that is what went wrong."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise Unavailable(NO_ROOM) from error


def _copied(file: FileStorage) -> ArrivingFile:
    """Return a copy of a file that came in another way than by a form."""
    arriving = ArrivingFile(the_storage().receiving)
    while chunk := file.stream.read(MB):
        arriving.write(chunk)
    return arriving
