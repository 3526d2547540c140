"""Whatever goes wrong, people get a page with a sentence, programs get JSON, and nobody gets our insides."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal import db
from portal.settings import Settings
from portal.web.errors import SENTENCES
from tests.pages import parse, words
from tests.web.probes import REFUSALS, app_with

STATUSES = {"not_found": 404, "forbidden": 403, "conflict": 409, "too_large": 413, "invalid": 422, "unavailable": 503}


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(settings)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_a_page_that_says_why(client, name):
    answer = client.get(f"/probe/refusal/{name}")
    assert answer.status_code == STATUSES[name]
    assert REFUSALS[name].message in words(answer)
    assert answer.headers["X-Request-ID"] in words(answer)
    assert parse(answer).css_first("h1") is not None


@pytest.mark.parametrize("name", REFUSALS)
def test_htmx_gets_the_refusal_as_a_fragment(client, name):
    answer = client.get(f"/probe/refusal/{name}", headers={"HX-Request": "true"})
    assert answer.status_code == STATUSES[name]
    assert b"<html" not in answer.data
    assert REFUSALS[name].message in words(answer)


def test_a_program_gets_the_documented_shape(client):
    answer = client.get("/api/v1/probe/refusal/conflict")
    assert (answer.status_code, answer.mimetype) == (409, "application/json")
    assert answer.json == {
        "success": False,
        "message": "The intake is full.",
        "errors": [{"type": "field", "msg": "No seat is left.", "path": "intake", "location": "body"}],
    }


@pytest.mark.parametrize("code", [400, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503])
def test_every_code_has_a_page_a_fragment_and_json(client, code):
    page = client.get(f"/probe/abort/{code}")
    fragment = client.get(f"/probe/abort/{code}", headers={"HX-Request": "true"})
    program = client.get(f"/api/v1/probe/abort/{code}")
    assert page.status_code == fragment.status_code == program.status_code == code
    assert b"<html" in page.data
    assert len(parse(page).css("h1")) == 1
    assert b"<html" not in fragment.data
    assert program.json["success"] is False
    assert program.json["message"] == SENTENCES[code]


def test_an_unknown_address_is_a_page_for_people_and_json_for_programs(client):
    assert client.get("/nowhere").status_code == 404
    assert client.get("/api/v1/nowhere").json["message"] == SENTENCES[404]


def test_a_wrong_method_still_says_which_are_right(client):
    answer = client.post("/api/v1/probe/fault")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("address", ["/probe/fault", "/api/v1/probe/fault"])
def test_a_fault_shows_nothing_of_our_insides_and_is_logged_with_its_id(client, caplog, address):
    with caplog.at_level(logging.ERROR):
        answer = client.get(address)
    assert answer.status_code == 500
    body = answer.get_data(as_text=True)
    assert not any(inside in body for inside in ("SELECT", "/srv", "RuntimeError", "Traceback"))
    assert any(record.exc_info and "private" in str(record.exc_info[1]) for record in caplog.records)
    assert len(answer.headers["X-Request-ID"]) == 12


def test_a_form_that_was_open_too_long_says_so(client):
    answer = client.post("/probe/form", data={"title": "Light"})
    assert answer.status_code == 400
    assert "reload it and send it again" in words(answer)


def test_without_the_database_the_page_is_a_503_that_asks_to_come_back(client):
    answer = client.get("/probe/database-away")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert b"SELECT" not in answer.data


@pytest.fixture
def away(settings: Settings) -> Iterator[Flask]:
    """The portal while no database answers."""
    yield app_with(replace(settings, database_url="postgresql+psycopg://portal@127.0.0.1:9/portal"))
    db.close_session()


def test_a_signed_in_person_gets_the_503_page_when_the_database_is_away(away: Flask):
    browser = away.test_client()
    browser.set_cookie("portal", "x" * 43)
    for address in ("/probe/own", "/probe/page"):
        answer = browser.get(address)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert "Content-Security-Policy" in answer.headers
    assert away.test_client().get("/probe/page").status_code == 200  # a visitor's page needs no database


def test_a_refusal_leaves_the_way_back_to_the_page_it_came_from(client):
    answer = client.get("/probe/refusal/conflict", headers={"Referer": "http://localhost/admin/intakes?q=film"})
    assert parse(answer).css_first('a[href="/admin/intakes?q=film"]') is not None
    elsewhere = client.get("/probe/refusal/conflict", headers={"Referer": "http://evil.test/x"})
    assert "evil.test" not in elsewhere.get_data(as_text=True)


def test_a_stranger_cannot_choose_the_id_of_a_request(client, world: Session):
    told = client.get("/probe/address", headers={"X-Request-ID": "chosen-by-me"})
    assert told.headers["X-Request-ID"] != "chosen-by-me"
    assert told.json["id"] == told.headers["X-Request-ID"]


@pytest.fixture(scope="module")
def proxied_app(settings: Settings) -> Flask:
    return app_with(replace(settings, trusted_proxies=1))


def test_behind_a_trusted_proxy_its_id_is_kept_if_it_looks_like_one(proxied_app: Flask, connection):
    behind = proxied_app.test_client()
    assert behind.get("/probe/page", headers={"X-Request-ID": "abc-123_DEF"}).headers["X-Request-ID"] == "abc-123_DEF"
    assert (
        behind.get("/probe/page", headers={"X-Request-ID": "a b\tc<script>"}).headers["X-Request-ID"]
        != "a b\tc<script>"
    )
