"""Files: what is known of the bytes in the store, and of those still on their way. A file has no address of its own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of
from portal.domain.files.kinds import LARGEST


class FilePurpose(StrEnum):
    SUBMISSION = "submission"
    MATERIAL = "material"
    BRIEF = "brief"
    COPY = "copy"
    """Made by the portal of another file, for the screen: see `FileCopy`."""
    NOTE = "note"
    """A voice that says a note."""


class FileState(StrEnum):
    RECEIVING = "receiving"
    STORED = "stored"
    ATTACHED = "attached"
    DELETED = "deleted"


class StoredFile(Base):
    __tablename__ = "files"

    id: Mapped[PrimaryKey]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    purpose: Mapped[str]
    state: Mapped[str]
    name: Mapped[str]
    """What its owner calls it; never used as a path."""
    kind: Mapped[str]
    """Media type decided by content."""
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    storage_key: Mapped[str] = mapped_column(unique=True)
    stored_at: Mapped[datetime]
    wanted_until: Mapped[datetime | None]
    """Until when it is kept though it belongs to nothing yet; null: for a day."""
    attached_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    to_look_into: Mapped[bool] = mapped_column(server_default="false")
    """Whether it was handed in, is of a kind that has small copies, and nobody has begun to make them."""

    __table_args__ = (
        one_of("purpose", FilePurpose, "purpose"),
        one_of("state", FileState, "state"),
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_files_unattached", "stored_at", postgresql_where=text("state IN ('receiving', 'stored')")),
        Index("ix_files_to_look_into", "id", postgresql_where=text("to_look_into")),
    )


class FactsState(StrEnum):
    """How far the portal is with looking into a file."""

    WAITING = "waiting"
    READY = "ready"
    CANNOT_BE_SHOWN = "cannot_be_shown"


class CopyPurpose(StrEnum):
    """What a copy is for."""

    SMALL = "small"
    """A video of 360 lines that plays everywhere."""
    SOUND = "sound"
    """The sound alone, with the same times."""
    PREVIEW = "preview"
    """A picture for the screen."""


class FileFacts(Base):
    """What the portal read in a picture, a sound or a video; no row: it has not begun to."""

    __tablename__ = "file_facts"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), primary_key=True)
    state: Mapped[str] = mapped_column(server_default=FactsState.WAITING)
    why: Mapped[str | None]
    """Why it cannot be shown, in words."""
    tries: Mapped[int] = mapped_column(server_default="0")
    """How often it was begun to be read."""
    asked_at: Mapped[datetime]
    """When the portal last set out to read it."""
    done_at: Mapped[datetime | None]
    milliseconds: Mapped[int | None] = mapped_column(BigInteger)
    width: Mapped[int | None]
    """As it is shown, upright; so the next."""
    height: Mapped[int | None]
    codec: Mapped[str | None]
    sound_codec: Mapped[str | None]
    frames: Mapped[int | None]
    per_seconds: Mapped[int | None]
    """`frames` in so many seconds, as videos count: 30000 in 1001."""
    pages: Mapped[int | None]
    """Of a document; of a long one only the first are drawn."""

    __table_args__ = (
        one_of("state", FactsState, "state"),
        CheckConstraint("(state = 'cannot_be_shown') = (why IS NOT NULL)", name="why"),
        CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name="done"),
        CheckConstraint("tries >= 0", name="tries"),
        CheckConstraint("milliseconds >= 0 AND width > 0 AND height > 0", name="measures"),
        CheckConstraint("num_nonnulls(width, height) <> 1", name="size"),
        CheckConstraint("pages > 0", name="pages"),
        CheckConstraint("num_nonnulls(frames, per_seconds) <> 1 AND frames > 0 AND per_seconds > 0", name="rate"),
        Index("ix_file_facts_waiting", "asked_at", postgresql_where=text("state = 'waiting'")),
    )


class FileCopy(Base):
    """A file that the portal made of another one. Each purpose is made once."""

    __tablename__ = "file_copies"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    copy_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), unique=True)

    __table_args__ = (
        one_of("purpose", CopyPurpose, "purpose"),
        CheckConstraint("file_id <> copy_id", name="of_another"),
    )


class FilePage(Base):
    """A page of a document as a picture, which is a file like any copy."""

    __tablename__ = "file_pages"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    copy_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), unique=True)
    width: Mapped[int]
    """In pixels; so the next."""
    height: Mapped[int]

    __table_args__ = (
        CheckConstraint("page > 0 AND width > 0 AND height > 0", name="measures"),
        CheckConstraint("file_id <> copy_id", name="of_another"),
    )


class UploadState(StrEnum):
    RECEIVING = "receiving"
    WHOLE = "whole"
    TAKEN = "taken"
    ENDED = "ended"


OPEN = (UploadState.RECEIVING, UploadState.WHOLE)
"""States in which an upload counts against what its owner may have under way."""


class UploadEnd(StrEnum):
    """Why an upload ended without being used."""

    TERMINATED = "terminated"
    REFUSED = "refused"
    EXPIRED = "expired"
    LOST = "lost"
    RESTORED = "restored"


class Upload(Base):
    """A file that arrives in pieces, over as many lines as it takes; used once, for what it was begun for."""

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Its public name, which nobody can guess; also the name of the file its bytes are gathered in."""
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    purpose: Mapped[str]
    subject_id: Mapped[UUID]
    """What it is for, such as an assignment; this domain does not know what that is."""
    for_id: Mapped[UUID | None]
    """For whom, such as an enrolment, where its owner sends it for somebody else."""
    length: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """So many bytes are on the disk and were acknowledged; never fewer later."""
    name: Mapped[str]
    """What its owner calls it; never used as a path."""
    client_metadata: Mapped[str] = mapped_column(server_default="")
    """What the client said of it, word for word, to be told again; only the name is ever read."""
    key: Mapped[str | None]
    """What its client calls the beginning: sent again with it, it is the same upload."""
    accepted: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    """Groups of kinds that are taken for it; empty: all."""
    state: Mapped[str] = mapped_column(server_default=UploadState.RECEIVING)
    kind: Mapped[str | None]
    """Media type decided by content, once it is whole; so are the next two."""
    sha256: Mapped[str | None]
    storage_key: Mapped[str | None] = mapped_column(unique=True)
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("files.id"), unique=True)
    """The file it became; it becomes one once."""
    created_at: Mapped[datetime]
    last_received_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]

    __table_args__ = (
        one_of("purpose", FilePurpose, "purpose"),
        one_of("state", UploadState, "state"),
        one_of("ended_because", UploadEnd, "ended_because"),
        CheckConstraint("id ~ '^[0-9a-f]{48}$'", name="id"),
        CheckConstraint(f"length BETWEEN 0 AND {LARGEST}", name="length"),
        CheckConstraint("key ~ '^[!-~]{1,200}$'", name="key"),
        CheckConstraint('"offset" BETWEEN 0 AND length', name="offset"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint(
            "state <> 'receiving' OR ((\"offset\" < length OR length = 0) "
            "AND num_nonnulls(kind, sha256, storage_key) = 0)",
            name="receiving",
        ),
        CheckConstraint(
            "state NOT IN ('whole', 'taken') OR (\"offset\" = length AND num_nulls(kind, sha256, storage_key) = 0)",
            name="whole",
        ),
        CheckConstraint("(state = 'taken') = (file_id IS NOT NULL)", name="taken"),
        CheckConstraint("(state IN ('taken', 'ended')) = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("(state = 'ended') = (ended_because IS NOT NULL)", name="ended"),
        Index("uq_uploads_owner_id_key", "owner_id", "key", unique=True, postgresql_where=text("key IS NOT NULL")),
        Index("ix_uploads_open", "expires_at", postgresql_where=text("state IN ('receiving', 'whole')")),
        Index("ix_uploads_closed", "closed_at", postgresql_where=text("state IN ('taken', 'ended')")),
    )


class UploadLease(Base):
    """Who writes to an upload now. It ends by itself when its holder no longer renews it."""

    __tablename__ = "upload_leases"

    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"), primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[datetime]
    """By the clock of the database, which all workers share."""

    __table_args__ = (Index("ix_upload_leases_expires_at", "expires_at"),)


class UploadMinute(Base):
    """How far an upload was at a moment of a minute: what a deadline asks. `progress` says which moments are kept."""

    __tablename__ = "upload_minutes"

    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    offset: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint("received_at >= minute AND received_at < minute + interval '1 minute'", name="minute"),
        CheckConstraint('"offset" >= 0', name="offset"),
    )
