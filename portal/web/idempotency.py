"""Answers kept by Idempotency-Key, so that a client may repeat a POST whose answer it never saw."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey


class IdempotentRequest(Base):
    __tablename__ = "idempotent_requests"

    id: Mapped[PrimaryKey]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    key: Mapped[str]
    fingerprint: Mapped[str]
    """SHA-256 of method, path and body: the same key with another body is refused."""
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    """Null while the first request is still at work."""
    body: Mapped[dict[str, Any] | None]
    location: Mapped[str | None]

    __table_args__ = (
        Index("uq_idempotent_requests_user_id_key", "user_id", "key", unique=True, postgresql_nulls_not_distinct=True),
        Index("ix_idempotent_requests_created_at", "created_at"),
    )
