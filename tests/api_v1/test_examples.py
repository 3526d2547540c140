"""What docs/api.md shows of the API is what it answers: every example is sent, one after the other."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.factories import make_assignment
from tests.uploads.conversation import JPEG

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
HEADER = re.compile(r"([A-Z][A-Za-z-]+): (.*)")
BYTES = "(100 bytes)"


@dataclass(frozen=True)
class Message:
    """The first line, the headers and the body of a request or an answer."""

    first: str
    headers: dict[str, str]
    body: str

    @classmethod
    def read(cls, text: str) -> Message:
        first, *lines = text.strip().splitlines()
        headers = dict(found.groups() for line in lines if (found := HEADER.fullmatch(line)))
        return cls(first, headers, "\n".join(line for line in lines if not HEADER.fullmatch(line)))


def examples() -> list[tuple[Message, Message]]:
    blocks = re.findall(r"^```http\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return [tuple(map(Message.read, block.split("\n\n"))) for block in blocks]


def test_every_example_is_answered_as_it_is_told(app: Any, world: Session, cast: Cast, program: Any) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait", points=100)
    world.commit()
    known = {"ASSIGNMENT": str(assignment.id), "ENROLMENT": str(cast.enrolment.id)}
    for name, person in (("STUDENT", cast.ama), ("TRAINER", cast.kofi)):
        known[name] = program(person).headers["Authorization"].removeprefix("Bearer ")
    sent = 0
    for asked, told in examples():
        method, address = fill(asked.first, known).split(" ")
        data = JPEG if asked.body == BYTES else fill(asked.body, known).encode()
        headers = {name: fill(value, known) for name, value in asked.headers.items()}
        if asked.body.startswith("{"):
            headers["Content-Type"] = "application/json"
        answer = app.test_client().open(address, method=method, data=data or None, headers=headers)
        assert answer.status_code == int(told.first), (asked.first, answer.text)
        for name, value in told.headers.items():
            learn(value, answer.headers[name].removeprefix("http://localhost"), known, asked.first)
        if told.body:
            learn(json.loads(told.body), answer.get_json(), known, asked.first)
        sent += 1
    assert sent > 10


def fill(text: str, known: dict[str, str]) -> str:
    """Put what is known in place of `$NAMES`."""
    return re.sub(r"\$([A-Z]+)", lambda found: known[found[1]], text)


def learn(told: Any, answered: Any, known: dict[str, str], where: str) -> None:
    """See that what is told is part of the answer; a `$NAME` that is new stands for what is there."""
    if isinstance(told, dict):
        for name, value in told.items():
            learn(value, answered[name], known, f"{where} {name}")
    elif isinstance(told, list):
        assert len(told) <= len(answered), where
        for place, value in enumerate(told):
            learn(value, answered[place], known, f"{where} {place}")
    elif isinstance(told, str) and (found := re.search(r"\$([A-Z]+)$", told)) and found[1] not in known:
        beginning = told[: found.start()]
        assert answered.startswith(beginning), where
        known[found[1]] = answered[len(beginning) :]
    else:
        assert (fill(told, known) if isinstance(told, str) else told) == answered, where
