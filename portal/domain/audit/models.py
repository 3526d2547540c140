"""The audit trail: entries, their erasable details, and the seals that chain them. All append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey


class AuditEntry(Base):
    __tablename__ = "audit_entries"

    id: Mapped[PrimaryKey]
    at: Mapped[datetime]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    actor: Mapped[str]
    """`person`, `api-key:<id>`, `system:<job>` or `provider:<name>`."""
    action: Mapped[str]
    """`subject:verb`, such as `enrolment:withdraw`."""
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    for_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    fields: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    digest: Mapped[str] = mapped_column(server_default="")
    """Salted SHA-256 of the details, which stays when they are erased."""
    address: Mapped[str | None] = mapped_column(INET())
    request_id: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        Index("ix_audit_entries_at_id", "at", "id"),
        Index("ix_audit_entries_subject", "subject_type", "subject_id"),
        Index("ix_audit_entries_action_at", "action", "at"),
    )


class AuditDetail(Base):
    """Personal values before and after a change; may be erased, the entry stays."""

    __tablename__ = "audit_details"

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), primary_key=True)
    salt: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB())
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB())


class AuditSeal(Base):
    """The place of an entry in the chain: its own hash, and the seal that includes the one before."""

    __tablename__ = "audit_seals"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    row_hash: Mapped[str]
    previous_seal: Mapped[str]
    seal: Mapped[str]
    sealed_at: Mapped[datetime]
