"""More time on the pages: asked from the deadline, answered by the trainer, given to many; and by a program."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.extension_models import ExtendedDate, Extension
from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import parse, words


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    made = make_assignment(world, cast.intake, cast.kofi, title="A portrait", due_at=now() + timedelta(hours=6))
    world.commit()
    return made


def page(assignment: Any) -> str:
    return f"/student/assignments/{assignment.id}/extensions"


def ask(client: FlaskClient, assignment: Any, **values: str) -> Any:
    return client.post(page(assignment), data={"hours": "48", "reason": "My grandmother's funeral."} | values)


def test_a_student_asks_from_the_deadline_and_the_trainer_grants(
    ama: FlaskClient, kofi: FlaskClient, world: Session, assignment: Any
) -> None:
    shown = parse(ama.get(f"/student/assignments/{assignment.id}"))
    assert [words(link) for link in shown.css(f'a[href="{page(assignment)}"]')] == ["Need more time?"]
    assert ask(ama, assignment).status_code == 303
    assert "Your trainer has been asked" in words(parse(ama.get(f"/student/assignments/{assignment.id}")).body)

    listed = parse(kofi.get("/trainer/extensions")).css_first("tbody th a")
    assert words(listed) == "Ama Mensah"
    address = listed.attributes["href"]
    assert "My grandmother's funeral." in words(parse(kofi.get(address)).body)
    answer = kofi.post(f"{address}/decision", data={"decision": "grant", "hours": "72", "answer": "My condolences."})
    assert answer.status_code == 303

    assert world.scalars(select(ExtendedDate.hours)).all() == [72]
    shown_now = words(parse(ama.get(f"/student/assignments/{assignment.id}")).body)
    assert "You have 3 days more than the others" in shown_now
    assert "My condolences." in words(parse(ama.get(page(assignment))).body)
    assert "Nobody asks for more time" in words(parse(kofi.get("/trainer/extensions")).body)
    assert "Ama Mensah" in words(parse(kofi.get("/trainer/extensions?state=answered")).body)


def test_a_trainer_refuses_without_saying_hours(
    kofi: FlaskClient, ama: FlaskClient, world: Session, assignment: Any
) -> None:
    ask(ama, assignment)
    asked = world.scalars(select(Extension)).one()
    answer = kofi.post(f"/trainer/extensions/{asked.id}/decision", data={"decision": "refuse", "hours": ""})
    assert answer.status_code == 303
    world.refresh(asked)
    assert asked.state == "refused"


def test_a_request_without_a_reason_keeps_what_was_chosen(ama: FlaskClient, assignment: Any) -> None:
    answer = ask(ama, assignment, hours="168", reason="")
    assert answer.status_code == 422
    shown = parse(answer)
    assert shown.css_first('input[name="hours"][value="168"]').attributes.get("checked", "no") != "no"
    assert shown.css_first("#reason-error") is not None


def test_a_grant_without_hours_is_refused_beside_the_field(
    kofi: FlaskClient, ama: FlaskClient, world: Session, assignment: Any
) -> None:
    ask(ama, assignment)
    asked = world.scalars(select(Extension)).one()
    granted = {"decision": "grant", "hours": "0", "answer": "Yes."}
    answer = kofi.post(f"/trainer/extensions/{asked.id}/decision", data=granted)
    assert answer.status_code == 422
    shown = parse(answer)
    assert shown.css_first("#hours-error") is not None
    assert words(shown.css_first("#answer")) == "Yes."


def test_a_student_takes_a_day_and_then_the_other_and_no_third(ama: FlaskClient, assignment: Any) -> None:
    address = f"{page(assignment)}/automatic"
    assert [ama.post(address).status_code for _ in range(3)] == [303, 303, 409]
    assert "You have used both" in words(parse(ama.get(page(assignment))).body)


def test_a_student_takes_a_request_back(ama: FlaskClient, world: Session, assignment: Any) -> None:
    ask(ama, assignment)
    asked = world.scalars(select(Extension)).one()
    assert ama.post(f"/student/extensions/{asked.id}/withdrawal").status_code == 303
    assert "Ask your trainer" in words(parse(ama.get(page(assignment))).body)


def test_a_trainer_gives_more_time_to_many(kofi: FlaskClient, world: Session, cast: Cast, assignment: Any) -> None:
    other = make_enrolment(world, make_user(world, first_name="Abena"), cast.intake)
    world.commit()
    address = f"/trainer/assignments/{assignment.id}/extensions"
    ids = [str(cast.enrolment.id), str(other.id), str(cast.other_enrolment.id), "nobody"]
    assert kofi.post(address, data={"hours": "24", "ids": ids}).status_code == 303
    assert world.scalars(select(ExtendedDate.hours)).all() == [24, 24]
    more = [words(cell) for cell in parse(kofi.get(address)).css("tbody td[data-label='More time']")]
    assert more == ["1 day", "1 day"]
    refused = kofi.post(address, data={"hours": "24"})
    assert refused.status_code == 422
    assert "Choose at least one student" in words(parse(refused).body)


def test_a_program_asks_and_another_answers(world: Session, cast: Cast, program: Any, assignment: Any) -> None:
    address = f"/assignments/{assignment.id}/extensions"
    assert program(cast.ama).post(address, json={"automatic": True}).status_code == 201
    asked = program(cast.ama).post(address, json={"hours": 48, "reason": "Ill."})
    assert asked.status_code == 201
    data = asked.get_json()["data"]
    assert (data["automatic_left"], [row["status"] for row in data["extensions"]]) == (1, ["asked", "granted"])
    decision = f"/assignments/extensions/{data['extensions'][0]['id']}/decision"
    assert program(cast.yaw).post(decision, json={"hours": 12}).status_code == 404
    answered = program(cast.kofi).post(decision, json={"hours": 12, "answer": "Get well."})
    assert (answered.status_code, answered.get_json()["data"]["status"]) == (200, "granted")
    assert program(cast.kofi).post(decision, json={"hours": None}).status_code == 409
    assert world.scalars(select(ExtendedDate.hours)).all() == [36]
    assert program(cast.esi).get(address).status_code == 404
