"""The public pages: home, catalogue, course."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal import db
from portal.domain.courses import operations
from portal.domain.courses.models import Course
from portal.domain.permissions import Actor, Duty, Role
from tests.cast import Cast
from tests.factories import make_course, make_intake, now
from tests.pages import assert_page_and_fragment, parse, words
from tests.queries import QueryCounter

CountQueries = Callable[[], AbstractContextManager[QueryCounter]]


@pytest.fixture(autouse=True)
def _nothing_kept(world: Session) -> None:
    """Each test begins with an empty cache."""
    db._announce({"catalogue"})


def open_intake(world: Session, course: Course, **values: object) -> None:
    starts = date.today() + timedelta(days=20)
    make_intake(
        world, course, starts_on=starts, ends_on=starts + timedelta(days=50), application_deadline=starts, **values
    )
    world.commit()


def test_a_visitor_finds_courses_and_what_starts_next_on_the_front_page(
    client: FlaskClient, world: Session, cast: Cast
) -> None:
    open_intake(world, cast.photography, title="January 2027", seats=18)
    page = client.get("/")
    assert page.status_code == 200
    assert "Professional Photography" in words(page)
    assert "January 2027" in words(parse(page).css_first("#next"))
    assert "Akatsi" in words(page)


def test_the_front_page_stands_before_any_course_exists(client: FlaskClient) -> None:
    assert "The catalogue is being prepared" in words(client.get("/"))


def test_the_catalogue_is_a_page_and_a_fragment(client: FlaskClient, cast: Cast) -> None:
    assert_page_and_fragment(client, "/courses?q=photo", "courses")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Advanced Film Direction", "Coding by hand", "Professional Photography"]),
        ("?q=fílm", ["Advanced Film Direction"]),
        ("?category=Tech", ["Coding by hand"]),
        ("?level=advanced&q=coding", ["Coding by hand"]),
        ("?level=nonsense&category=none", ["Advanced Film Direction", "Coding by hand", "Professional Photography"]),
        ("?q=<script>alert(1)</script>", []),
    ],
)
def test_a_visitor_searches_and_filters(
    client: FlaskClient, world: Session, cast: Cast, query: str, found: list[str]
) -> None:
    make_course(world, title="Coding by hand", category="Tech", level="advanced")
    make_course(world, title="Not yet", state="draft")
    world.commit()
    page = parse(client.get(f"/courses{query}"))
    assert [words(node) for node in page.css("#courses .course-card h2")] == found


def test_the_catalogue_goes_on_from_page_to_page(client: FlaskClient, world: Session) -> None:
    for number in range(30):
        make_course(world, title=f"Course {number:02}")
    world.commit()
    seen, url = [], "/courses"
    while url:
        page = parse(client.get(url))
        seen += [words(node) for node in page.css("#courses .course-card h2")]
        following = page.css_first('a[rel="next"]')
        url = following.attributes["href"] if following else None
    assert seen == [f"Course {number:02}" for number in range(30)]


def test_a_course_page_says_what_when_and_for_how_much(client: FlaskClient, world: Session, cast: Cast) -> None:
    cast.photography.description = "Bring **a camera**. <script>alert(1)</script>"
    cast.photography.outcomes, cast.photography.syllabus = ["See light"], ["Light", "People"]
    open_intake(world, cast.photography, title="January 2027", seats=18)
    page = client.get("/courses/professional-photography")
    said = words(page)
    for expected in ("See light", "People", "January 2027", "GH₵\N{NO-BREAK SPACE}1,200.00", "18 seats free of 18"):
        assert expected.replace("\N{NO-BREAK SPACE}", " ") in said.replace("\N{NO-BREAK SPACE}", " ")
    assert parse(page).css_first("[hx-disable] strong") is not None
    assert b"<script>alert" not in page.data


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_a_course_that_is_not_in_the_catalogue_has_no_page(client: FlaskClient, world: Session, state: str) -> None:
    make_course(world, slug="hidden", state=state)
    world.commit()
    assert client.get("/courses/hidden").status_code == 404
    assert client.get("/courses/hidden").status_code == 404


def test_what_the_office_changes_is_seen_at_once(client: FlaskClient, world: Session, cast: Cast) -> None:
    assert client.get("/courses/professional-photography").status_code == 200
    assert "Professional Photography" in words(client.get("/"))
    efua = Actor(id=cast.efua.id, role=Role.ADMIN, duties=frozenset(Duty))
    with db.session_scope():
        db.perform(operations.archive_course, efua, cast.photography.id, at=now())
    assert client.get("/courses/professional-photography").status_code == 404
    assert "Professional Photography" not in words(client.get("/"))


@pytest.mark.parametrize(("url", "most"), [("/", 4), ("/courses", 5), ("/courses/professional-photography", 4)])
def test_a_public_page_costs_the_same_for_one_course_and_for_a_hundred(
    client: FlaskClient, world: Session, cast: Cast, count_queries: CountQueries, url: str, most: int
) -> None:
    counts = []
    for number in (1, 100):
        for _ in range(number):
            open_intake(world, make_course(world))
        db._announce({"catalogue"})
        with count_queries() as queries:
            assert client.get(url).status_code == 200
        reading = [statement for statement in queries.statements if "cache_entries" not in statement]
        counts.append(len(reading))
        assert len(reading) <= most, str(queries)
    assert counts[0] == counts[1]
