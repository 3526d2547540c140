"""A student's typing is kept as typed on the page, and a hand-in by mistake is taken back, by page and by program."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, now
from tests.pages import parse, words

HTMX = {"HX-Request": "true"}


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    made = make_assignment(world, cast.intake, cast.kofi, due_at=now() + timedelta(days=2))
    world.commit()
    return made


def page(assignment: Any) -> str:
    return f"/student/assignments/{assignment.id}"


def test_what_is_typed_is_there_again_on_another_device(
    ama: FlaskClient, sign_in: Any, cast: Cast, assignment: Any
) -> None:
    typed = {"text": "The light falls", "links": "https://example.test/film\nhtt"}
    answer = ama.post(f"{page(assignment)}/draft", data=typed, headers=HTMX)
    assert answer.status_code == 200
    assert words(answer).startswith("Kept as typed")
    shown = parse(sign_in(cast.ama).get(page(assignment)))
    assert shown.css_first("textarea[name=text]").text().strip() == "The light falls"
    assert shown.css_first("textarea[name=links]").text().split() == ["https://example.test/film", "htt"]


def test_what_the_script_keeps_a_moment_after_the_hand_in_is_no_draft_of_a_further_attempt(
    ama: FlaskClient, assignment: Any
) -> None:
    form = parse(ama.get(page(assignment))).css_first("form[data-guard]")
    typed = {"key": form.css_first("input[name=key]").attributes["value"], "text": "The light falls", "links": ""}
    assert ama.post(f"{page(assignment)}/submission", data=typed).status_code == 303
    assert ama.post(f"{page(assignment)}/draft", data=typed, headers=HTMX).status_code == 200
    assert parse(ama.get(page(assignment))).css_first("textarea[name=text]").text().strip() == ""
    assert ama.post(f"{page(assignment)}/draft", data=typed).status_code == 303
    assert parse(ama.get(page(assignment))).css_first("textarea[name=text]").text().strip() == "The light falls"


def test_without_a_script_a_button_keeps_the_draft(ama: FlaskClient, assignment: Any) -> None:
    button = parse(ama.get(page(assignment))).css_first("button[formenctype]")
    assert button.attributes["formaction"] == f"{page(assignment)}/draft"
    answer = ama.post(button.attributes["formaction"], data={"text": "So far.", "links": "", "files": "photo.jpg"})
    assert answer.status_code == 303
    shown = ama.get(page(assignment))
    assert "It is not handed in yet" in words(shown)


def test_a_draft_that_is_too_long_is_refused_with_all_that_was_typed(ama: FlaskClient, assignment: Any) -> None:
    typed = {"text": "", "links": "\n".join(["https://example.test/"] * 21)}
    beside = ama.post(f"{page(assignment)}/draft", data=typed, headers=HTMX)
    assert (beside.status_code, "at most" in words(beside)) == (422, True)
    whole = ama.post(f"{page(assignment)}/draft", data=typed)
    assert whole.status_code == 422
    assert len(parse(whole).css_first("textarea[name=links]").text().split()) == 21


def test_only_text_and_links_of_the_form_travel_while_somebody_types(ama: FlaskClient, assignment: Any) -> None:
    shown = parse(ama.get(page(assignment)))
    assert shown.css_first("form[hx-encoding]").attributes["hx-disinherit"] == "*"
    assert {area.attributes["hx-params"] for area in shown.css("textarea[hx-post]")} == {"key,text,links,csrf_token"}


def test_a_student_takes_back_an_attempt_and_hands_in_again(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    made = hand_in(world, cast, assignment, text="The wrong file.")
    address = f"/student/submissions/{made.id}/withdrawal"
    assert f'action="{address}"' in ama.get(page(assignment)).get_data(as_text=True)
    assert ama.post(address).status_code == 303
    shown = ama.get(page(assignment))
    assert "is withdrawn. You can hand in again" in words(shown)
    assert f'action="{address}"' not in shown.get_data(as_text=True)
    assert words(parse(shown).css_first("#submission h2")) == "Hand in"
    assert ama.post(address).status_code == 303
    assert "was withdrawn" in words(ama.get(page(assignment)))


def test_a_program_takes_back_an_attempt(world: Session, cast: Cast, program: Any, assignment: Any) -> None:
    made = hand_in(world, cast, assignment)
    address = f"/assignments/submissions/{made.id}/withdrawal"
    assert program(cast.esi).post(address).status_code == 404
    answer = program(cast.ama).post(address)
    assert (answer.status_code, answer.get_json()["data"]["status"]) == (200, "withdrawn")
    assert program(cast.ama).post(address).status_code == 409
