"""The materials a student may open: of their own intakes, released, and within what their access covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.courses.models import Course, Intake, Material, Module
from portal.domain.enrolments.access import STUDYING, open_materials
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.files.models import StoredFile


@dataclass(frozen=True)
class OwnMaterial:
    """A material in a student's list."""

    id: UUID
    kind: str
    title: str
    released_at: datetime
    file_name: str | None
    file_kind: str | None
    file_size: int | None


@dataclass(frozen=True)
class OwnModule:
    """A module of a student's course with what they may open of it."""

    id: UUID
    title: str
    materials: tuple[OwnMaterial, ...]


@dataclass(frozen=True)
class MaterialPage:
    """A material on its own page."""

    id: UUID
    intake_id: UUID
    course: str
    module: str
    kind: str
    title: str
    body: str
    url: str | None
    released_at: datetime
    file_name: str | None
    file_kind: str | None
    file_size: int | None


def modules_for(session: Session, student_id: UUID, intake_id: UUID, *, at: datetime) -> list[OwnModule]:
    """Return the modules of a student's course in order, each with the materials this student may open now."""
    whose = {"student_id": student_id, "intake_id": intake_id, "at": at}
    modules: dict[UUID, tuple[str, list[OwnMaterial]]] = {}
    for module_id, title, *material in session.execute(_modules(), whose):
        _, listed = modules.setdefault(module_id, (title, []))
        if material[0] is not None:
            listed.append(OwnMaterial(*material))
    return [OwnModule(key, title, tuple(listed)) for key, (title, listed) in modules.items()]


@cache
def _modules() -> Select[*tuple[Any, ...]]:
    """Made once: making a statement takes as long as running it."""
    openable = (
        _openable()
        .add_columns(
            Material.id,
            Material.module_id,
            Material.kind,
            Material.title,
            Material.released_at,
            Material.position,
            StoredFile.name.label("file_name"),
            StoredFile.kind.label("file_kind"),
            StoredFile.size.label("file_size"),
        )
        .outerjoin(StoredFile, StoredFile.id == Material.file_id)
        .where(Material.intake_id == bindparam("intake_id"))
        .subquery("openable")
    )
    found = openable.c
    return (
        select(
            Module.id,
            Module.title,
            found.id,
            found.kind,
            found.title,
            found.released_at,
            found.file_name,
            found.file_kind,
            found.file_size,
        )
        .join(Intake, Intake.course_id == Module.course_id)
        .outerjoin(openable, found.module_id == Module.id)
        .where(
            Intake.id == bindparam("intake_id"),
            exists().where(Enrolment.intake_id == Intake.id, Enrolment.user_id == bindparam("student_id")),
        )
        .order_by(Module.position, found.position, found.id)
    )


def material_for(session: Session, student_id: UUID, material_id: UUID, *, at: datetime) -> MaterialPage:
    """Return a material this student may open now; anything else does not exist for them."""
    statement = (
        _openable()
        .add_columns(
            Material.id,
            Material.intake_id,
            Course.title,
            Module.title,
            Material.kind,
            Material.title,
            Material.body,
            Material.url,
            Material.released_at,
            StoredFile.name,
            StoredFile.kind,
            StoredFile.size,
        )
        .join(Course, Course.id == Material.course_id)
        .join(Module, Module.id == Material.module_id)
        .outerjoin(StoredFile, StoredFile.id == Material.file_id)
        .where(Material.id == material_id)
    )
    row = session.execute(statement, {"student_id": student_id, "at": at}).one_or_none()
    if row is None:
        raise NotFound
    return MaterialPage(*row)


def material_file_for(session: Session, student_id: UUID, material_id: UUID, *, at: datetime) -> StoredFile:
    """Return the file of a material this student may open now; anything else does not exist for them."""
    statement = (
        _openable()
        .add_columns(StoredFile)
        .join(StoredFile, StoredFile.id == Material.file_id)
        .where(Material.id == material_id)
    )
    file: StoredFile | None = session.scalar(statement, {"student_id": student_id, "at": at})
    if file is None:
        raise NotFound
    return file


def is_closed(session: Session, student_id: UUID, intake_id: UUID, *, at: datetime) -> bool:
    """Return whether something was released to this intake that this student's access no longer covers."""
    statement = (
        select(Material.id)
        .join(Enrolment, Enrolment.intake_id == Material.intake_id)
        .where(
            Enrolment.user_id == student_id,
            among(Enrolment.state, sorted(STUDYING)),
            Material.intake_id == intake_id,
            Material.removed_at.is_(None),
            Material.released_at <= at,
            Material.released_at > Enrolment.access_until,
        )
    )
    return bool(session.scalar(select(exists(statement))))


def _openable() -> Select[*tuple[Any, ...]]:
    """Return a statement without columns of the materials a student may open; an intake has one studying enrolment."""
    return (
        select()
        .select_from(Material)
        .join(Enrolment, Enrolment.intake_id == Material.intake_id)
        .where(Enrolment.user_id == bindparam("student_id"), *open_materials(bindparam("at")))
    )
