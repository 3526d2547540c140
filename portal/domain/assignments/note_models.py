"""Notes that are pinned to a place in a file that was handed in: a moment, a point, a page, a point of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class NoteState(StrEnum):
    OPEN = "open"
    DONE = "done"


class ReviewNote(Base):
    """What a trainer says to a place in the work. It stays with the file; later attempts show it while it is open."""

    __tablename__ = "review_notes"

    id: Mapped[PrimaryKey]
    submission_id: Mapped[UUID]
    file_id: Mapped[UUID]
    milliseconds: Mapped[int | None] = mapped_column(BigInteger)
    """From the beginning of a sound or video."""
    x: Mapped[int | None]
    """Thousandths of the width from the left, of a picture or of the page; `y` of the height from the top."""
    y: Mapped[int | None]
    page: Mapped[int | None]
    text: Mapped[str]
    voice_id: Mapped[UUID | None] = mapped_column(ForeignKey("files.id"), unique=True)
    """The same said aloud."""
    author_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default=NoteState.OPEN)
    done_at: Mapped[datetime | None]
    done_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    key: Mapped[str]
    """Made with the form, so that a note sent twice is one note."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["submission_id", "file_id"], ["submission_files.submission_id", "submission_files.file_id"]
        ),
        UniqueConstraint("author_id", "key"),
        one_of("state", NoteState, "state"),
        CheckConstraint(
            "(milliseconds IS NULL OR num_nonnulls(x, page) = 0) AND num_nonnulls(x, y) <> 1", name="place"
        ),
        CheckConstraint(
            "milliseconds >= 0 AND x BETWEEN 0 AND 1000 AND y BETWEEN 0 AND 1000 AND page > 0", name="measures"
        ),
        CheckConstraint("text <> ''", name="text"),
        CheckConstraint(
            "(state = 'done') = (done_at IS NOT NULL) AND num_nonnulls(done_at, done_by) <> 1", name="done"
        ),
        Index("ix_review_notes_submission_id_file_id", "submission_id", "file_id"),
    )


class ReviewReply(Base):
    """What was answered to a note, by the student or the trainer."""

    __tablename__ = "review_replies"

    id: Mapped[PrimaryKey]
    note_id: Mapped[UUID] = mapped_column(ForeignKey("review_notes.id"), index=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    text: Mapped[str]
    created_at: Mapped[datetime]
    key: Mapped[str]

    __table_args__ = (UniqueConstraint("author_id", "key"), CheckConstraint("text <> ''", name="text"))


class NoteDraft(Base):
    """A note that a trainer has begun and not yet put there: kept as typed."""

    __tablename__ = "note_drafts"

    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    author_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    position: Mapped[int]
    """Of the file in the list."""
    place: Mapped[str]
    text: Mapped[str]
    saved_at: Mapped[datetime]
