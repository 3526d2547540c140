"""How often somebody may ask, exactly as the product says, shared by all workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest
from flask import Flask, g
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from portal.domain.errors import Unavailable
from portal.domain.permissions import Role
from portal.embedded import ClusterAccess
from portal.settings import Settings
from portal.web import limits
from portal.web.counters import PostgresCounters
from portal.web.stored_state import limit_counters
from tests.factories import make_session, make_user
from tests.web.probes import app_with


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(replace(settings, limits_factor=1))


@pytest.fixture
def at_the_limit(world: Session):
    """Count everything up to one below a limit, as if it had been asked so often."""

    def fill(hits: int) -> None:
        world.execute(update(limit_counters).values(hits=hits))
        world.commit()

    return fill


def test_a_visitor_gets_600_pages_a_minute_and_then_a_429_that_says_when(client, at_the_limit):
    assert client.get("/probe/page").status_code == 200
    at_the_limit(599)
    assert client.get("/probe/page").status_code == 200
    refused = client.get("/probe/page")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert b"<h1" in refused.data


def test_addresses_that_do_not_exist_count_as_well(client, at_the_limit):
    client.get("/nowhere")
    at_the_limit(600)
    assert client.get("/nowhere").status_code == 429
    assert client.get("/api/v1/nowhere").status_code == 429


def test_a_visitor_who_asks_too_often_does_not_stop_a_signed_in_person_beside_them(client, at_the_limit, cast, sign_in):
    client.get("/probe/page")
    at_the_limit(600)
    assert client.get("/probe/page").status_code == 429
    ama = sign_in(cast.ama)
    assert ama.get("/probe/own").status_code == 200
    at_the_limit(600)
    assert ama.get("/probe/own").status_code == 429
    assert sign_in(cast.ama).get("/probe/own").status_code == 200  # another session of hers


def test_health_figures_and_static_files_are_never_counted(client, world: Session):
    for address in ("/api/health/live", "/metrics", "/static/nothing.css"):
        client.get(address)
    counted = select(limit_counters.c.key).where(~limit_counters.c.key.contains("/refused/"))
    assert world.scalars(counted).all() == []


def test_whoever_is_known_is_found_and_counted_in_one_statement(cast, sign_in, count_queries, world: Session):
    ama = sign_in(cast.ama)
    with count_queries() as queries:
        assert ama.get("/probe/own").status_code == 200
    counting = [statement for statement in queries.statements if "limit_counters" in statement]
    assert len(counting) == 1, queries
    assert "users" in counting[0]
    keys = world.execute(select(limit_counters.c.key, limit_counters.c.hits)).all()
    assert [(key.rpartition(":")[0], hits) for key, hits in keys] == [("page/session", 1)]


def test_a_minute_that_is_over_starts_a_session_again(cast, sign_in, at_the_limit, world: Session):
    ama = sign_in(cast.ama)
    ama.get("/probe/own")
    at_the_limit(600)
    assert ama.get("/probe/own").status_code == 429
    world.execute(update(limit_counters).values(expires_at=func.clock_timestamp() - timedelta(seconds=1)))
    world.commit()
    assert ama.get("/probe/own").status_code == 200
    assert world.scalar(select(limit_counters.c.hits)) == 1


def test_counting_a_page_costs_one_statement(client, count_queries):
    client.get("/probe/page")
    with count_queries() as queries:
        client.get("/probe/page")
    assert len(queries) == 1, queries


@pytest.mark.parametrize("role, calls", [(Role.ADMIN, 500), (Role.TRAINER, 200), (Role.STUDENT, 100)])
def test_a_known_caller_of_the_api_is_counted_by_role_and_not_by_address(app, connection, at_the_limit, role, calls):
    def call(person) -> None:
        with app.test_request_context("/api/v1/probe/open", environ_base={"REMOTE_ADDR": "10.0.0.1"}):
            g.api_person = person
            limits.check_api_call(public_read=False)

    person, other = SimpleNamespace(id=uuid4(), role=role), SimpleNamespace(id=uuid4(), role=role)
    call(person)
    at_the_limit(calls - 1)
    call(person)
    with pytest.raises(TooManyRequests) as refusal:
        call(person)
    assert 1 <= limits_seconds(app, refusal.value) <= 15 * 60
    call(other)  # from the same address


def limits_seconds(app: Flask, refusal: TooManyRequests) -> int:
    with app.test_request_context():
        return limits.seconds_to_wait(refusal)


@pytest.mark.parametrize("view, status, calls", [("open", 200, 200), ("closed", 401, 50)])
def test_an_unknown_caller_of_the_api_is_counted_by_address(client, at_the_limit, view, status, calls):
    assert client.get(f"/api/v1/probe/{view}").status_code == status
    at_the_limit(calls - 1)
    assert client.get(f"/api/v1/probe/{view}").status_code == status
    refused = client.get(f"/api/v1/probe/{view}")
    assert refused.status_code == 429
    assert refused.json["success"] is False
    assert refused.json["retryAfter"] == int(refused.headers["Retry-After"])


def test_fifty_failures_in_a_quarter_of_an_hour_stop_an_address(app, connection):
    with app.test_request_context(environ_base={"REMOTE_ADDR": "10.0.0.2"}):
        for _ in range(50):
            limits.check_failures("api-sign-in")
            limits.count_failure("api-sign-in")
        with pytest.raises(TooManyRequests):
            limits.check_failures("api-sign-in")
        limits.check_failures("reset")  # another secret is another count
    with app.test_request_context(environ_base={"REMOTE_ADDR": "10.0.0.3"}):
        limits.check_failures("api-sign-in")


def test_a_household_of_ipv6_is_one_caller(app):
    def address(raw: str) -> str:
        with app.test_request_context(environ_base={"REMOTE_ADDR": raw}):
            return limits.address()

    assert address("2001:db8:1:2::5") == address("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert address("2001:db8:1:3::5") != address("2001:db8:1:2::5")
    assert address("::ffff:197.251.10.7") == "197.251.10.7"


@pytest.fixture(scope="module")
def measured_app(settings: Settings) -> Flask:
    return app_with(replace(settings, limits_factor=10))


def test_a_raised_factor_multiplies_every_limit(measured_app: Flask, connection, at_the_limit):
    measured = measured_app.test_client()
    measured.get("/probe/page")
    at_the_limit(5999)
    assert measured.get("/probe/page").status_code == 200
    assert measured.get("/probe/page").status_code == 429


def test_a_window_that_is_over_starts_again(connection, world: Session):
    counters = PostgresCounters()
    assert [counters.incr("page/a", 60) for _ in range(3)] == [1, 2, 3]
    world.execute(update(limit_counters).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    world.commit()
    assert counters.get("page/a") == 0
    assert counters.incr("page/a", 60) == 1


def test_callers_at_the_same_moment_are_all_counted(live_engine):
    with ThreadPoolExecutor(8) as workers:
        seen = list(workers.map(lambda _: PostgresCounters().incr("page/rush", 60), range(80)))
    assert sorted(seen) == list(range(1, 81))


@pytest.fixture
def counters_away(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """The table of counters cannot be reached, everything else can."""

    def away(*_args, **_kwargs):
        raise OperationalError("INSERT", {}, Exception("the server is away"))

    for name in ("incr", "get"):
        monkeypatch.setattr(app.extensions["limits"].storage, name, away)


def test_pages_are_answered_while_the_counters_are_away(client, counters_away):
    assert client.get("/probe/page").status_code == 200


def test_people_stay_signed_in_where_nothing_can_be_counted(
    app: Flask, cluster: ClusterAccess, live_database: str, live_engine: Engine, portal_engine: Engine, caplog
):
    with Session(live_engine) as session:
        cookie, _ = make_session(session, make_user(session))
        session.commit()
    browser = app.test_client()
    browser.set_cookie("portal", cookie)
    of_the_portal = f"ALTER ROLE portal IN DATABASE {live_database}"
    for nothing_is_written in ("on", "off"):
        with psycopg.connect(cluster.superuser_url(live_database)) as superuser:
            superuser.execute(f"{of_the_portal} SET default_transaction_read_only = {nothing_is_written}")
        portal_engine.dispose()  # those who are connected already may still write
        assert browser.get("/probe/own").status_code == 200
        assert ("limits_away" in caplog.text) == (nothing_is_written == "on")
        caplog.clear()


def test_sign_ins_and_writes_of_the_api_are_refused_while_the_counters_are_away(app, client, counters_away):
    assert client.get("/api/v1/probe/open").status_code == 200
    with app.test_request_context("/api/v1/probe/open", method="POST"), pytest.raises(Unavailable):
        limits.check_api_call(public_read=False)
    with app.test_request_context("/login", method="POST"), pytest.raises(Unavailable):
        limits.check_failures("sign-in")
