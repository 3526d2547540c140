"""Live classes and the rooms they meet in. A trainer and a room can never be in two at once, nor an intake."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class LiveClassKind(StrEnum):
    CLASS = "class"
    CATCH_UP = "catch_up"


class LiveClassState(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Room(Base):
    __tablename__ = "rooms"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(unique=True)
    capacity: Mapped[int | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("capacity IS NULL OR capacity > 0", name="capacity"),)


class LiveClass(Base):
    __tablename__ = "live_classes"

    id: Mapped[PrimaryKey]
    intake_id: Mapped[UUID] = mapped_column(ForeignKey("intakes.id"))
    kind: Mapped[str] = mapped_column(server_default=LiveClassKind.CLASS)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    trainer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("rooms.id"), index=True)
    meeting_url: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=LiveClassState.SCHEDULED)
    cancelled_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(server_default="")
    sequence: Mapped[int] = mapped_column(server_default="0")
    """Grows with every change of time or place, for calendars (RFC 5545, 3.8.7.4)."""
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        one_of("kind", LiveClassKind, "kind"),
        one_of("state", LiveClassState, "state"),
        CheckConstraint("ends_at > starts_at AND ends_at <= starts_at + interval '8 hours'", name="duration"),
        CheckConstraint("room_id IS NOT NULL OR meeting_url IS NOT NULL", name="place"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        ExcludeConstraint(
            ("trainer_id", "="),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            name="ex_live_classes_trainer",
            where=text("state <> 'cancelled'"),
        ),
        ExcludeConstraint(
            ("room_id", "="),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            name="ex_live_classes_room",
            where=text("state <> 'cancelled'"),
        ),
        ExcludeConstraint(
            ("intake_id", "="),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            name="ex_live_classes_intake",
            where=text("state <> 'cancelled' AND kind = 'class'"),
        ),
        Index("ix_live_classes_starts_at_id", "starts_at", "id"),
        Index("ix_live_classes_intake_id_starts_at", "intake_id", "starts_at"),
    )
