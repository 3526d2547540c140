"""What a trainer keeps for feedback."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey


class FeedbackPhrase(Base):
    """Words that a trainer puts into feedback again and again."""

    __tablename__ = "feedback_phrases"

    id: Mapped[PrimaryKey]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str]
    saved_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("length(text) BETWEEN 1 AND 2000", name="text"),
        Index("uq_feedback_phrases_owner_id_text", "owner_id", sql("md5(text)"), unique=True),
    )
