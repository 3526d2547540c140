"""The office's pages of intakes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.courses import queries as courses
from portal.domain.courses.models import Intake
from tests.cast import Cast
from tests.factories import make_enrolment, make_intake, make_user
from tests.pages import assert_page_and_fragment, parse, words
from tests.queries import QueryCounter

CountQueries = Callable[[], AbstractContextManager[QueryCounter]]
FORM = {
    "title": "January 2027", "starts_on": "2027-01-11", "ends_on": "2027-03-08", "application_deadline": "2027-01-04",
    "seats": "12", "price_pesewas": "1200", "application_fee_pesewas": "100",
}  # fmt: skip


def test_an_intake_is_made_with_its_trainers(efua: FlaskClient, world: Session, cast: Cast) -> None:
    page = parse(efua.get(f"/admin/courses/{cast.photography.id}/intakes/new"))
    assert page.css_first('[name="price_pesewas"]').attributes["value"] == "1200.00"
    form = FORM | {"trainers": [str(cast.kofi.id), str(cast.efua.id)]}
    made = efua.post(f"/admin/courses/{cast.photography.id}/intakes/new", data=form)
    assert made.status_code == 303
    intake = world.scalars(select(Intake).where(Intake.title == "January 2027")).one()
    assert (intake.seats, intake.price_pesewas, intake.starts_on) == (12, 120_000, date(2027, 1, 11))
    assert "Efua Darko, Kofi Asante" in words(efua.get(made.location)).replace(
        "Kofi Asante, Efua Darko", "Efua Darko, Kofi Asante"
    )


def test_dates_in_the_wrong_order_are_refused_beside_their_fields(efua: FlaskClient, cast: Cast) -> None:
    form = FORM | {"ends_on": "2027-01-01", "application_deadline": "2027-02-01"}
    answer = efua.post(f"/admin/courses/{cast.photography.id}/intakes/new", data=form)
    assert answer.status_code == 422
    assert "The last day comes after the first." in words(answer)
    assert (
        efua.post(f"/admin/courses/{cast.photography.id}/intakes/new", data=FORM | {"starts_on": "soon"}).status_code
        == 422
    )


def test_a_name_that_is_taken_is_a_conflict(efua: FlaskClient, cast: Cast) -> None:
    form = FORM | {"title": cast.intake.title}
    answer = efua.post(f"/admin/courses/{cast.photography.id}/intakes/new", data=form)
    assert answer.status_code == 409
    assert "This course has an intake of that name already." in words(answer)


def test_seats_are_not_lowered_below_those_taken(efua: FlaskClient, world: Session, cast: Cast) -> None:
    make_enrolment(world, make_user(world), cast.intake)
    world.commit()
    address = f"/admin/intakes/{cast.intake.id}/details"
    answer = efua.post(address, data=FORM | {"seats": "1"})
    assert answer.status_code == 409
    assert "2 seats are taken" in words(parse(answer).css_first("#seats-error"))
    assert efua.post(address, data=FORM | {"seats": "2"}).status_code == 303
    assert courses.intake(world, cast.intake.id).seats == 2


def test_trainers_are_named_anew(efua: FlaskClient, world: Session, cast: Cast) -> None:
    address = f"/admin/intakes/{cast.intake.id}/trainers"
    assert parse(efua.get(address)).css(f'input[value="{cast.kofi.id}"][checked]')
    assert efua.post(address, data={"trainers": [str(cast.yaw.id)]}).status_code == 303
    assert courses.trainers_of(world, cast.intake.id) == [cast.yaw.id]
    assert efua.post(address, data={"trainers": [str(cast.ama.id)]}).status_code == 422


def test_a_full_intake_says_so_plainly(efua: FlaskClient, world: Session, cast: Cast) -> None:
    cast.intake.seats = 1
    world.commit()
    page = efua.get(f"/admin/intakes/{cast.intake.id}")
    assert "This intake is full" in words(page)
    assert parse(page).css(f'a[href$="/intakes/{cast.intake.id}/enrolments/new"]') == []


def test_ended_intakes_are_listed_on_request(efua: FlaskClient, world: Session, cast: Cast) -> None:
    yesterday = date.today() - timedelta(days=1)
    make_intake(
        world,
        cast.film,
        title="Long ago",
        starts_on=yesterday - timedelta(days=60),
        ends_on=yesterday,
        application_deadline=yesterday,
    )
    world.commit()
    assert "Long ago" not in words(efua.get("/admin/intakes"))
    assert "Long ago" in words(efua.get("/admin/intakes?past=1"))
    assert "Long ago" in words(efua.get("/admin/intakes?past=1&q=film ago"))


def test_the_lists_are_pages_and_fragments(efua: FlaskClient, cast: Cast) -> None:
    assert_page_and_fragment(efua, "/admin/intakes", "intakes")
    assert_page_and_fragment(efua, f"/admin/intakes/{cast.intake.id}", "students")


def test_an_intake_that_is_not_there_is_not_found(efua: FlaskClient, cast: Cast) -> None:
    for address in ("", "/details", "/trainers", "/enrolments/new"):
        assert efua.get(f"/admin/intakes/{cast.photography.id}{address}").status_code == 404


def test_pages_cost_the_same_for_one_intake_and_for_a_hundred(
    efua: FlaskClient, world: Session, cast: Cast, count_queries: CountQueries
) -> None:
    cast.intake.seats, counts = 500, []
    for number in (1, 100):
        for _ in range(number):
            make_intake(world, trainers=[cast.kofi, cast.yaw])
            make_enrolment(world, make_user(world), cast.intake)
        world.commit()
        for url in ("/admin/intakes", f"/admin/intakes/{cast.intake.id}", f"/admin/intakes/{cast.intake.id}/trainers"):
            with count_queries() as queries:
                assert efua.get(url).status_code == 200
            assert len(queries) <= 6, str(queries)
            counts.append(len(queries))
    assert counts[:3] == counts[3:]
