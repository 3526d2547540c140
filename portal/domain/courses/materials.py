"""Adding, editing, ordering, releasing and removing the materials of an intake, by those who teach it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from portal.domain.audit import operations as audit
from portal.domain.courses.models import Intake, IntakeTrainer, Material, MaterialKind, Module
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files import operations as files
from portal.domain.files.models import FilePurpose
from portal.domain.files.operations import StoredBytes
from portal.domain.ordering import move_by_one
from portal.domain.permissions import Actor
from portal.outbox import enqueue

LONGEST_TITLE, LONGEST_BODY, LONGEST_URL = 160, 100_000, 2_000


@dataclass(frozen=True, kw_only=True)
class AddMaterial:
    """Something to read, to follow or to open; of a file the bytes are durable already."""

    intake_id: UUID
    module_id: UUID
    kind: MaterialKind
    title: str
    body: str = ""
    url: str = ""
    file: StoredBytes | None = None
    released_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class EditMaterial:
    material_id: UUID
    module_id: UUID
    title: str
    body: str = ""
    url: str = ""


def add_material(session: Session, actor: Actor, command: AddMaterial, *, at: datetime) -> Material:
    """Add a material at the end of its module; students see it from `released_at` on, never where that is None."""
    course_id = _course_taught(session, actor, command.intake_id)
    _refuse_other_module(session, course_id, command.module_id)
    values = _checked(command.kind, command.title, command.body, command.url)
    material = Material(
        intake_id=command.intake_id,
        course_id=course_id,
        module_id=command.module_id,
        kind=command.kind,
        position=_last_position(session, command.intake_id, command.module_id) + 1,
        created_by=actor.person_id,
        created_at=at,
        **values,
    )
    if command.kind is MaterialKind.FILE:
        if command.file is None:
            raise Invalid("A file is missing.", fields={"file": "Choose a file."})
        row = files.record_file(
            session, owner_id=actor.person_id, purpose=FilePurpose.MATERIAL, stored=command.file, at=at
        )
        material.file_id = row.id
        files.attach(session, row, at=at)
    session.add(material)
    audit.record(session, actor, "material:add", material, after=values | {"kind": command.kind}, at=at)
    if command.released_at is not None:
        _release(session, actor, material, command.released_at, at=at)
    return material


def edit_material(session: Session, actor: Actor, command: EditMaterial, *, at: datetime) -> Material:
    """Change title, text or link of a material, or the module it stands in."""
    material = _material_taught(session, actor, command.material_id)
    _refuse_other_module(session, material.course_id, command.module_id)
    values = _checked(MaterialKind(material.kind), command.title, command.body, command.url)
    if command.module_id != material.module_id:
        material.position = _last_position(session, material.intake_id, command.module_id) + 1
    values["module_id"] = command.module_id
    before = {name: getattr(material, name) for name in values}
    for name, value in values.items():
        setattr(material, name, value)
    audit.record(session, actor, "material:edit", material, before=before, after=values, at=at)
    return material


def move_material(session: Session, actor: Actor, material_id: UUID, *, up: bool, at: datetime) -> Material:
    """Move a material one place up or down within its module; at either end it stays where it is."""
    material = _material_taught(session, actor, material_id)
    statement = (
        select(Material)
        .where(
            Material.intake_id == material.intake_id,
            Material.module_id == material.module_id,
            Material.removed_at.is_(None),
        )
        .order_by(Material.position, Material.id)
        .with_for_update(key_share=True)
    )
    here, there = move_by_one(session.scalars(statement).all(), material, up=up)
    if there != here:
        audit.record(session, actor, "material:move", material, before={"place": here}, after={"place": there}, at=at)
    return material


def release_material(
    session: Session, actor: Actor, material_id: UUID, *, released_at: datetime, at: datetime
) -> Material:
    """Have students see a material from this moment on, now or later; they are told when it comes."""
    material = _material_taught(session, actor, material_id)
    _release(session, actor, material, released_at, at=at)
    return material


def hide_material(session: Session, actor: Actor, material_id: UUID, *, at: datetime) -> Material:
    """Take a material back from students; trainers keep it."""
    material = _material_taught(session, actor, material_id)
    before, material.released_at = material.released_at, None
    audit.record(
        session, actor, "material:hide", material, before={"released_at": before}, after={"released_at": None}, at=at
    )
    return material


def remove_material(session: Session, actor: Actor, material_id: UUID, *, at: datetime) -> Material:
    """Take a material out of the intake; `restore_material` brings it back as it was."""
    material = _material_taught(session, actor, material_id)
    material.removed_at = at
    audit.record(session, actor, "material:remove", material, at=at)
    return material


def restore_material(session: Session, actor: Actor, material_id: UUID, *, at: datetime) -> Material:
    """Bring a removed material back to the place it had."""
    material = _material_taught(session, actor, material_id, removed=True)
    material.removed_at = None
    audit.record(session, actor, "material:restore", material, at=at)
    return material


def _release(session: Session, actor: Actor, material: Material, released_at: datetime, *, at: datetime) -> None:
    before, material.released_at = material.released_at, released_at
    audit.record(
        session, actor, "material:release", material,
        before={"released_at": before}, after={"released_at": released_at}, at=at,
    )  # fmt: skip
    key = f"materials.announce:{material.id}:{released_at.isoformat()}"
    later = released_at if released_at > at else None
    enqueue(session, "materials.announce", key=key, at=later, material_id=material.id)


def _course_taught(session: Session, actor: Actor, intake_id: UUID) -> UUID:
    """Return the course of an intake this person teaches; to others the intake does not exist."""
    statement = (
        select(Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .where(Intake.id == intake_id, IntakeTrainer.user_id == actor.id)
    )
    course_id = session.scalar(statement)
    if course_id is None:
        raise NotFound
    return course_id


def _material_taught(session: Session, actor: Actor, material_id: UUID, *, removed: bool = False) -> Material:
    """Return a material of an intake this person teaches, held until the end of the transaction."""
    teaches = exists().where(IntakeTrainer.intake_id == Material.intake_id, IntakeTrainer.user_id == actor.id)
    statement = select(Material).where(Material.id == material_id, teaches).with_for_update(key_share=True)
    material = session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if material is None or (not removed and material.removed_at is not None):
        raise NotFound
    if removed and material.removed_at is None:
        raise Conflict("This material is there already.")
    return material


def _refuse_other_module(session: Session, course_id: UUID, module_id: UUID) -> None:
    if not session.scalar(select(exists().where(Module.id == module_id, Module.course_id == course_id))):
        raise Invalid("Choose a module of this course.", fields={"module_id": "Choose one of the list."})


def _last_position(session: Session, intake_id: UUID, module_id: UUID) -> int:
    own = (Material.intake_id == intake_id) & (Material.module_id == module_id)
    return session.scalar(select(func.max(Material.position)).where(own)) or 0


def _checked(kind: MaterialKind, title: str, body: str, url: str) -> dict[str, Any]:
    problems: dict[str, str] = {}
    title, body, url = " ".join(title.split()), body.strip(), url.strip()
    if not title:
        problems["title"] = "Give it a title."
    elif len(title) > LONGEST_TITLE:
        problems["title"] = f"At most {LONGEST_TITLE} characters."
    if kind is MaterialKind.TEXT and not body:
        problems["body"] = "Write the text."
    elif len(body) > LONGEST_BODY:
        problems["body"] = f"At most {LONGEST_BODY:,} characters."
    if kind is MaterialKind.LINK and not _is_web_address(url):
        problems["url"] = "Give a whole address that starts with https:// or http://."
    if problems:
        raise Invalid("Please check the material.", fields=problems)
    return {"title": title, "body": body, "url": url if kind is MaterialKind.LINK else None}


def _is_web_address(url: str) -> bool:
    """A link that students follow leads to the web and nowhere else: no scripts, no other programs."""
    if len(url) > LONGEST_URL or any(ord(character) < 0x21 for character in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
