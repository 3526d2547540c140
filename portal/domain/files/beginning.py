"""Beginning to send a file: what is offered, what is refused before it costs data, and a repeat that begins nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.errors import Conflict, Invalid, NoRoom, TooLarge
from portal.domain.files.kinds import GB, LIMITS, MB, Group, group_by_name, refuse_by_name
from portal.domain.files.models import OPEN, FilePurpose, Upload, UploadState
from portal.domain.files.uploads import IDLE, KnownUpload, known, not_taken, over_limit, there

MOST_BYTES = 10 * GB  # of one person, under way and waiting to be used
MOST_RECEIVING = 10  # of one person at once; a page sends two or three side by side
MOST_OPEN = 100  # with those that are whole and wait to be used
NAMESPACE = "uploads:"  # keeps these keys apart from other advisory locks
TOLD_AT_THE_BEGINNING = ("purpose", "subject_id", "for_id", "length", "client_metadata")


@dataclass(frozen=True, kw_only=True)
class NewUpload:
    """What somebody offers to send, and what it is for."""

    purpose: FilePurpose
    subject_id: UUID
    length: int
    name: str
    """Cleaned for display."""
    client_metadata: str = ""
    accepted: tuple[str, ...] = ()
    """Groups of kinds that are taken; empty: all."""
    for_id: UUID | None = None
    """For whom, where its owner sends it for somebody else."""
    key: str | None = None
    """What its client calls this beginning, so that a repeat of it begins nothing."""


class Room(Protocol):
    """The disk on which bytes would be kept."""

    @property
    def full(self) -> bool:
        """Whether new video stops."""

    @property
    def free_bytes(self) -> int: ...


def begin_upload(session: Session, owner_id: UUID, new: NewUpload, room: Room, *, at: datetime) -> KnownUpload:
    """Return an upload that may now be sent; whoever asks has made sure that it is taken for its subject."""
    _refuse_by_shape(new)
    _refuse_by_room(new, room)
    _lock(session, owner_id)
    _refuse_by_quota(session, owner_id, new)
    row = Upload(
        id=secrets.token_hex(24),
        owner_id=owner_id,
        purpose=new.purpose,
        subject_id=new.subject_id,
        for_id=new.for_id,
        length=new.length,
        offset=0,
        name=new.name,
        client_metadata=new.client_metadata,
        key=new.key,
        accepted=list(new.accepted),
        state=UploadState.RECEIVING,
        created_at=at,
        last_received_at=at,
        expires_at=at + IDLE,
    )
    session.add(row)
    session.flush()
    return known(row)


def begun_already(session: Session, owner_id: UUID, new: NewUpload) -> KnownUpload | None:
    """Return what this person began with the same key; refuse a key that began something else."""
    if new.key is None:
        return None
    _lock(session, owner_id)
    row = session.execute(select(Upload).where(Upload.owner_id == owner_id, Upload.key == new.key)).scalar_one_or_none()
    if row is None:
        return None
    if any(getattr(row, name) != getattr(new, name) for name in TOLD_AT_THE_BEGINNING):
        raise Invalid("This Idempotency-Key was used for another file.")
    return known(there(row))


def _lock(session: Session, owner_id: UUID) -> None:
    """Have what one person begins come one after the other, until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{NAMESPACE}{owner_id}", 0))))


def _refuse_by_shape(new: NewUpload) -> None:
    """Refuse what its name and length alone tell: the name is a hint, the bytes decide when they are here."""
    refuse_by_name(new.name)
    hint = group_by_name(new.name)
    if hint and new.accepted and hint.value not in new.accepted:
        raise Invalid(not_taken(new.name))
    possible = [hint] if hint else [Group(group) for group in new.accepted] or list(Group)
    largest = max(LIMITS[group] for group in possible)
    if new.length > largest:
        raise TooLarge(over_limit(new.name, hint) if hint else f"“{new.name}” is larger than {largest // MB:,} MB.")


def _refuse_by_room(new: NewUpload, room: Room) -> None:
    if new.length > room.free_bytes:
        raise NoRoom("The portal's disk has no room for this file. Give a link to it, and tell the office.")
    hint = group_by_name(new.name)
    if room.full and (hint is Group.VIDEO or (hint is None and new.length > LIMITS[Group.RAW])):
        raise NoRoom(
            f"“{new.name}” cannot be taken: the portal's disk is nearly full, so it takes no video now. "
            "Hand in everything else, give a link to the video, and tell the office."
        )


def _refuse_by_quota(session: Session, owner_id: UUID, new: NewUpload) -> None:
    statement = select(
        func.count(),
        func.count().filter(Upload.state == UploadState.RECEIVING),
        func.coalesce(func.sum(Upload.length), 0),
    ).where(Upload.owner_id == owner_id, among(Upload.state, OPEN))
    opened, under_way, length = session.execute(statement).one()
    if under_way >= MOST_RECEIVING:
        raise Conflict(f"{under_way} files of yours are on their way. Let one arrive or cancel one, then go on.")
    if opened >= MOST_OPEN:
        raise Conflict(f"{opened} files of yours wait to be used. Hand them in or remove some, then go on.")
    if length + new.length > MOST_BYTES:
        raise TooLarge(
            f"With “{new.name}” more than {MOST_BYTES // GB} GB of yours would be on the way. "
            "Hand in what has arrived, or remove some of it, then go on."
        )
