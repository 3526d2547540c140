"""The catalogue and its runs: courses, modules, intakes with their trainers and seats, materials."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Pesewas, PrimaryKey, one_of, trigram_index


class Level(StrEnum):
    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class CourseState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class MaterialKind(StrEnum):
    TEXT = "text"
    LINK = "link"
    FILE = "file"


class Course(Base):
    __tablename__ = "courses"

    id: Mapped[PrimaryKey]
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    """Markdown."""
    category: Mapped[str]
    level: Mapped[str]
    weeks: Mapped[int]
    price_pesewas: Mapped[Pesewas]
    currency: Mapped[str] = mapped_column(server_default="GHS")
    outcomes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    syllabus: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default=CourseState.DRAFT)
    drafted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    published_at: Mapped[datetime | None]
    search_text: Mapped[str] = mapped_column(
        Computed("fold(title || ' ' || summary || ' ' || category)", persisted=True)
    )
    sort_key: Mapped[str] = mapped_column(Computed("fold(title)", persisted=True))

    __table_args__ = (
        one_of("level", Level, "level"),
        one_of("state", CourseState, "state"),
        CheckConstraint("weeks BETWEEN 1 AND 208", name="weeks"),
        CheckConstraint("price_pesewas >= 0", name="price"),
        CheckConstraint("currency = 'GHS'", name="currency"),
        trigram_index("ix_courses_search_text"),
        Index("ix_courses_state_sort_key_id", "state", "sort_key", "id"),
    )


class Module(Base):
    __tablename__ = "modules"

    id: Mapped[PrimaryKey]
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id"))
    title: Mapped[str]
    position: Mapped[int]

    __table_args__ = (
        UniqueConstraint("course_id", "position", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("id", "course_id"),
    )


class Intake(Base):
    """One run of a course. Everything dated belongs to an intake."""

    __tablename__ = "intakes"

    id: Mapped[PrimaryKey]
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id"), index=True)
    title: Mapped[str]
    """What tells this run from the others of its course, such as "January 2027"."""
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    application_deadline: Mapped[date]
    seats: Mapped[int]
    seats_taken: Mapped[int] = mapped_column(server_default="0")
    """Kept by a trigger on `seats`; the check beneath refuses one row too many."""
    price_pesewas: Mapped[Pesewas]
    application_fee_pesewas: Mapped[Pesewas] = mapped_column(server_default="10000")
    currency: Mapped[str] = mapped_column(server_default="GHS")
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    search_text: Mapped[str] = mapped_column(Computed("fold(title)", persisted=True))

    __table_args__ = (
        CheckConstraint("ends_on > starts_on", name="dates"),
        CheckConstraint("application_deadline <= ends_on", name="deadline"),
        CheckConstraint("seats > 0", name="seats"),
        CheckConstraint("seats_taken BETWEEN 0 AND seats", name="seats_taken"),
        CheckConstraint("price_pesewas >= 0 AND application_fee_pesewas >= 0", name="price"),
        CheckConstraint("currency = 'GHS'", name="currency"),
        UniqueConstraint("course_id", "title"),
        UniqueConstraint("id", "course_id"),
        Index("ix_intakes_starts_on_id", "starts_on", "id"),
        trigram_index("ix_intakes_search_text"),
    )


class IntakeTrainer(Base):
    __tablename__ = "intake_trainers"

    intake_id: Mapped[UUID] = mapped_column(ForeignKey("intakes.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)


class Seat(Base):
    __tablename__ = "seats"

    intake_id: Mapped[UUID] = mapped_column(ForeignKey("intakes.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    taken_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Material(Base):
    """Something to read, follow or open, in a module of an intake's course; students see it once released."""

    __tablename__ = "materials"

    id: Mapped[PrimaryKey]
    intake_id: Mapped[UUID]
    module_id: Mapped[UUID] = mapped_column(index=True)
    course_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str] = mapped_column(server_default="")
    """Markdown; of a text the text itself, otherwise a note beside it."""
    url: Mapped[str | None]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("files.id"), unique=True)
    position: Mapped[int] = mapped_column(server_default="0")
    released_at: Mapped[datetime | None]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("kind", MaterialKind, "kind"),
        CheckConstraint("(kind = 'link') = (url IS NOT NULL)", name="link_has_url"),
        CheckConstraint("(kind = 'file') = (file_id IS NOT NULL)", name="file_has_file"),
        ForeignKeyConstraint(
            ["intake_id", "course_id"], ["intakes.id", "intakes.course_id"], name="fk_materials_intake"
        ),
        ForeignKeyConstraint(
            ["module_id", "course_id"], ["modules.id", "modules.course_id"], name="fk_materials_module"
        ),
        Index("ix_materials_intake_id_module_id_position", "intake_id", "module_id", "position"),
    )
