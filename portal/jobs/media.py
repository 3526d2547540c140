"""Looking into what was handed in, and making the small copies that people see first.

One file at a time, in the order in which files came. It may run twice, at two workers, or end in the middle: a file's
row says whether it is done, its copies are written down with it in one transaction, and bytes that were kept before a
crash and never written down are swept like any others.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from portal import db
from portal.adapters import media
from portal.adapters.disk import fill_of
from portal.adapters.media import Copy, Made, WhyNot
from portal.adapters.storage import Storage, StorageError, new_key
from portal.domain.clock import now
from portal.domain.errors import Invalid
from portal.domain.files import copies
from portal.domain.files.copies import ToRead
from portal.domain.files.kinds import HEAD_BYTES, recognise
from portal.domain.files.models import CopyPurpose
from portal.domain.files.operations import StoredBytes

BLOCK = 1024 * 1024
KINDS = {Copy.SMALL: "video/mp4", Copy.SOUND: "audio/mp4", Copy.PREVIEW: "image/webp"}
WORDS = {
    WhyNot.DAMAGED: "It is damaged, or not what it says it is: nothing in it could be read.",
    WhyNot.UNKNOWN: "Files of this kind cannot be shown here.",
    WhyNot.TOO_LARGE: "It has more pixels than can be shown here.",
    WhyNot.TOO_LONG: "Reading it would take too long.",
}

log = logging.getLogger(__name__)


def make(storage: Storage, files: str) -> None:
    """Look into each of these files that nobody has looked into yet."""
    for file_id in files.split(","):
        make_copies_of(storage, UUID(file_id))


def ask_again() -> None:
    """Have those files looked into that were left: handed in before the portal could, or by a worker that ended."""
    with db.session_scope():
        db.perform(copies.ask_again, at=now())


def make_copies_of(storage: Storage, file_id: UUID) -> None:
    """Look into one file and keep its copies; no connection is held while that takes its time."""
    with db.session_scope():
        file = db.perform(copies.begin_reading, file_id, at=now())
    if file is None:
        return
    if not _can_be_made_now(storage, file):
        with db.session_scope():
            db.perform(copies.put_off, file_id)
        return
    try:
        _look_into(storage, file)
    except (StorageError, OSError):  # a bucket that is away, a disk that is full: no fault of the file
        log.exception("File %s cannot be looked into", file.id)
        with db.session_scope():
            db.perform(copies.put_off, file_id)


def _look_into(storage: Storage, file: ToRead) -> None:
    with _places(storage, media.targets_of(file.kind)) as targets, _on_disk(storage, file) as source:
        answer = media.make_copies(file.kind, source, targets)
        made = _checked(answer, targets) if isinstance(answer, Made) else answer
        if made is WhyNot.FAILED:
            log.warning("Looking into file %s (%s) failed", file.id, file.kind)  # it is tried again in an hour
        elif isinstance(made, WhyNot):
            with db.session_scope():
                db.perform(copies.write_down_refusal, file.id, WORDS[made], at=now())
        else:
            _keep(storage, file, made, targets)


def _can_be_made_now(storage: Storage, file: ToRead) -> bool:
    """Return False where the disk is nearly full, or where the program for sound and video is not installed."""
    needs_films = media.is_film(file.kind)
    return not fill_of(storage.receiving).full and (not needs_films or media.films_can_be_opened())


@contextmanager
def _places(storage: Storage, wanted: tuple[Copy, ...]) -> Iterator[dict[Copy, Path]]:
    """Places for copies where bodies arrive; what still lies there at the end is removed."""
    places = {copy: storage.receiving / secrets.token_hex(16) for copy in wanted}
    try:
        yield places
    finally:
        for place in places.values():
            place.unlink(missing_ok=True)


@contextmanager
def _on_disk(storage: Storage, file: ToRead) -> Iterator[Path]:
    """The file as a real one: its own, or for as long as it takes one fetched from the bucket."""
    path = storage.path(file.storage_key)
    if path is not None:
        yield path.absolute()
        return
    fetched = storage.receiving.absolute() / secrets.token_hex(16)
    try:
        with fetched.open("xb") as target:
            for chunk in storage.open(file.storage_key):
                target.write(chunk)
        yield fetched
    finally:
        fetched.unlink(missing_ok=True)


def _checked(made: Made, targets: Mapping[Copy, Path]) -> Made | WhyNot:
    """Return what was made if each copy is of the kind that it must be: the program is not taken at its word."""
    for copy in made.copies:
        with targets[copy].open("rb") as file:
            head = file.read(HEAD_BYTES)
        try:
            kind = recognise(head, "copy").media_type
        except Invalid:
            kind = ""
        if kind != KINDS[copy] or targets[copy].stat().st_size > copies.MOST_COPY_BYTES:
            log.error("A copy for %s is %s", copy, kind or "of no known kind")
            return WhyNot.FAILED
    return made


def _keep(storage: Storage, file: ToRead, made: Made, targets: Mapping[Copy, Path]) -> None:
    """Have the store take the copies, then write all of it down at once."""
    stored = {}
    for copy in made.copies:
        purpose = CopyPurpose(copy.value)
        name, size, sha256 = (
            copies.name_of_copy(file.name, purpose),
            targets[copy].stat().st_size,
            _sha256(targets[copy]),
        )
        stored[purpose] = StoredBytes(key=new_key(), size=size, sha256=sha256, kind=KINDS[copy], name=name)
        storage.keep(targets[copy], stored[purpose].key)
    with db.session_scope():
        written = db.perform(copies.write_down_copies, file.id, asdict(made.facts), stored, at=now())
    if not written:
        for each in stored.values():
            storage.delete(each.key)


def _sha256(path: Path) -> str:
    summed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            summed.update(block)
    return summed.hexdigest()
