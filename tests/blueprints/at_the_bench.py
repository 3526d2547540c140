"""What a trainer marks in tests: one assignment, work of Ama for it, and where both are seen."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment
from tests.pages import parse, words

HTMX = {"HX-Request": "true"}
JPEG = b"\xff\xd8\xff\xe0" + b"a photograph" * 20


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait", points=20)
    world.commit()
    return assignment


@pytest.fixture
def submission(world: Session, cast: Cast, assignment: Any) -> Submission:
    return hand_in(world, cast, assignment, text="By the window.")


def bench(submission: Submission) -> str:
    return f"/trainer/submissions/{submission.id}"


def students_in(client: FlaskClient, address: str) -> list[str]:
    return [words(link) for link in parse(client.get(address)).css("#queue tbody th a")]
