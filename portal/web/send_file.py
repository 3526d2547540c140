"""Sending what is in the store: ranges, HEAD and 304; nothing a browser could run; no database connection held.

The view has loaded the file through the person before; this only sends it. From a folder the bytes go from
the disk to the line without passing through Python where the server can do that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol, cast
from urllib.parse import quote

from flask import Response, g, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import http_date, quote_etag
from werkzeug.wsgi import wrap_file

from portal import db
from portal.adapters.storage import StorageError
from portal.domain.errors import Unavailable
from portal.domain.files.kinds import may_open_in_browser
from portal.web.long_bodies import Place, take_place
from portal.web.uploads import the_storage

INLINE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; object-src 'self'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
ATTACHMENT_POLICY = "sandbox; default-src 'none'"
BLOCK = 256 * 1024


class Sendable(Protocol):
    """What is known of a stored file: the row itself, or a row of a query with these columns."""

    @property
    def storage_key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def stored_at(self) -> Any: ...


def send_stored(file: Sendable, *, inline: bool = False) -> Response:
    """Return a stored file, whole or the part that was asked for; `inline` shows it where that is safe."""
    key, size = file.storage_key, file.size
    response = Response(direct_passthrough=True)
    _describe(response, file, inline=inline and may_open_in_browser(file.kind))
    db.release_connection()  # a slow line must not hold a connection
    if request.if_none_match.contains(file.sha256):
        response.status_code = 304
        return response
    start, stop = _part(file)
    if (start, stop) != (0, size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    response.content_length = stop - start
    if request.method != "HEAD":
        try:
            response.response = _body(key, start, stop - start)
        except StorageError as error:
            raise Unavailable("This file cannot be read right now. The office has been told.") from error
    return response


class Slice:
    """A part of a file on disk, as the server's own way of sending files wants it: at its place, with its number."""

    def __init__(self, path: Path, start: int, length: int, place: Place | None) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = length
        self._place = place

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted) if wanted else b""
        self._left -= len(data)
        if not self._left:
            self.close()
        return data

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
        if self._place is not None:
            self._place.leave()


class Stream:
    """A part of an object that has no file here, in chunks."""

    def __init__(self, chunks: Iterator[bytes], place: Place | None) -> None:
        self._chunks = chunks
        self._place = place

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        if self._place is not None:
            self._place.leave()


def _body(key: str, start: int, length: int) -> Any:
    storage = the_storage()
    place = take_place(length)
    try:
        path = storage.path(key)
        if path is None:
            return Stream(storage.open(key, start, length), place)
        return wrap_file(request.environ, cast(IO[bytes], Slice(path, start, length, place)), BLOCK)
    except BaseException:
        if place is not None:
            place.leave()
        raise


def _describe(response: Response, file: Sendable, *, inline: bool) -> None:
    headers = response.headers
    headers["Content-Type"] = _content_type(file.kind, inline=inline)
    headers["Content-Disposition"] = _disposition("inline" if inline else "attachment", file.name)
    headers["Content-Security-Policy"] = INLINE_POLICY if inline else ATTACHMENT_POLICY
    if inline:
        headers["X-Frame-Options"] = "SAMEORIGIN"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Accept-Ranges"] = "bytes"
    headers["ETag"] = quote_etag(file.sha256)
    headers["Last-Modified"] = http_date(file.stored_at)
    identity = g.get("identity")
    shared = identity is not None and identity.shared_computer
    headers["Cache-Control"] = "private, no-store" if shared else "private, no-cache"


def _content_type(kind: str, *, inline: bool) -> str:
    if inline:
        return kind
    return "text/plain; charset=utf-8" if kind.startswith("text/") else kind


def _disposition(how: str, name: str) -> str:
    """Return how to take a file, its name once in plain letters and once in all its own (RFC 6266)."""
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
    full = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{how}; filename="{plain}"{full}'


def _part(file: Sendable) -> tuple[int, int]:
    """Return the bytes to send. More than one range at once, or one of an older version, is answered whole."""
    asked, whole = request.range, (0, file.size)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or not _is_same_version(file):
        return whole
    part = asked.range_for_length(file.size)
    if part is None:
        raise RequestedRangeNotSatisfiable(length=file.size)
    return part


def _is_same_version(file: Sendable) -> bool:
    condition = request.if_range
    if condition.etag is not None:
        return condition.etag == file.sha256
    if condition.date is not None:
        return http_date(condition.date) == http_date(file.stored_at)
    return True
