"""Files that belong to the brief of an assignment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey


class Attachment(Base):
    """A file of a brief. Once work was handed in it is archived and never removed: the trigger `keep_attachments`."""

    __tablename__ = "attachments"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"))
    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), unique=True)
    position: Mapped[int]
    added_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    added_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    archived_at: Mapped[datetime | None]
    """Since when students no longer see it."""

    __table_args__ = (
        CheckConstraint("position > 0", name="position"),
        Index("ix_attachments_assignment_id_position", "assignment_id", "position"),
    )
