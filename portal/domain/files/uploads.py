"""Files that arrive in pieces: begun for one thing, seen by their owner alone, used once.

The bytes lie in a file of their own until they are whole; here is what is known of them. What may be begun is the
matter of `beginning`, and who may write to one at a moment that of `leases`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.errors import Conflict, Gone, Invalid, NotFound, TooLarge
from portal.domain.files.kinds import LIMITS, MB, Group, Kind, recognise
from portal.domain.files.models import (
    OPEN,
    FilePurpose,
    StoredFile,
    Upload,
    UploadEnd,
    UploadLease,
    UploadState,
)

IDLE = timedelta(hours=24)  # without one byte
LONGEST = timedelta(days=7)  # from the first byte to the last, and from the last until it is used
BATCH = 500
NAME = re.compile(r"[0-9a-f]{48}")

ENDED_WORDS = {
    UploadEnd.TERMINATED: "This upload was cancelled. Choose the file again.",
    UploadEnd.REFUSED: "This file was refused when it had arrived. Choose another one.",
    UploadEnd.EXPIRED: "This upload was left for too long and is not kept any more. Choose the file again.",
    UploadEnd.LOST: "What had arrived of this file is not here any more. Choose the file again.",
    UploadEnd.RESTORED: "This upload was under way when the portal was brought back from a backup. Choose it again.",
}


@dataclass(frozen=True, kw_only=True)
class KnownUpload:
    """One upload as its owner may know it."""

    id: str
    state: UploadState
    length: int
    offset: int
    name: str
    client_metadata: str
    accepted: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True)
class Waiting:
    """An upload as a form lists it."""

    id: str
    name: str
    length: int
    offset: int
    state: str
    client_metadata: str
    """As the client sent it: a page knows the same file again by it."""
    created_at: datetime


@dataclass(frozen=True)
class Ended:
    """An upload that ended: its bytes may go."""

    id: str
    storage_key: str | None


def upload_of(session: Session, owner_id: UUID, upload_id: str) -> KnownUpload:
    """Return an upload of this person; absent and not theirs are the same, one that has ended is gone."""
    return known(there(session.execute(_own(owner_id, upload_id)).scalar_one_or_none()))


def end_upload(session: Session, owner_id: UUID, upload_id: str, because: UploadEnd, *, at: datetime) -> Ended:
    """Return the upload that ended now, whoever is writing to it; what was used already stays."""
    row = there(session.execute(_own(owner_id, upload_id).with_for_update()).scalar_one_or_none())
    if row.state == UploadState.TAKEN:
        raise Conflict("This file was handed in already, and what was handed in stays.")
    return _end(session, row, because, at=at)


def waiting_uploads(
    session: Session, owner_id: UUID, purpose: FilePurpose, subject_id: UUID, *, for_id: UUID | None = None
) -> list[Waiting]:
    """Return this person's uploads for a subject (and for whom) that are under way or wait to be used, by begin."""
    statement = select(
        Upload.id,
        Upload.name,
        Upload.length,
        Upload.offset,
        Upload.state,
        Upload.client_metadata,
        Upload.created_at,
    ).where(
        Upload.owner_id == owner_id,
        Upload.purpose == purpose,
        Upload.subject_id == subject_id,
        Upload.for_id.is_not_distinct_from(for_id),
        among(Upload.state, OPEN),
    )
    return [Waiting(*row) for row in session.execute(statement.order_by(Upload.created_at, Upload.id))]


def is_name(text: str) -> bool:
    """Return whether this could be the public name of an upload."""
    return NAME.fullmatch(text) is not None


def lock_whole(
    session: Session,
    owner_id: UUID,
    purpose: FilePurpose,
    subject_id: UUID,
    names: Sequence[str],
    *,
    for_id: UUID | None = None,
) -> list[Upload]:
    """Return these uploads locked, in the order in which they were named; refuse what is not whole and free."""
    found = lock_open(session, owner_id, purpose, subject_id, names, for_id=for_id)
    _refuse(problem for upload in found if (problem := _not_whole(upload)))
    return found


