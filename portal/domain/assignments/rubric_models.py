"""Rubrics, their versions, and the levels by which work was marked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey


class Rubric(Base):
    """Criteria that work is marked by, of a trainer, and usable by all who teach the course where it names one."""

    __tablename__ = "rubrics"

    id: Mapped[PrimaryKey]
    title: Mapped[str]
    course_id: Mapped[UUID | None] = mapped_column(ForeignKey("courses.id"), index=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class RubricVersion(Base):
    """A rubric as it was saved once; it never changes, so that marked work does not change under it."""

    __tablename__ = "rubric_versions"

    id: Mapped[PrimaryKey]
    rubric_id: Mapped[UUID] = mapped_column(ForeignKey("rubrics.id"))
    number: Mapped[int]
    title: Mapped[str]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("rubric_id", "number"), CheckConstraint("number > 0", name="number"))


class RubricCriterion(Base):
    __tablename__ = "rubric_criteria"

    id: Mapped[PrimaryKey]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("rubric_versions.id"))
    position: Mapped[int]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (UniqueConstraint("version_id", "position"),)


class RubricLevel(Base):
    __tablename__ = "rubric_levels"

    id: Mapped[PrimaryKey]
    criterion_id: Mapped[UUID] = mapped_column(ForeignKey("rubric_criteria.id"))
    position: Mapped[int]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    points: Mapped[Decimal] = mapped_column(Numeric(6, 2))

    __table_args__ = (
        UniqueConstraint("criterion_id", "position"),
        UniqueConstraint("criterion_id", "id"),
        CheckConstraint("points >= 0", name="points"),
    )


class GradeLevel(Base):
    """The level that was chosen for one criterion of a mark, append-only as the mark itself."""

    __tablename__ = "grade_levels"

    grade_id: Mapped[UUID] = mapped_column(ForeignKey("grades.id"), primary_key=True)
    criterion_id: Mapped[UUID] = mapped_column(primary_key=True)
    level_id: Mapped[UUID]
    comment: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        ForeignKeyConstraint(
            ["criterion_id", "level_id"],
            ["rubric_levels.criterion_id", "rubric_levels.id"],
            name="fk_grade_levels_level",
        ),
        Index("ix_grade_levels_criterion_id_level_id", "criterion_id", "level_id"),
    )
