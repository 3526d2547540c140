"""Names of courses in addresses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.domain.courses.slugs import LONGEST_SLUG, free_slug, slug_of
from tests.factories import make_course


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Photography & Videography", "photography-and-videography"),
        ("3D Animation Mastery", "3d-animation-mastery"),
        ("UI/UX Design", "ui-ux-design"),
        ("Café Culture", "cafe-culture"),
        ("ɛ ɔ", "course"),
    ],
)
def test_a_title_becomes_a_readable_address(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@given(st.text(max_size=300))
def test_every_title_becomes_a_short_plain_address(title: str) -> None:
    slug = slug_of(title)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= LONGEST_SLUG


def test_a_second_course_of_the_same_name_is_numbered(world: Session) -> None:
    first = make_course(world, title="Light_100%", slug=slug_of("Light_100%"))
    make_course(world, title="Light 100 again", slug="light-100-again")
    assert free_slug(world, "Light_100%") == "light-100-2"
    assert free_slug(world, "Light_100%", besides=first.id) == "light-100"
