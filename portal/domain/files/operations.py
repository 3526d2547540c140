"""Rows of files: recorded when their bytes are durable, attached to a thing, and swept when nobody ever did."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict
from portal.domain.files.kinds import may_have_copies
from portal.domain.files.models import FilePurpose, FileState, StoredFile, Upload, UploadState

UNATTACHED_HOURS = 24  # a file nobody attached is an upload that was given up
KEPT_HOURS = 24  # bytes of a deleted file stay so long: a backup copies them after the rows that still count on them
ERASE_AGAIN_HOURS = 24  # from then on they are erased at every sweep for so long, in case one was cut off
BATCH = 500
LONGEST_NAME = 150  # characters
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # controls, direction marks, halves of characters


@dataclass(frozen=True, kw_only=True)
class StoredBytes:
    """Bytes that are durable and have no row yet."""

    key: str
    size: int
    sha256: str
    kind: str
    """Media type decided by content."""
    name: str
    """What its owner calls it, cleaned for display."""


class ByteStore(Protocol):
    """What sweeping asks of the store."""

    def delete(self, key: str) -> None:
        """Remove what is kept under a key, if anything."""

    def every_key(self) -> Iterator[tuple[str, datetime]]:
        """Return every key with the moment at which it was kept."""

    def clear_receiving(self, before: datetime) -> int:
        """Remove what began to arrive before then and never ended."""


def record_file(
    session: Session,
    *,
    owner_id: UUID,
    purpose: FilePurpose,
    stored: StoredBytes,
    at: datetime,
    attached: bool = False,
) -> StoredFile:
    """Return the row of bytes that are durable already; attach it in the same transaction or within a day.

    `attached` says that the caller writes the row which links it to a thing beside it, in this transaction.
    """
    row = StoredFile(
        owner_id=owner_id,
        purpose=purpose,
        state=FileState.ATTACHED if attached else FileState.STORED,
        name=stored.name,
        kind=stored.kind,
        size=stored.size,
        sha256=stored.sha256,
        storage_key=stored.key,
        stored_at=at,
        attached_at=at if attached else None,
        to_look_into=attached and _is_looked_into(purpose, stored.kind),
    )
    session.add(row)
    session.flush()
    return row


def attach(session: Session, file: StoredFile, *, at: datetime) -> None:
    """Mark a file as belonging to a thing; call it beside the link row that says to which."""
    if file.state != FileState.STORED:
        raise Conflict("That file was already used or removed. Please send it again.")
    file.state = FileState.ATTACHED
    file.attached_at = at
    file.to_look_into = _is_looked_into(file.purpose, file.kind)
    session.flush()


def _is_looked_into(purpose: str, kind: str) -> bool:
    return purpose == FilePurpose.SUBMISSION and may_have_copies(kind)


def detach(session: Session, file: StoredFile, *, at: datetime) -> None:
    """Mark a file as deleted, in the transaction that removes its link; the sweep erases its bytes."""
    file.state = FileState.DELETED
    file.deleted_at = at
    file.to_look_into = False
    session.flush()


def keep_until(session: Session, file_ids: Iterable[UUID], until: datetime) -> None:
    """Keep these files until then though they belong to nothing yet: something waits to take them."""
    stored = StoredFile.id.in_(list(file_ids)) & (StoredFile.state == FileState.STORED)
    session.execute(update(StoredFile).where(stored).values(wanted_until=until))


def give_up_unattached(session: Session, *, at: datetime) -> list[str]:
    """Mark files that were never attached as deleted; return the keys of files deleted a day ago, to be erased."""
    let_go = at - timedelta(hours=KEPT_HOURS)
    lately = let_go - timedelta(hours=ERASE_AGAIN_HOURS)
    rows = session.scalars(
        select(StoredFile)
        .where(
            or_(
                StoredFile.state.in_([FileState.RECEIVING, FileState.STORED])
                & (StoredFile.stored_at < at - timedelta(hours=UNATTACHED_HOURS))
                & or_(StoredFile.wanted_until.is_(None), StoredFile.wanted_until < at),
                (StoredFile.state == FileState.DELETED)
                & (StoredFile.deleted_at > lately)
                & (StoredFile.deleted_at <= let_go),
            )
        )
        .order_by(StoredFile.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    erased = [row.storage_key for row in rows if row.state == FileState.DELETED]
    for row in rows:
        if row.state != FileState.DELETED:
            detach(session, row, at=at)
    return erased


def erase_ownerless(session: Session, store: ByteStore, *, at: datetime) -> int:
    """Erase bytes that never got a row, as when an operation refused after they had arrived; return how many."""
    before, erased = at - timedelta(hours=UNATTACHED_HOURS), 0
    old = (key for key, kept_at in store.every_key() if kept_at < before)
    while batch := list(islice(old, BATCH)):
        of_files = select(StoredFile.storage_key).where(StoredFile.storage_key.in_(batch))
        of_uploads = select(Upload.storage_key).where(Upload.storage_key.in_(batch), Upload.state == UploadState.WHOLE)
        known = set(session.scalars(of_files.union_all(of_uploads)))
        for key in batch:
            if key not in known:
                store.delete(key)
                erased += 1
    store.clear_receiving(before)
    return erased


def display_name(given: str | None) -> str:
    """Return a file's name as people may see it: no folders, nothing invisible, not too long, never empty."""
    name = unicodedata.normalize("NFC", re.split(r"[\\/]", given or "")[-1])
    name = "".join(character for character in name if unicodedata.category(character) not in INVISIBLE)
    name = " ".join(name.split()).strip(". ") or "file"
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
