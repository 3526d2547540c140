"""The receipt says what was handed in, when, and how each file can be recognised; to its student alone."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import make_assignment
from tests.pages import parse, words


@pytest.fixture
def submission(world: Session, cast: Cast) -> Submission:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    return hand_in(
        world,
        cast,
        assignment,
        text="By the window.",
        links=("https://example.test/film",),
        files=(stored("portrait.jpg", content=b"x" * 4200),),
    )


@pytest.fixture
def page(sign_in: Any, cast: Cast, submission: Submission) -> Any:
    ama: FlaskClient = sign_in(cast.ama)
    return parse(ama.get(f"/student/submissions/{submission.id}/receipt"))


def test_the_receipt_shows_number_code_and_the_portals_time(page: Any, submission: Submission) -> None:
    receipt = words(page.css_first(".receipt"))
    assert submission.number in receipt
    assert submission.code in receipt
    assert f"{submission.submitted_at:%H:%M:%S}, Accra time" in receipt


def test_the_receipt_names_size_and_sum_of_every_file(page: Any) -> None:
    file = page.css_first(".receipt .file")
    assert "portrait.jpg" in words(file)
    assert "4.2 kB" in words(file)
    assert words(file.css_first(".sum")).endswith(stored(content=b"x" * 4200).sha256)


def test_the_receipt_says_who_handed_in_what(page: Any, cast: Cast) -> None:
    receipt = words(page.css_first(".receipt"))
    for part in (
        f"Ama Mensah · {cast.ama.student_number}",
        "Professional Photography, November 2026",
        "A portrait, attempt 1",
        "14 characters",
        "https://example.test/film",
    ):
        assert part in receipt


def test_the_receipt_can_be_printed(page: Any) -> None:
    assert page.css("button[data-print]")


def test_nobody_but_the_student_sees_the_receipt(sign_in: Any, app: Any, cast: Cast, submission: Submission) -> None:
    address = f"/student/submissions/{submission.id}/receipt"
    assert sign_in(cast.esi).get(address).status_code == 404
    assert sign_in(cast.yaw).get(address).status_code == 403
    assert app.test_client().get(address).status_code == 303
