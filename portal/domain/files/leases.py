"""Who writes to an upload: one at a time, for some seconds that are renewed while bytes come.

A lease is a row and ends by itself, so that nobody waits for a worker that died, and no connection or lock is held
while a body is read. Whatever is acknowledged is written down by the holder of the lease and by nobody else: a writer
that was stopped for a while and wakes up finds that it may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict, Invalid, Locked
from portal.domain.files import progress
from portal.domain.files.models import Upload, UploadLease, UploadState
from portal.domain.files.operations import StoredBytes
from portal.domain.files.uploads import LONGEST, KnownUpload, expires_at, known, there

SECONDS = 8  # so long a dead worker keeps an upload; a browser that lost its line tries again for about as long
BUSY = "This file is being sent over another line. It is free again in a few seconds."


@dataclass(frozen=True)
class Lease:
    """A claim on an upload, and the upload as it was then."""

    upload: KnownUpload
    holder: str
    held: bool
    """False where there is nothing to write: all of it is here already."""


def take_lease(session: Session, owner_id: UUID, upload_id: str, holder: str, offset: int, *, at: datetime) -> Lease:
    """Return the right to write from this offset on; refuse another offset, and while somebody else writes."""
    row = there(_locked(session, upload_id, owner_id))
    if offset != row.offset:
        raise Conflict(f"{row.offset} bytes of this file are here: go on from there.")
    if row.state != UploadState.RECEIVING:
        return Lease(known(row), holder, held=False)
    statement = insert(UploadLease).values(upload_id=row.id, holder=holder, expires_at=_until())
    taken = session.execute(
        statement.on_conflict_do_update(
            index_elements=["upload_id"],
            set_={"holder": statement.excluded.holder, "expires_at": statement.excluded.expires_at},
            where=UploadLease.expires_at <= func.clock_timestamp(),
        ).returning(UploadLease.holder)
    ).first()
    if taken is None:
        raise Locked(BUSY)
    return Lease(known(row), holder, held=True)


def renew(session: Session, upload_id: str, holder: str) -> None:
    """Hold the upload for some seconds more; raise where somebody else has taken it meanwhile."""
    there(_locked(session, upload_id))
    _renew(session, upload_id, holder)


def acknowledge(session: Session, upload_id: str, holder: str, offset: int, *, at: datetime) -> KnownUpload:
    """Return the upload with this offset, whose bytes are on the disk; hold it for some seconds more."""
    row = there(_locked(session, upload_id))
    _renew(session, upload_id, holder)
    if offset > row.offset:
        progress.note(session, row, offset, at)
        row.offset = offset
        row.last_received_at = at
        row.expires_at = expires_at(row, at)
        session.flush()
    return known(row)


def complete(
    session: Session,
    upload_id: str,
    holder: str,
    stored: StoredBytes,
    *,
    came_at: datetime | None = None,
    at: datetime,
) -> KnownUpload:
    """Return the upload, whole: its bytes are in the store under their key. The lease ends with it.

    `came_at` is when its last bytes came, where hashing took a while since: by then it was begun at the latest.
    """
    row = there(_locked(session, upload_id))
    _renew(session, upload_id, holder)
    if stored.size != row.length:
        raise Invalid(f"“{row.name}” has {stored.size} bytes, and {row.length} were announced.")
    if came_at is not None and progress.is_begun_by(row, row.length - 1):
        progress.note(session, row, row.length - 1, came_at)  # the last byte is acknowledged with the whole
    progress.note(session, row, row.length, at)
    row.offset = row.length
    row.state = UploadState.WHOLE
    row.kind, row.sha256, row.storage_key = stored.kind, stored.sha256, stored.key
    row.last_received_at = at
    row.expires_at = at + LONGEST
    session.flush()
    release(session, upload_id, holder)
    return known(row)


def release(session: Session, upload_id: str, holder: str) -> None:
    """Let others write, if this holder still could."""
    session.execute(delete(UploadLease).where(*_is(upload_id, holder)))


def _locked(session: Session, upload_id: str, owner_id: UUID | None = None) -> Upload | None:
    """Return an upload, locked: always before its lease, so that two requests never wait for each other."""
    statement = select(Upload).where(Upload.id == upload_id)
    if owner_id is not None:
        statement = statement.where(Upload.owner_id == owner_id)
    return session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one_or_none()


def _renew(session: Session, upload_id: str, holder: str) -> None:
    renewed = session.execute(
        update(UploadLease)
        .where(*_is(upload_id, holder))
        .values(expires_at=_until())
        .returning(UploadLease.upload_id)
        .execution_options(synchronize_session=False)
    ).first()
    if renewed is None:
        raise Locked(BUSY)


def _is(upload_id: str, holder: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return UploadLease.upload_id == upload_id, UploadLease.holder == holder


def _until() -> ColumnElement[datetime]:
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, SECONDS)