def lock_open(
    session: Session,
    owner_id: UUID,
    purpose: FilePurpose,
    subject_id: UUID,
    names: Sequence[str],
    *,
    for_id: UUID | None = None,
) -> list[Upload]:
    """Return these uploads locked, whole or under way, in the order in which they were named; refuse others."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return []
    statement = select(Upload).where(
        Upload.id.in_(wanted),
        Upload.owner_id == owner_id,
        Upload.purpose == purpose,
        Upload.subject_id == subject_id,
        Upload.for_id.is_not_distinct_from(for_id),
    )
    rows = session.scalars(statement.order_by(Upload.id).with_for_update().execution_options(populate_existing=True))
    found = {row.id: row for row in rows}
    _refuse(problem for name in wanted if (problem := why_not(found.get(name))))
    return [found[name] for name in wanted]


def mark_taken(session: Session, upload: Upload, file: StoredFile, *, at: datetime) -> None:
    """Mark a locked upload as used: its bytes are those of this file from now on."""
    upload.state = UploadState.TAKEN
    upload.file_id = file.id
    upload.closed_at = at
    session.flush()


def judge(head: bytes, upload: KnownUpload) -> Kind:
    """Return what a file is by its first bytes; refuse with a sentence what is not taken, or too large for its kind."""
    kind = recognise(head, upload.name)
    if upload.length > LIMITS[kind.group]:
        raise TooLarge(over_limit(upload.name, kind.group))
    if upload.accepted and kind.group.value not in upload.accepted:
        raise Invalid(not_taken(upload.name))
    return kind


def end_expired(session: Session, *, at: datetime) -> list[Ended]:
    """Return uploads that ended now because nobody went on with them; call it until it returns none."""
    writing = select(UploadLease.upload_id).where(UploadLease.expires_at > func.clock_timestamp())
    rows = session.scalars(
        select(Upload)
        .where(among(Upload.state, OPEN), Upload.expires_at < at, Upload.id.not_in(writing))
        .order_by(Upload.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    return [_end(session, row, UploadEnd.EXPIRED, at=at) for row in rows]


def end_lost(session: Session, upload_id: str, offset: int, *, at: datetime) -> Ended | None:
    """Return the upload whose bytes are not there any more, ended; None if it has gone on meanwhile."""
    row = session.scalars(select(Upload).where(Upload.id == upload_id).with_for_update()).one_or_none()
    if row is None or row.state != UploadState.RECEIVING or row.offset != offset:
        return None
    return _end(session, row, UploadEnd.LOST, at=at)


def end_all_open(session: Session, *, at: datetime) -> int:
    """End every upload that is under way or waits, and return how many: their bytes are not in what was restored."""
    rows = session.scalars(select(Upload).where(among(Upload.state, OPEN)).with_for_update()).all()
    for row in rows:
        _end(session, row, UploadEnd.RESTORED, at=at)
    return len(rows)


def receiving(session: Session) -> list[tuple[str, int, datetime]]:
    """Return every upload that is under way: its name, what was acknowledged, and when something last came."""
    statement = select(Upload.id, Upload.offset, Upload.last_received_at).where(Upload.state == UploadState.RECEIVING)
    return [(row.id, row.offset, row.last_received_at) for row in session.execute(statement)]


def expires_at(upload: Upload, at: datetime) -> datetime:
    """Return until when an upload is kept to which bytes came at this moment."""
    return min(at + IDLE, upload.created_at + LONGEST)


def there(row: Upload | None) -> Upload:
    """Return an upload that has not ended; raise where there is none, or none any more."""
    if row is None:
        raise NotFound
    if row.state == UploadState.ENDED:
        raise Gone(ENDED_WORDS[UploadEnd(row.ended_because or UploadEnd.EXPIRED)])
    return row


def known(row: Upload) -> KnownUpload:
    """Return what its owner may know of an upload."""
    return KnownUpload(
        id=row.id,
        state=UploadState(row.state),
        length=row.length,
        offset=row.offset,
        name=row.name,
        client_metadata=row.client_metadata,
        accepted=tuple(row.accepted),
        expires_at=row.expires_at,
    )


def _own(owner_id: UUID, upload_id: str) -> Select[Upload]:
    """Return the question for an upload; what is no name of one is asked for as well, and not found."""
    name = upload_id if is_name(upload_id) else ""
    return (
        select(Upload).where(Upload.id == name, Upload.owner_id == owner_id).execution_options(populate_existing=True)
    )


def _end(session: Session, row: Upload, because: UploadEnd, *, at: datetime) -> Ended:
    row.state = UploadState.ENDED
    row.ended_because = because
    row.closed_at = at
    session.flush()
    session.execute(delete(UploadLease).where(UploadLease.upload_id == row.id))
    return Ended(row.id, row.storage_key)


def _refuse(problems: Iterable[str]) -> None:
    if said := list(dict.fromkeys(problems)):
        raise Invalid("Not every file is here yet.", fields={"files": " ".join(said)})


def why_not(row: Upload | None) -> str | None:
    """Return why an upload is not handed in, now or when it is whole; None if it can be."""
    if row is None:
        return "A file you sent earlier is not here any more. Please choose it again."
    if row.state == UploadState.TAKEN:
        return f"“{row.name}” was handed in already."
    if row.state == UploadState.ENDED:
        return f"“{row.name}” is not here any more. Please choose it again."
    return f"“{row.name}” is empty. Choose the file again." if row.length == 0 else None


def _not_whole(row: Upload) -> str | None:
    if row.state == UploadState.WHOLE:
        return None
    return f"“{row.name}” has not arrived whole yet: {row.offset * 100 // row.length} %."


def over_limit(name: str, group: Group) -> str:
    """Return the sentence on a file that is too large for its kind."""
    return f"“{name}” is larger than {LIMITS[group] // MB:,} MB, the limit for its kind."


def not_taken(name: str) -> str:
    """Return the sentence on a file of a kind that is not taken for this."""
    return f"“{name}” is not of a kind that is taken here."
