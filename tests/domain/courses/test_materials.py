"""Materials in the hands of those who teach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.domain.courses import materials, queries
from portal.domain.courses.materials import AddMaterial, EditMaterial
from portal.domain.courses.models import MaterialKind
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files.models import FileState, StoredFile
from portal.domain.files.operations import StoredBytes
from tests.cast import Cast, actor
from tests.factories import make_material, make_module

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def new(cast: Cast, **values: Any) -> AddMaterial:
    known: dict[str, Any] = {
        "intake_id": cast.intake.id,
        "module_id": cast.module.id,
        "kind": MaterialKind.TEXT,
        "title": "Three-point light",
        "body": "Key, fill, back.",
    }
    return AddMaterial(**(known | values))


def titles(world: Session, intake_id: UUID) -> list[str]:
    return [material.title for module in queries.materials_of(world, intake_id) for material in module.materials]


def test_a_trainer_adds_a_text_that_students_see_at_once(world: Session, cast: Cast) -> None:
    added = materials.add_material(world, actor(cast.kofi), new(cast, released_at=AT), at=AT)
    assert added.released_at == AT
    assert titles(world, cast.intake.id) == ["Three-point light"]


def test_the_trainer_of_another_intake_finds_nothing_there(world: Session, cast: Cast) -> None:
    mine = make_material(world, cast.intake, cast.module, cast.kofi)
    yaw = actor(cast.yaw)
    for act in (
        lambda: materials.add_material(world, yaw, new(cast), at=AT),
        lambda: materials.remove_material(world, yaw, mine.id, at=AT),
        lambda: materials.hide_material(world, yaw, mine.id, at=AT),
        lambda: materials.release_material(world, yaw, mine.id, released_at=AT, at=AT),
        lambda: materials.move_material(world, yaw, mine.id, up=True, at=AT),
        lambda: queries.material_taught_by(world, cast.yaw.id, mine.id),
        lambda: queries.intake_taught_by(world, cast.yaw.id, cast.intake.id),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_admin_who_is_not_named_trainer_does_not_touch_materials(world: Session, cast: Cast) -> None:
    with pytest.raises(NotFound):
        materials.add_material(world, actor(cast.efua), new(cast), at=AT)


def test_a_module_of_another_course_is_refused(world: Session, cast: Cast) -> None:
    elsewhere = make_module(world, cast.film)
    with pytest.raises(Invalid):
        materials.add_material(world, actor(cast.kofi), new(cast, module_id=elsewhere.id), at=AT)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://", "ftp://example.org/x", "//example.org", "https://exa mple.org", ""]
)
def test_a_link_leads_to_the_web_and_nowhere_else(world: Session, cast: Cast, address: str) -> None:
    with pytest.raises(Invalid) as refused:
        materials.add_material(world, actor(cast.kofi), new(cast, kind=MaterialKind.LINK, url=address), at=AT)
    assert "url" in refused.value.fields


def test_a_file_is_attached_with_its_material(world: Session, cast: Cast) -> None:
    stored = StoredBytes(key="ab/cd", size=5, sha256="0" * 64, kind="application/pdf", name="Notes.pdf")
    added = materials.add_material(world, actor(cast.kofi), new(cast, kind=MaterialKind.FILE, file=stored), at=AT)
    assert world.get_one(StoredFile, added.file_id).state == FileState.ATTACHED
    assert queries.material_file_taught_by(world, cast.kofi.id, added.id).name == "Notes.pdf"
    with pytest.raises(Invalid):
        materials.add_material(world, actor(cast.kofi), new(cast, kind=MaterialKind.FILE), at=AT)


def test_materials_move_within_their_module(world: Session, cast: Cast) -> None:
    kofi = actor(cast.kofi)
    rows = [materials.add_material(world, kofi, new(cast, title=name), at=AT) for name in "ABC"]
    materials.move_material(world, kofi, rows[2].id, up=True, at=AT)
    materials.move_material(world, kofi, rows[0].id, up=True, at=AT)
    assert titles(world, cast.intake.id) == ["A", "C", "B"]
    materials.move_material(world, kofi, rows[0].id, up=False, at=AT)
    assert titles(world, cast.intake.id) == ["C", "A", "B"]


def test_an_edited_material_may_change_its_module(world: Session, cast: Cast) -> None:
    kofi, other = actor(cast.kofi), make_module(world, cast.photography, title="Lenses", position=2)
    added = materials.add_material(world, kofi, new(cast), at=AT)
    command = EditMaterial(material_id=added.id, module_id=other.id, title="Wide and long", body="Angles.")
    materials.edit_material(world, kofi, command, at=AT)
    [_, lenses] = queries.materials_of(world, cast.intake.id)
    assert [material.title for material in lenses.materials] == ["Wide and long"]


def test_a_removed_material_comes_back_as_it_was(world: Session, cast: Cast) -> None:
    kofi = actor(cast.kofi)
    added = materials.add_material(world, kofi, new(cast, released_at=AT), at=AT)
    materials.remove_material(world, kofi, added.id, at=AT)
    assert titles(world, cast.intake.id) == []
    with pytest.raises(NotFound):
        materials.hide_material(world, kofi, added.id, at=AT)
    materials.restore_material(world, kofi, added.id, at=AT)
    assert titles(world, cast.intake.id) == ["Three-point light"]
    assert added.released_at == AT
    with pytest.raises(Conflict):
        materials.restore_material(world, kofi, added.id, at=AT)


def test_the_announcement_waits_for_the_moment_of_release(world: Session, cast: Cast) -> None:
    later = AT + timedelta(days=2)
    added = materials.add_material(world, actor(cast.kofi), new(cast, released_at=later), at=AT)
    jobs = text(
        "SELECT scheduled_at FROM procrastinate_jobs "
        "WHERE task_name = 'materials.announce' AND args->>'material_id' = :id"
    )
    assert world.execute(jobs, {"id": str(added.id)}).scalar_one() == later
    assert world.scalar(select(func.count()).select_from(StoredFile)) == 0
