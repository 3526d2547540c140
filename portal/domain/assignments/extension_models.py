"""More time at an assignment, and the dates that it moves."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class ExtensionKind(StrEnum):
    """How a student came to more time: asked for, taken as of right, or given unasked."""

    ASKED = "asked"
    AUTOMATIC = "automatic"
    GIVEN = "given"


class ExtensionState(StrEnum):
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Extension(Base):
    """More time for one student at one assignment; what is granted moves due date and cut-off by its hours."""

    __tablename__ = "extensions"

    id: Mapped[PrimaryKey]
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"))
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"), index=True)
    kind: Mapped[str]
    state: Mapped[str]
    hours: Mapped[int]
    """Asked for, and once granted what was given."""
    automatic_number: Mapped[int | None]
    """Which of the automatic ones of its enrolment this is."""
    reason: Mapped[str] = mapped_column(server_default="")
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    asked_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        one_of("kind", ExtensionKind, "kind"),
        one_of("state", ExtensionState, "state"),
        CheckConstraint("hours BETWEEN 1 AND 720", name="hours"),
        CheckConstraint("(kind = 'automatic') = (automatic_number IS NOT NULL)", name="automatic"),
        CheckConstraint(
            "automatic_number IS NULL OR (automatic_number IN (1, 2) AND hours = 24)", name="automatic_hours"
        ),
        CheckConstraint("kind = 'asked' OR state = 'granted'", name="granted_at_once"),
        CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)", name="decided"
        ),
        UniqueConstraint("enrolment_id", "automatic_number"),
        Index("ix_extensions_enrolment_id_assignment_id", "enrolment_id", "assignment_id"),
        Index(
            "uq_extensions_asked", "enrolment_id", "assignment_id", unique=True, postgresql_where=sql("state = 'asked'")
        ),
    )


class ExtendedDate(Base):
    """By how many hours the dates of an assignment are moved for a student: the sum of what was granted.

    Who is in a group has the latest dates of all its members. Kept by the triggers `keep_extended_dates` and
    `count_group_members`, so that a list is sorted by them without adding up.
    """

    __tablename__ = "extended_dates"

    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"), primary_key=True, index=True)
    hours: Mapped[int]

    __table_args__ = (CheckConstraint("hours > 0", name="hours"),)
