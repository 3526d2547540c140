"""Groups that do an assignment together, and who is in them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey

LONGEST_GROUP_NAME = 60  # characters


class GroupFormation(StrEnum):
    """Who forms the groups of an assignment."""

    TRAINER = "trainer"
    STUDENTS = "students"


class AssignmentGroup(Base):
    """Students who do one assignment together. A group that handed in stays."""

    __tablename__ = "assignment_groups"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"))
    name: Mapped[str]
    members: Mapped[int] = mapped_column(server_default="0")
    """How many are in it; kept by the trigger `count_group_members`, which refuses more than the assignment allows."""
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(f"length(name) BETWEEN 1 AND {LONGEST_GROUP_NAME}", name="name"),
        CheckConstraint("members >= 0", name="members"),
        UniqueConstraint("id", "assignment_id"),
        Index("uq_assignment_groups_assignment_id_name", "assignment_id", sql("fold(name)"), unique=True),
    )


class GroupMember(Base):
    """A student in a group. The key says that nobody is in two groups of an assignment."""

    __tablename__ = "group_members"

    assignment_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), primary_key=True, index=True)
    group_id: Mapped[UUID]
    joined_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["group_id", "assignment_id"],
            ["assignment_groups.id", "assignment_groups.assignment_id"],
            name="fk_group_members_group_id",
        ),
        Index("ix_group_members_group_id_assignment_id", "group_id", "assignment_id"),
    )
