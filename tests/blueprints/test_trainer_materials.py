"""Materials on the trainer's pages, and the trainer's courses and intakes."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.courses.models import Course, Material, Module
from portal.domain.files.models import StoredFile
from tests.cast import Cast
from tests.factories import make_enrolment, make_material, make_module, make_user
from tests.pages import assert_page_and_fragment, parse, words
from tests.queries import QueryCounter

SignIn = Callable[..., FlaskClient]
CountQueries = Callable[[], AbstractContextManager[QueryCounter]]
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


def materials_url(cast: Cast) -> str:
    return f"/trainer/intakes/{cast.intake.id}/materials"


def the_material(world: Session) -> Material:
    world.expire_all()
    return world.scalars(select(Material)).one()


def test_a_trainer_adds_a_text_now(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    form = {
        "module_id": cast.module.id,
        "title": "Key and fill",
        "body": "One light first.",
        "release": "now",
        "released_at": "",
    }
    answer = kofi.post(f"{materials_url(cast)}/new/text", data=form)
    assert (answer.status_code, answer.location) == (303, materials_url(cast))
    assert the_material(world).released_at is not None
    assert "Key and fill" in words(kofi.get(materials_url(cast)))


def test_a_trainer_adds_a_link_for_a_set_time(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    form = {
        "module_id": cast.module.id, "title": "To see", "url": "https://example.org/light",
        "release": "later", "released_at": "2099-01-05T10:00",
    }  # fmt: skip
    assert kofi.post(f"{materials_url(cast)}/new/link", data=form).status_code == 303
    row = the_material(world)
    assert (row.url, f"{row.released_at:%Y-%m-%d %H:%M}") == ("https://example.org/light", "2099-01-05 10:00")


def test_a_trainer_adds_a_file_and_keeps_it_back(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    form = {
        "module_id": str(cast.module.id),
        "title": "Notes",
        "release": "hidden",
        "file": (io.BytesIO(PDF), "../Notes.pdf"),
    }
    assert kofi.post(f"{materials_url(cast)}/new/file", data=form).status_code == 303
    row = the_material(world)
    assert row.released_at is None
    file = world.get_one(StoredFile, row.file_id)
    assert (file.name, file.kind, file.state) == ("Notes.pdf", "application/pdf", "attached")
    assert kofi.get(f"/trainer/materials/{row.id}/file").data == PDF


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("text", {"title": ""}, "Fill in title"),
        ("text", {"body": ""}, "Write the text"),
        ("link", {"url": "javascript:alert(1)"}, "Give a whole address"),
        ("file", {}, "Choose a file"),
        ("text", {"release": "later", "released_at": ""}, "Say from when students see it"),
        ("text", {"module_id": "00000000-0000-0000-0000-000000000000"}, "Not a valid choice"),
    ],
)
def test_a_material_that_cannot_be_is_refused_beside_its_field(
    kofi: FlaskClient, world: Session, cast: Cast, kind: str, change: dict[str, str], said: str
) -> None:
    form = {"module_id": str(cast.module.id), "title": "Kept as typed", "body": "Text.", "release": "now"} | change
    answer = kofi.post(f"{materials_url(cast)}/new/{kind}", data=form)
    assert answer.status_code == 422
    assert said in words(parse(answer).css_first(".error-summary"))
    assert world.scalars(select(Material)).all() == []


def test_a_program_is_not_taken_as_material(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    form = {
        "module_id": str(cast.module.id),
        "title": "Run me",
        "release": "now",
        "file": (io.BytesIO(b"MZ\x90\x00"), "a.pdf"),
    }
    assert kofi.post(f"{materials_url(cast)}/new/file", data=form).status_code == 422
    assert world.scalars(select(StoredFile)).all() == []


def test_a_trainer_releases_hides_moves_and_edits(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    first = make_material(world, cast.intake, cast.module, cast.kofi, title="First", position=1, released_at=None)
    second = make_material(world, cast.intake, cast.module, cast.kofi, title="Second", position=2)
    world.commit()
    assert kofi.post(f"/trainer/materials/{first.id}/release").status_code == 303
    assert kofi.post(f"/trainer/materials/{second.id}/hiding").status_code == 303
    assert kofi.post(f"/trainer/materials/{second.id}/place", data={"direction": "up"}).status_code == 303
    form = {"module_id": str(cast.module.id), "title": "First, again", "body": "Better."}
    assert kofi.post(f"/trainer/materials/{first.id}", data=form).status_code == 303
    world.expire_all()
    assert (first.released_at is None, second.released_at is None) == (False, True)
    page = parse(kofi.get(materials_url(cast)))
    assert [words(node) for node in page.css("#materials .item-title")] == ["Second", "First, again"]


def test_a_material_is_released_at_a_set_time_from_its_own_page(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    material = make_material(world, cast.intake, cast.module, cast.kofi)
    world.commit()
    address = f"/trainer/materials/{material.id}"
    assert kofi.post(f"{address}/release", data={"release-released_at": "2099-01-05T10:00"}).status_code == 303
    assert the_material(world).released_at.year == 2099
    refused = kofi.post(f"{address}/release", data={"release-released_at": "soon"})
    assert refused.status_code == 422
    time = parse(refused).css_first("[name='release-released_at']").attributes
    assert (time["value"], time["aria-invalid"]) == ("soon", "true")
    assert time["aria-describedby"]
    assert parse(refused).css_first("[name=title]").attributes["value"] == the_material(world).title
    assert the_material(world).released_at.year == 2099


def test_a_removed_material_can_be_brought_back(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    material = make_material(world, cast.intake, cast.module, cast.kofi, title="Key and fill")
    world.commit()
    page = kofi.post(f"/trainer/materials/{material.id}/removal", headers={"HX-Request": "true"})
    assert "Key and fill" not in words(page)
    undo = parse(page).css_first('form[action$="/restoration"]').attributes["action"]
    assert kofi.post(undo).status_code == 303
    assert "Key and fill" in words(kofi.get(materials_url(cast)))


def test_modules_are_added_and_moved(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    assert kofi.post(f"/trainer/intakes/{cast.intake.id}/modules", data={"title": ""}).status_code == 422
    assert kofi.post(f"/trainer/intakes/{cast.intake.id}/modules", data={"title": "Lenses"}).status_code == 303
    lenses = world.scalars(select(Module).where(Module.title == "Lenses")).one()
    kofi.post(f"/trainer/intakes/{cast.intake.id}/modules/{lenses.id}/place", data={"direction": "up"})
    page = parse(kofi.get(materials_url(cast)))
    assert [words(node).split()[0] for node in page.css("#materials .section h2")] == ["Lenses", "Light"]


def test_the_materials_are_a_page_and_a_fragment(kofi: FlaskClient, cast: Cast) -> None:
    assert_page_and_fragment(kofi, materials_url(cast), "materials")
    assert_page_and_fragment(kofi, f"/trainer/intakes/{cast.intake.id}", "students")


def test_the_trainer_of_another_intake_finds_nothing(sign_in: SignIn, world: Session, cast: Cast) -> None:
    material = make_material(world, cast.intake, cast.module, cast.kofi)
    world.commit()
    yaw = sign_in(cast.yaw)
    intake = f"/trainer/intakes/{cast.intake.id}"
    for address in (intake, f"{intake}/materials", f"{intake}/materials/new/text", f"/trainer/materials/{material.id}"):
        assert yaw.get(address).status_code == 404
    for action in ("release", "hiding", "place", "removal", "restoration"):
        assert yaw.post(f"/trainer/materials/{material.id}/{action}").status_code == 404
    assert yaw.post(f"{intake}/modules", data={"title": "Mine"}).status_code == 404
    assert yaw.get(f"/trainer/courses/{cast.photography.id}").status_code == 404


def test_a_trainer_drafts_a_course_and_edits_it(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    form = {
        "title": "Sound",
        "category": "Media",
        "level": "beginner",
        "weeks": "6",
        "price_pesewas": "950",
        "outcomes": "Hear\n\nMix",
    }
    answer = kofi.post("/trainer/courses/new", data=form)
    assert answer.status_code == 303
    course = world.scalars(select(Course).where(Course.title == "Sound")).one()
    assert (course.price_pesewas, course.outcomes, course.state) == (95_000, ["Hear", "Mix"], "draft")
    assert kofi.post(answer.location, data=form | {"weeks": "0"}).status_code == 422
    assert kofi.post(answer.location, data=form | {"weeks": "7"}).status_code == 303
    assert "Sound" in words(kofi.get("/trainer/courses"))
    world.refresh(course)
    assert course.weeks == 7


def test_a_published_course_is_no_longer_the_trainers_to_edit(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    cast.photography.drafted_by = cast.kofi.id
    world.commit()
    page = kofi.get(f"/trainer/courses/{cast.photography.id}")
    assert "The office looks after this course" in words(page)
    assert parse(page).css('input[name="title"]') == []


def test_an_intake_shows_its_students_to_its_trainer(kofi: FlaskClient, cast: Cast) -> None:
    said = words(kofi.get(f"/trainer/intakes/{cast.intake.id}"))
    assert "Ama Mensah" in said
    assert "Esi Owusu" not in said
    assert "Ama Mensah" not in words(kofi.get(f"/trainer/intakes/{cast.intake.id}?q=nobody"))


def test_lists_cost_the_same_for_one_row_and_for_a_hundred(
    kofi: FlaskClient, world: Session, cast: Cast, count_queries: CountQueries
) -> None:
    cast.intake.seats, counts = 500, []
    for number in (1, 100):
        for _ in range(number):
            make_material(world, cast.intake, make_module(world, cast.photography), cast.kofi)
            make_enrolment(world, make_user(world), cast.intake)
        world.commit()
        for url in ("/trainer/courses", "/trainer/intakes", f"/trainer/intakes/{cast.intake.id}", materials_url(cast)):
            with count_queries() as queries:
                assert kofi.get(url).status_code == 200
            assert len(queries) <= 6, str(queries)
            counts.append(len(queries))
    assert counts[:4] == counts[4:]
