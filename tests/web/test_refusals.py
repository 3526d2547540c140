"""Whoever is refused leaves a security event, though what was refused is rolled back."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from flask import Blueprint, Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts import security_events
from portal.domain.accounts.api_tokens import start_family
from portal.domain.accounts.models import SecurityEvent, User
from portal.domain.clock import now
from portal.domain.errors import Forbidden
from portal.settings import Settings
from portal.web.access import public
from portal.web.bearer import token_keys
from portal.web.stored_state import limit_counters
from tests.cast import Cast
from tests.web.probes import app_with


def add_a_refused_change(probes: Blueprint) -> None:
    @probes.get("/probe/refused-change/<uuid:user_id>")
    @public
    def refused_change(user_id) -> str:
        with db.transaction() as session:
            session.execute(update(User).where(User.id == user_id).values(first_name="Changed"))
            raise Forbidden("Only the registrar may do this.")


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(replace(settings, limits_factor=1), add_a_refused_change)


def events(world: Session) -> list[SecurityEvent]:
    world.expire_all()
    return list(world.scalars(select(SecurityEvent).order_by(SecurityEvent.at, SecurityEvent.id)))


def test_a_person_without_the_permission_is_written_down_with_where_and_when(world, cast: Cast, sign_in):
    answer = sign_in(cast.ama).get("/admin/people?q=secret", environ_base={"REMOTE_ADDR": "197.251.4.7"})
    assert answer.status_code == 403
    (event,) = events(world)
    assert (event.kind, event.user_id, str(event.address)) == ("access-refused", cast.ama.id, "197.251.4.7")
    assert event.request_id == answer.headers["X-Request-ID"]
    assert event.details == {"method": "GET", "route": "/admin/people", "reason": "permission"}


def test_what_a_rule_refused_is_undone_and_its_event_stays(world, cast: Cast, client):
    assert client.get(f"/probe/refused-change/{cast.ama.id}").status_code == 403
    (event,) = events(world)
    assert (event.kind, event.user_id, event.details["reason"]) == ("access-refused", None, "rule")
    assert world.get_one(User, cast.ama.id).first_name == "Ama"


def test_a_form_from_elsewhere_is_written_down(world, cast: Cast, sign_in):
    answer = sign_in(cast.ama).post("/account", data={"first_name": "Eve"}, with_csrf=False)
    assert answer.status_code == 400
    (event,) = events(world)
    assert (event.kind, event.user_id, event.details["reason"]) == ("access-refused", cast.ama.id, "form token")
    assert "Eve" not in str(event.details)


def test_a_program_without_the_permission_is_written_down_as_its_person(world, cast: Cast, client, settings):
    token = start_family(world, cast.kofi.id, token_keys(settings), at=now()).access_token
    world.commit()
    assert client.get("/api/v1/probe/closed", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    (event,) = events(world)
    assert (event.kind, event.user_id) == ("access-refused", cast.kofi.id)


def test_whoever_reaches_a_limit_is_written_down_once_a_minute(world, client):
    client.get("/probe/page")
    world.execute(update(limit_counters).values(hits=600))
    world.commit()
    assert [client.get("/probe/page").status_code for _ in range(3)] == [429] * 3
    (event,) = events(world)
    assert (event.kind, event.details["route"]) == ("limit-reached", "/probe/page")


def test_a_stranger_who_knocks_again_and_again_does_not_fill_the_table(world, client):
    assert [client.get("/metrics").status_code for _ in range(3)] == [403] * 3
    assert len(events(world)) == 1


def test_a_page_that_does_not_exist_is_no_event(world, client):
    assert client.get("/nowhere").status_code == 404
    assert events(world) == []


def test_a_refusal_stands_though_it_could_not_be_written_down(world, cast: Cast, sign_in, monkeypatch, caplog):
    def away(*_arguments, **_values):
        raise OperationalError("INSERT", {}, Exception("server closed the connection unexpectedly"))

    monkeypatch.setattr(security_events, "record", away)
    with caplog.at_level(logging.ERROR):
        assert sign_in(cast.ama).get("/admin/people").status_code == 403
    assert "refusal_not_noted" in caplog.text


def test_a_caller_without_an_address_that_can_be_kept_is_answered_all_the_same(world, client):
    for address in ("", "unix:", "fe80::1%eth0"):
        assert client.get("/admin/people", environ_base={"REMOTE_ADDR": address}).status_code == 303
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 403
    assert [str(event.address) for event in events(world)] == ["None", "fe80::1"]
