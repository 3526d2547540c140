"""The office's pages of courses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.courses.models import Course
from tests.cast import Cast
from tests.factories import make_course, make_intake, make_module, make_user
from tests.pages import assert_page_and_fragment, parse, words
from tests.queries import QueryCounter

SignIn = Callable[..., FlaskClient]
CountQueries = Callable[[], AbstractContextManager[QueryCounter]]
FORM = {
    "title": "Sound for Film", "category": "Media", "level": "beginner", "weeks": "6", "price_pesewas": "1,250.50",
    "summary": "Sound that carries.", "description": "Microphones.", "outcomes": "Hear", "syllabus": "Rooms\nVoices",
}  # fmt: skip


def titles(page: object) -> list[str]:
    return [words(node) for node in parse(page).css("#courses tbody th")]


def test_the_office_finds_courses_in_every_state(efua: FlaskClient, world: Session, cast: Cast) -> None:
    make_course(world, title="An old one", state="archived")
    world.commit()
    assert titles(efua.get("/admin/courses")) == ["Advanced Film Direction", "An old one", "Professional Photography"]
    assert titles(efua.get("/admin/courses?state=archived")) == ["An old one"]
    assert titles(efua.get("/admin/courses?q=photo")) == ["Professional Photography"]
    assert_page_and_fragment(efua, "/admin/courses?q=photo", "courses")


def test_a_course_is_created_published_edited_and_archived(efua: FlaskClient, world: Session, cast: Cast) -> None:
    created = efua.post("/admin/courses/new", data=FORM)
    assert created.status_code == 303
    course = world.scalars(select(Course).where(Course.title == "Sound for Film")).one()
    assert (course.price_pesewas, course.syllabus, course.state) == (125_050, ["Rooms", "Voices"], "draft")
    assert efua.get("/courses/sound-for-film").status_code == 404
    assert efua.post(f"{created.location}/publication").status_code == 303
    assert "Sound that carries." in words(efua.get("/courses/sound-for-film"))
    assert efua.post(f"{created.location}/details", data=FORM | {"summary": "Better sound."}).status_code == 303
    assert "Better sound." in words(efua.get("/courses/sound-for-film"))
    assert efua.post(f"{created.location}/archiving").status_code == 303
    assert efua.get("/courses/sound-for-film").status_code == 404
    assert efua.post(f"{created.location}/archiving").status_code == 409


def test_a_course_that_says_too_little_is_not_published_and_the_page_says_why(
    efua: FlaskClient, world: Session, cast: Cast
) -> None:
    created = efua.post("/admin/courses/new", data=FORM | {"summary": "", "outcomes": ""})
    refused = efua.post(f"{created.location}/publication")
    assert refused.status_code == 422
    assert "Say in a sentence what the course is." in words(refused)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"weeks": "300"}, "weeks"),
        ({"weeks": "two"}, "weeks"),
        ({"price_pesewas": "free"}, "price_pesewas"),
        ({"level": "expert"}, "level"),
    ],
)
def test_a_wrong_field_is_named_and_what_was_typed_is_kept(
    efua: FlaskClient, cast: Cast, change: dict[str, str], field: str
) -> None:
    page = parse(efua.post("/admin/courses/new", data=FORM | change))
    assert page.css_first(f'[name="{field}"]').attributes["aria-invalid"] == "true"
    assert page.css_first('[name="summary"]').attributes["value"] == "Sound that carries."


def test_modules_are_added_and_ordered(efua: FlaskClient, world: Session, cast: Cast) -> None:
    address = f"/admin/courses/{cast.photography.id}"
    assert efua.post(f"{address}/modules", data={"title": ""}).status_code == 422
    assert efua.post(f"{address}/modules", data={"title": "Lenses"}).status_code == 303
    lenses = parse(efua.get(address)).css('form[action$="/place"]')[-1].attributes["action"]
    assert efua.post(lenses, data={"direction": "up"}).status_code == 303
    listed = [words(node) for node in parse(efua.get(address)).css("#modules .item-title")]
    assert listed == ["1. Lenses", "2. Light"]


def test_a_module_is_renamed_in_its_own_course_only(efua: FlaskClient, world: Session, cast: Cast) -> None:
    course = f"/admin/courses/{cast.photography.id}"
    address = f"{course}/modules/{cast.module.id}/title"
    assert parse(efua.get(address)).css_first("input[name=title]").attributes["value"] == "Light"
    refused = efua.post(address, data={"title": " "})
    assert refused.status_code == 422
    assert parse(refused).css_first("input[name=title]").attributes["aria-invalid"] == "true"
    assert efua.post(address, data={"title": "Light and shade"}).status_code == 303
    assert "Light and shade" in words(efua.get(course))
    assert efua.get(f"/admin/courses/{cast.film.id}/modules/{cast.module.id}/title").status_code == 404


def test_a_director_reads_and_changes_nothing(sign_in: SignIn, world: Session, cast: Cast) -> None:
    director = sign_in(make_user(world, "admin", duties=["director"]))
    address = f"/admin/courses/{cast.photography.id}"
    page = director.get(address)
    assert page.status_code == 200
    assert parse(page).css("#content form") == []
    assert director.get("/admin/courses/new").status_code == 403
    for action in ("publication", "archiving", "modules", "details"):
        assert director.post(f"{address}/{action}", data={"title": "X"}).status_code == 403


def test_pages_cost_the_same_for_one_course_and_for_a_hundred(
    efua: FlaskClient, world: Session, cast: Cast, count_queries: CountQueries
) -> None:
    counts = []
    for number in (1, 100):
        for _ in range(number):
            make_intake(world, cast.photography, [cast.kofi, cast.yaw])
            make_module(world, cast.photography)
            make_course(world)
        world.commit()
        for url in ("/admin/courses", f"/admin/courses/{cast.photography.id}"):
            with count_queries() as queries:
                assert efua.get(url).status_code == 200
            assert len(queries) <= 6, str(queries)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
