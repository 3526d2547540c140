"""The office's pages of enrolments: by hand, suspended, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.courses.models import Seat
from portal.domain.enrolments.models import Enrolment
from tests.cast import Cast
from tests.factories import make_enrolment, make_intake, make_user
from tests.pages import assert_page_and_fragment, parse, words
from tests.queries import QueryCounter

SignIn = Callable[..., FlaskClient]
CountQueries = Callable[[], AbstractContextManager[QueryCounter]]


def test_a_student_is_found_and_enrolled_by_hand(efua: FlaskClient, world: Session, cast: Cast) -> None:
    address = f"/admin/intakes/{cast.intake.id}/enrolments"
    found = parse(efua.get(f"{address}/new?q=owusu")).css_first("#people a.item-title")
    assert words(found) == "Esi Owusu"
    chosen = parse(efua.get(found.attributes["href"]))
    user_id = chosen.css_first('[name="user_id"]').attributes["value"]
    assert efua.post(address, data={"user_id": user_id, "reason": ""}).status_code == 422
    assert efua.post(address, data={"user_id": user_id, "reason": "Paid at the counter"}).status_code == 303
    assert "Esi Owusu" in words(efua.get(f"/admin/intakes/{cast.intake.id}"))
    assert world.get(Seat, (cast.intake.id, cast.esi.id)) is not None


def test_trainers_are_not_among_those_who_can_be_enrolled(efua: FlaskClient, cast: Cast) -> None:
    page = efua.get(f"/admin/intakes/{cast.intake.id}/enrolments/new?q=asante")
    assert "No student fits" in words(page)
    assert_page_and_fragment(efua, f"/admin/intakes/{cast.intake.id}/enrolments/new?q=owusu", "people")


def test_a_full_intake_refuses_plainly_and_keeps_the_choice(efua: FlaskClient, world: Session, cast: Cast) -> None:
    cast.intake.seats = 1
    world.commit()
    form = {"user_id": str(cast.esi.id), "reason": "Paid at the counter"}
    answer = efua.post(f"/admin/intakes/{cast.intake.id}/enrolments", data=form)
    assert answer.status_code == 409
    assert "is full: all 1 seats are taken" in words(answer)
    assert parse(answer).css_first('[name="reason"]').attributes["value"] == "Paid at the counter"


def test_a_double_click_is_told_kindly(efua: FlaskClient, cast: Cast) -> None:
    form = {"user_id": str(cast.ama.id), "reason": "Paid at the counter"}
    answer = efua.post(f"/admin/intakes/{cast.intake.id}/enrolments", data=form)
    assert answer.status_code == 409
    assert "enrolled in this intake already" in words(answer)


@pytest.mark.parametrize("user_id", ["", "nobody", "00000000-0000-0000-0000-000000000000"])
def test_nobody_cannot_be_enrolled(efua: FlaskClient, cast: Cast, user_id: str) -> None:
    answer = efua.post(f"/admin/intakes/{cast.intake.id}/enrolments", data={"user_id": user_id, "reason": "X"})
    assert answer.status_code in {404, 422}


def test_a_withdrawal_is_confirmed_with_a_reason_and_frees_the_seat(
    efua: FlaskClient, world: Session, cast: Cast
) -> None:
    address = f"/admin/enrolments/{cast.enrolment.id}"
    withdraw = parse(efua.get(address)).css_first('button[formaction$="/withdrawal"]')
    assert "Withdraw Ama Mensah" in withdraw.attributes["data-confirm"]
    assert efua.post(f"{address}/withdrawal", data={"reason": ""}).status_code == 422
    assert efua.post(f"{address}/withdrawal", data={"reason": "Moved to Kumasi"}).status_code == 303
    assert world.get(Seat, (cast.intake.id, cast.ama.id)) is None
    page = efua.get(address)
    assert "Withdrawn" in words(page)
    assert "Moved to Kumasi" in words(page)
    assert efua.post(f"{address}/withdrawal", data={"reason": "Again"}).status_code == 409


def test_a_suspension_begins_and_ends(efua: FlaskClient, cast: Cast) -> None:
    address = f"/admin/enrolments/{cast.enrolment.id}"
    assert efua.post(f"{address}/suspension", data={"reason": "Away"}).status_code == 303
    assert "Suspended" in words(efua.get(address))
    assert efua.post(f"{address}/resumption", data={"reason": "Back"}).status_code == 303
    assert "Active" in words(efua.get(address))


def test_access_is_limited_and_opened_again(efua: FlaskClient, world: Session, cast: Cast) -> None:
    address = f"/admin/enrolments/{cast.enrolment.id}/access"
    assert efua.post(address, data={"access_until": "2026-12-24T18:00"}).status_code == 303
    world.refresh(cast.enrolment)
    assert f"{cast.enrolment.access_until:%Y-%m-%d %H:%M}" == "2026-12-24 18:00"
    assert efua.post(address, data={"access_until": "whenever"}).status_code == 422
    assert efua.post(address, data={"access_until": ""}).status_code == 303
    assert world.scalars(select(Enrolment.access_until).where(Enrolment.id == cast.enrolment.id)).one() is None


def test_enrolments_are_found_by_person_course_and_state(efua: FlaskClient, world: Session, cast: Cast) -> None:
    make_enrolment(world, make_user(world, first_name="Yaa"), cast.intake, state="suspended")
    world.commit()

    def found(query: str) -> list[str]:
        return [words(node).split()[0] for node in parse(efua.get(f"/admin/enrolments{query}")).css("tbody th")]

    assert found("?q=photography") == ["Yaa", "Ama"]
    assert found("?q=ama+november") == ["Ama"]
    assert found("?state=suspended") == ["Yaa"]
    assert found("?q=KM26-0002") == ["Esi"]
    assert_page_and_fragment(efua, "/admin/enrolments", "enrolments")


@pytest.mark.parametrize("duties", [["content"], ["director"]])
def test_only_the_registrar_enrols(sign_in: SignIn, world: Session, cast: Cast, duties: list[str]) -> None:
    other = sign_in(make_user(world, "admin", duties=duties))
    page = other.get(f"/admin/enrolments/{cast.enrolment.id}")
    assert page.status_code == 200
    assert parse(page).css("#content form") == []
    assert other.get(f"/admin/intakes/{cast.intake.id}/enrolments/new").status_code == 403
    assert other.post(f"/admin/enrolments/{cast.enrolment.id}/withdrawal", data={"reason": "X"}).status_code == 403


def test_pages_cost_the_same_for_one_enrolment_and_for_a_hundred(
    efua: FlaskClient, world: Session, cast: Cast, count_queries: CountQueries
) -> None:
    cast.intake.seats, counts = 500, []
    for number in (1, 100):
        for _ in range(number):
            make_enrolment(world, make_user(world, last_name="Addo"), cast.intake)
            make_enrolment(world, cast.ama, make_intake(world))
        world.commit()
        for url in (
            "/admin/enrolments",
            f"/admin/enrolments/{cast.enrolment.id}",
            f"/admin/intakes/{cast.intake.id}/enrolments/new?q=addo",
        ):
            with count_queries() as queries:
                assert efua.get(url).status_code == 200
            assert len(queries) <= 6, str(queries)
            counts.append(len(queries))
    assert counts[:3] == counts[3:]
