"""What visitors find in the catalogue."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.domain.courses import catalogue
from portal.domain.courses.models import Level
from portal.domain.errors import NotFound
from tests.factories import make_course, make_intake

TODAY = date(2026, 12, 1)


def titles(world: Session, **search: object) -> list[str]:
    return [row.title for row in catalogue.catalogue(world, today=TODAY, **search).items]


@pytest.fixture(autouse=True)
def _courses(world: Session) -> None:
    make_course(world, title="Émotion on Camera", summary="Acting for film.", category="Media", level="advanced")
    make_course(world, title="Web pages, 100% by hand", summary="HTML and CSS.", category="Tech")
    make_course(world, title="Zoom lenses", summary="From wide to long.", category="Media")
    make_course(world, title="A draft", state="draft", published_at=None)
    make_course(world, title="Long ago", state="archived")


def test_visitors_see_published_courses_by_title(world: Session) -> None:
    assert titles(world) == ["Émotion on Camera", "Web pages, 100% by hand", "Zoom lenses"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("emotion", ["Émotion on Camera"]),
        ("CAMERA emo", ["Émotion on Camera"]),
        ("css", ["Web pages, 100% by hand"]),
        ("media len", ["Zoom lenses"]),
        ("100%", ["Web pages, 100% by hand"]),
        ("%", ["Web pages, 100% by hand"]),
        ("_", []),
        ("\\", []),
        ("film css", []),
    ],
)
def test_a_search_finds_every_word_wherever_it_stands(world: Session, words: str, found: list[str]) -> None:
    assert titles(world, q=words) == found
    assert catalogue.catalogue_total(world, q=words).number == len(found)


def test_category_and_level_narrow_the_search(world: Session) -> None:
    assert titles(world, category="Media", level=Level.ADVANCED) == ["Émotion on Camera"]
    assert titles(world, category="Tech", level=Level.ADVANCED) == []


def test_categories_are_those_of_published_courses(world: Session) -> None:
    assert catalogue.categories(world) == [("Media", 2), ("Tech", 1)]


def test_pages_of_the_catalogue_meet_without_a_gap_or_a_repeat(world: Session) -> None:
    first = catalogue.catalogue(world, today=TODAY, size=2)
    second = catalogue.catalogue(world, today=TODAY, size=2, cursor=first.next)
    back = catalogue.catalogue(world, today=TODAY, size=2, cursor=second.previous)
    assert [row.title for row in first.items + second.items] == titles(world)
    assert back.items == first.items


def test_a_course_shows_its_next_intake_with_a_free_seat(world: Session) -> None:
    course = make_course(world, title="Sound", slug="sound")
    day = timedelta(days=1)
    make_intake(
        world,
        course,
        title="Past",
        starts_on=TODAY - 60 * day,
        ends_on=TODAY - day,
        application_deadline=TODAY - 60 * day,
    )
    for title, starts, deadline in [
        ("Closed", TODAY + day, TODAY - day),
        ("Open", TODAY + 9 * day, TODAY),
        ("Later", TODAY + 40 * day, TODAY + 30 * day),
    ]:
        make_intake(
            world,
            course,
            title=title,
            starts_on=starts,
            ends_on=starts + 50 * day,
            application_deadline=deadline,
            seats=7,
        )
    row = next(row for row in catalogue.catalogue(world, today=TODAY).items if row.title == "Sound")
    assert (row.next_start, row.seats_free) == (TODAY + 9 * day, 7)
    page = catalogue.course_page(world, "sound", today=TODAY)
    assert [intake.title for intake in page.intakes] == ["Open", "Later"]
    assert [intake.title for intake in catalogue.next_intakes(world, today=TODAY)] == ["Open", "Later"]


@pytest.mark.parametrize("slug", ["no-such-course", "a-draft"])
def test_a_course_that_is_not_public_is_not_found(world: Session, slug: str) -> None:
    make_course(world, slug="a-draft", state="draft")
    with pytest.raises(NotFound):
        catalogue.course_page(world, slug, today=TODAY)
