"""Enrolments: a student in an intake."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class EnrolmentState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"
    DEFERRED = "deferred"


CURRENT = (EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED, EnrolmentState.COMPLETED)
"""The states in which a person belongs to an intake: one enrolment at a time is in one of them."""


class Enrolment(Base):
    __tablename__ = "enrolments"

    id: Mapped[PrimaryKey]
    intake_id: Mapped[UUID] = mapped_column(ForeignKey("intakes.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    state: Mapped[str] = mapped_column(server_default=EnrolmentState.ACTIVE)
    access_until: Mapped[datetime | None]
    """When materials released later and joining of online classes close; null: unlimited."""
    enrolled_at: Mapped[datetime]
    enrolled_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        one_of("state", EnrolmentState, "state"),
        CheckConstraint("(state IN ('active', 'suspended')) = (ended_at IS NULL)", name="ended"),
        Index(
            "uq_enrolments_intake_id_user_id_current",
            "intake_id",
            "user_id",
            unique=True,
            postgresql_where=text("state IN ('active', 'suspended', 'completed')"),
        ),
    )
