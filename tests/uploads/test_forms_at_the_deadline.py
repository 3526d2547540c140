"""A form with files in it counts as an upload does: a browser without a script on a slow line is not late either."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.assignments.models import Submission
from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import words

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
PHOTO = b"\xff\xd8\xff\xe0" + bytes(400_000)
FIELDS = {"key": "a-form", "text": "", "links": ""}
FIELDS_OF_A_PROGRAM = {"submission_text": "By one window."}
BOUNDARY = "the-end-of-a-part"


@pytest.fixture
def due() -> datetime:
    """A moment at which a token of now is still good."""
    return now() + 5 * MINUTE


@pytest.fixture
def assignment(world: Session, cast: Cast, due: datetime) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=due, cut_off_at=None)
    world.commit()
    return assignment


class SlowLine(BytesIO):
    """A body on a line that rests before each further read."""

    def __init__(self, body: bytes, clock: Any, rest: timedelta) -> None:
        super().__init__(body)
        self._clock, self._rest = clock, rest

    def readinto(self, buffer: Any) -> int:
        if self.tell():
            self._clock.shift(self._rest)
        return super().readinto(buffer)


def form(fields: dict[str, str]) -> bytes:
    """Return the body of a form with one photo, as a browser writes it."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{text}' for name, text in fields.items()]
    file = f'{head}"files"; filename="photo.jpg"\r\n\r\n'
    return "\r\n".join([*parts, file]).encode() + PHOTO + f"\r\n--{BOUNDARY}--\r\n".encode()


def send(client: Any, address: str, begins: datetime, rest: timedelta, fields: dict[str, str] = FIELDS) -> TestResponse:
    """Send the form from this moment on, with a rest before each piece of it."""
    body = form(fields)
    with time_machine.travel(begins, tick=False) as clock:
        answer: TestResponse = client.post(
            address,
            input_stream=SlowLine(body, clock, rest),
            content_type=f"multipart/form-data; boundary={BOUNDARY}",
            content_length=len(body),
        )
    return answer


@pytest.mark.parametrize(
    ("begins", "rest", "status", "why"),
    [
        (-1, 1, 303, "begun in time, and its bytes kept coming"),
        (1, 1, 409, "begun after the due moment"),
        (-1, 61, 409, "more than an hour without a byte"),
    ],
)
def test_a_form_that_was_arriving_when_it_fell_due_is_on_time(
    ama: FlaskClient, world: Session, assignment: Any, due: datetime, begins: int, rest: int, status: int, why: str
) -> None:
    address = f"/student/assignments/{assignment.id}/submission"
    answer = send(ama, address, due + begins * MINUTE, rest * MINUTE)
    assert answer.status_code == status, f"{why}: {words(answer)}"
    assert world.scalars(select(Submission.late)).all() == ([False] if status == 303 else [])


def test_a_program_whose_form_was_arriving_is_on_time_as_well(
    program: Any, cast: Cast, world: Session, assignment: Any, due: datetime
) -> None:
    address = f"/assignments/{assignment.id}/submit"
    answer = send(program(cast.ama), address, due - 10 * SECOND, 5 * SECOND, FIELDS_OF_A_PROGRAM)
    assert answer.status_code == 201, answer.text
    assert world.scalars(select(Submission.late)).all() == [False]
