"""Whoever looks at the places sees where they are, on pages that lie elsewhere as well."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.architecture.estate import build_estate
from tests.cast import Cast
from tests.pages import parse, words


@pytest.mark.parametrize(
    ("who", "address", "place"),
    [
        ("ama", "/student/", "Home"),
        ("ama", "/student/assignments/{assignment_id}", "Assignments"),
        ("ama", "/student/submissions/{submission_id}/receipt", "Assignments"),
        ("kofi", "/trainer/submissions/{submission_id}", "Marking"),
        ("kofi", "/trainer/phrases", "Marking"),
        ("kofi", "/trainer/rubrics", "Assignments"),
        ("kofi", "/trainer/rubrics/new", "Assignments"),
        ("kofi", "/trainer/enrolments/{enrolment_id}/submission", "Intakes"),
        ("efua", "/trainer/enrolments/{enrolment_id}/submission", "Enrolments"),
        ("efua", "/admin/people", "People"),
    ],
)
def test_one_place_is_current(sign_in: Any, world: Session, cast: Cast, who: str, address: str, place: str) -> None:
    estate = build_estate(world, cast)
    answer = sign_in(getattr(cast, who)).get(address.format(**estate))
    assert answer.status_code == 200
    current = parse(answer).css("nav[aria-label=Places] a[aria-current=page]")
    assert {words(each) for each in current} == {place}
