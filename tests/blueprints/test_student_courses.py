"""A student's courses and materials."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.courses.models import Material
from portal.domain.files.models import StoredFile
from tests.cast import Cast
from tests.factories import add, make_enrolment, make_intake, make_material, make_module, now
from tests.pages import assert_page_and_fragment, parse, words
from tests.queries import QueryCounter

SignIn = Callable[..., FlaskClient]
CountQueries = Callable[[], AbstractContextManager[QueryCounter]]
CONTENT = b"%PDF-1.4 notes on light"


def stored_material(
    app: Flask, world: Session, cast: Cast, content: bytes = CONTENT, kind: str = "application/pdf"
) -> Material:
    key = f"ab/{hashlib.sha256(content).hexdigest()[:16]}"
    app.extensions["storage"].put([content], key)
    file = add(
        world,
        StoredFile(
            owner_id=cast.kofi.id,
            purpose="material",
            state="attached",
            name="Notes on light.pdf",
            kind=kind,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            storage_key=key,
            stored_at=now(),
            attached_at=now(),
        ),
    )
    return make_material(
        world, cast.intake, cast.module, cast.kofi, kind="file", title="Notes", body="", file_id=file.id
    )


def test_a_student_sees_their_own_courses(sign_in: SignIn, cast: Cast) -> None:
    said = words(sign_in(cast.ama).get("/student/courses"))
    assert "Professional Photography" in said
    assert "Advanced Film Direction" not in said


def test_a_course_shows_its_modules_with_what_is_released(sign_in: SignIn, world: Session, cast: Cast) -> None:
    make_material(world, cast.intake, cast.module, cast.kofi, title="Key and fill")
    make_material(
        world, cast.intake, cast.module, cast.kofi, title="For tomorrow", released_at=now() + timedelta(days=1)
    )
    make_material(world, cast.intake, cast.module, cast.kofi, title="Kept back", released_at=None)
    world.commit()
    ama = sign_in(cast.ama)
    said = words(ama.get(f"/student/courses/{cast.intake.id}"))
    assert "Key and fill" in said
    assert "For tomorrow" not in said
    assert "Kept back" not in said
    assert_page_and_fragment(ama, f"/student/courses/{cast.intake.id}", "modules")


@pytest.mark.parametrize(
    "path", ["courses/{intake}", "materials/{material}", "materials/{file}", "materials/{file}/file"]
)
def test_a_student_of_another_intake_finds_nothing(
    app: Flask, sign_in: SignIn, world: Session, cast: Cast, path: str
) -> None:
    ids = {
        "intake": cast.intake.id,
        "material": make_material(world, cast.intake, cast.module, cast.kofi).id,
        "file": stored_material(app, world, cast).id,
    }
    world.commit()
    address = "/student/" + path.format(**ids)
    assert sign_in(cast.ama).get(address).status_code == 200
    assert sign_in(cast.esi).get(address).status_code == 404


def test_what_was_released_after_access_ended_is_not_there(sign_in: SignIn, world: Session, cast: Cast) -> None:
    before = make_material(
        world, cast.intake, cast.module, cast.kofi, title="Before", released_at=now() - timedelta(days=9)
    )
    after = make_material(
        world, cast.intake, cast.module, cast.kofi, title="After", released_at=now() - timedelta(days=1)
    )
    cast.enrolment.access_until = now() - timedelta(days=5)
    world.commit()
    ama = sign_in(cast.ama)
    said = words(ama.get(f"/student/courses/{cast.intake.id}"))
    assert "Before" in said
    assert "Some materials are closed" in said
    assert [ama.get(f"/student/materials/{row.id}").status_code for row in (before, after)] == [200, 404]


def test_a_suspended_student_sees_the_course_but_no_materials(sign_in: SignIn, world: Session, cast: Cast) -> None:
    material = make_material(world, cast.intake, cast.module, cast.kofi, title="Key and fill")
    cast.enrolment.state = "suspended"
    world.commit()
    ama = sign_in(cast.ama)
    said = words(ama.get(f"/student/courses/{cast.intake.id}"))
    assert "Your enrolment is suspended" in said
    assert "Key and fill" not in said
    assert ama.get(f"/student/materials/{material.id}").status_code == 404


def test_a_text_is_shown_as_safe_markdown(sign_in: SignIn, world: Session, cast: Cast) -> None:
    body = "**Look** first. <img src=x onerror=alert(1)> [no](javascript:alert(1)) [yes](https://example.org)"
    material = make_material(world, cast.intake, cast.module, cast.kofi, body=body)
    world.commit()
    prose = parse(sign_in(cast.ama).get(f"/student/materials/{material.id}")).css_first(".prose[hx-disable]")
    assert words(prose.css_first("strong")) == "Look"
    assert [link.attributes["href"] for link in prose.css("a")] == ["https://example.org"]
    assert prose.css("img") == []


def test_a_file_comes_as_it_is_and_in_parts(app: Flask, sign_in: SignIn, world: Session, cast: Cast) -> None:
    material = stored_material(app, world, cast)
    world.commit()
    ama = sign_in(cast.ama)
    whole = ama.get(f"/student/materials/{material.id}/file")
    assert whole.data == CONTENT
    assert "attachment" in whole.headers["Content-Disposition"]
    assert ama.get(f"/student/materials/{material.id}/file?inline").headers["Content-Disposition"].startswith("inline")
    part = ama.get(f"/student/materials/{material.id}/file", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, CONTENT[:4])


def test_a_file_that_could_run_is_never_shown_in_the_browser(
    app: Flask, sign_in: SignIn, world: Session, cast: Cast
) -> None:
    material = stored_material(app, world, cast, b"<svg onload=alert(1)>", "image/svg+xml")
    world.commit()
    answer = sign_in(cast.ama).get(f"/student/materials/{material.id}/file?inline")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_course_costs_the_same_for_one_material_and_for_a_hundred(
    sign_in: SignIn, world: Session, cast: Cast, count_queries: CountQueries
) -> None:
    ama, counts = sign_in(cast.ama), []
    for number in (1, 100):
        for _ in range(number):
            make_material(world, cast.intake, make_module(world, cast.photography), cast.kofi)
            make_enrolment(world, cast.ama, make_intake(world))
        world.commit()
        for url in (f"/student/courses/{cast.intake.id}", "/student/courses"):
            with count_queries() as queries:
                assert ama.get(url).status_code == 200
            assert len(queries) <= 6, str(queries)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
