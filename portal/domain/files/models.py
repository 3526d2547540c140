"""Files: what is known of the bytes in the store. A file has no address of its own."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class FilePurpose(StrEnum):
    SUBMISSION = "submission"
    MATERIAL = "material"
    BRIEF = "brief"


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
    attached_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("purpose", FilePurpose, "purpose"),
        one_of("state", FileState, "state"),
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_files_unattached", "stored_at", postgresql_where=text("state IN ('receiving', 'stored')")),
    )
