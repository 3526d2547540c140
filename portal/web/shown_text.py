"""The beginning of a text that was handed in, to be shown as text: never more than a page can carry."""

from __future__ import annotations

from typing import Protocol

from portal import db
from portal.adapters.storage import StorageError
from portal.web.uploads import the_storage

MOST_BYTES = 48 * 1024  # of one text on a page; the whole is there to download
TEXTS = frozenset({"text/plain", "text/csv"})


class Stored(Protocol):
    @property
    def storage_key(self) -> str: ...
    @property
    def kind(self) -> str: ...


def beginning_of(file: Stored) -> str | None:
    """Return the beginning of a text, None of anything else and of what cannot be read now.

    No connection is held meanwhile.
    """
    if file.kind not in TEXTS:
        return None
    db.release_connection()
    try:
        head = b"".join(the_storage().open(file.storage_key, 0, MOST_BYTES))
    except (StorageError, OSError):
        return None
    return _decoded(head)


def _decoded(head: bytes) -> str:
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return head.decode("utf-16", errors="replace").replace("\x00", "")
    try:
        return head.decode("utf-8-sig").replace("\x00", "")
    except UnicodeDecodeError as error:
        cut_off = error.start >= len(head) - 4
        return head.decode("utf-8-sig" if cut_off else "cp1252", errors="replace").replace("\x00", "")
