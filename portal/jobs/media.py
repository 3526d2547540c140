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
from portal.adapters.media import Copy, Drawn, Made, WhyNot
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
    WhyNot.LOCKED: "It is locked with a password.",
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
    if media.is_document(file.kind):
        _draw(storage, file)
        return
    with _places(storage, media.targets_of(file.kind)) as targets, _on_disk(storage, file) as source:
        answer = media.make_copies(file.kind, source, targets)
        made = _checked(answer, targets) if isinstance(answer, Made) else answer
        if isinstance(made, WhyNot):
            _refuse(file, made)
        else:
            _keep(storage, file, made, targets)


def _draw(storage: Storage, file: ToRead) -> None:
    """Draw the first pages of a document."""
    with _some_places(storage, copies.MOST_PAGES) as places, _on_disk(storage, file) as source:
        drawn = media.draw_pages(file.kind, source, places)
        if isinstance(drawn, Drawn) and not all(map(_is_page, places[: len(drawn.sizes)])):
            drawn = WhyNot.FAILED
        if isinstance(drawn, WhyNot):
            _refuse(file, drawn)
            return
        pages = []
        for number, (place, (width, height)) in enumerate(zip(places, drawn.sizes, strict=False), start=1):
            stored = _stored(place, copies.name_of_page(file.name, number), KINDS[Copy.PREVIEW])
            storage.keep(place, stored.key)
            pages.append((stored, width, height))
        with db.session_scope():
            written = db.perform(copies.write_down_pages, file.id, drawn.pages, pages, at=now())
        if not written:
            for stored, _, _ in pages:
                storage.delete(stored.key)


def _refuse(file: ToRead, why: WhyNot) -> None:
    if why is WhyNot.FAILED:
        log.warning("Looking into file %s (%s) failed", file.id, file.kind)  # it is tried again in an hour
        return
    with db.session_scope():
        db.perform(copies.write_down_refusal, file.id, WORDS[why], at=now())


def _can_be_made_now(storage: Storage, file: ToRead) -> bool:
    """Return False where the disk is nearly full, or where what opens a file of this kind is not installed."""
    return media.has_what_opens(file.kind) and not fill_of(storage.receiving).full


@contextmanager
def _places(storage: Storage, wanted: tuple[Copy, ...]) -> Iterator[dict[Copy, Path]]:
    """Places for copies where bodies arrive; what still lies there at the end is removed."""
    with _some_places(storage, len(wanted)) as places:
        yield dict(zip(wanted, places, strict=True))


@contextmanager
def _some_places(storage: Storage, number: int) -> Iterator[list[Path]]:
    places = [storage.receiving / secrets.token_hex(16) for _ in range(number)]
    try:
        yield places
    finally:
        for place in places:
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
        kind = _kind_of(targets[copy])
        if kind != KINDS[copy] or targets[copy].stat().st_size > copies.MOST_COPY_BYTES:
            log.error("A copy for %s is %s", copy, kind or "of no known kind")
            return WhyNot.FAILED
    return made


def _is_page(place: Path) -> bool:
    return _kind_of(place) == KINDS[Copy.PREVIEW] and place.stat().st_size <= copies.MOST_COPY_BYTES


def _kind_of(place: Path) -> str:
    with place.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        return recognise(head, "copy").media_type
    except Invalid:
        return ""


def _keep(storage: Storage, file: ToRead, made: Made, targets: Mapping[Copy, Path]) -> None:
    """Have the store take the copies, then write all of it down at once."""
    stored = {}
    for copy in made.copies:
        purpose = CopyPurpose(copy.value)
        stored[purpose] = _stored(targets[copy], copies.name_of_copy(file.name, purpose), KINDS[copy])
        storage.keep(targets[copy], stored[purpose].key)
    with db.session_scope():
        written = db.perform(copies.write_down_copies, file.id, asdict(made.facts), stored, at=now())
    if not written:
        for each in stored.values():
            storage.delete(each.key)


def _stored(place: Path, name: str, kind: str) -> StoredBytes:
    return StoredBytes(key=new_key(), size=place.stat().st_size, sha256=_sha256(place), kind=kind, name=name)


def _sha256(path: Path) -> str:
    summed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            summed.update(block)
    return summed.hexdigest()
