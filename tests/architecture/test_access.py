"""Who may open what: every route for every kind of person, held in a table that a reviewer can read.

A new route without a row fails. After a change that is meant: `UPDATE_SNAPSHOTS=1 pytest tests/architecture`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.api_tokens import start_family
from portal.domain.permissions import GRANTS, Duty, Permission
from portal.web.access import access_of
from portal.web.bearer import token_keys
from tests.architecture.estate import STORAGE_KEYS, build_estate
from tests.cast import Cast
from tests.factories import make_user, now

SNAPSHOT = Path(__file__).with_name("access_table.txt")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
PEOPLE = (
    "anonymous", "student", "student elsewhere", "trainer", "trainer elsewhere", "admin", "director", "deactivated",
)  # fmt: skip


@pytest.fixture
def browsers(app: Flask, world: Session, cast: Cast, sign_in: Any, settings: Any) -> dict[str, tuple[FlaskClient, str]]:
    """A signed-in browser and an API token of each kind of person."""
    director = make_user(world, "admin", email="director@example.test", duties=[Duty.DIRECTOR])
    whoever = (cast.ama, cast.esi, cast.kofi, cast.yaw, cast.efua, director, cast.kojo)
    people = dict(zip(PEOPLE[1:], whoever, strict=True))
    found = {"anonymous": (app.test_client(), "")}
    for name, person in people.items():
        token = start_family(world, person.id, token_keys(settings), at=now()).access_token
        found[name] = (sign_in(person), token)
    world.commit()
    return found


def test_every_route_answers_each_person_as_the_table_says(
    app: Flask, connection: Connection, world: Session, cast: Cast, browsers: dict[str, Any]
) -> None:
    estate = build_estate(world, cast)
    put_the_file(app)
    lines = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods))):
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            address = _address(app, rule, estate)
            answers = [f"{name}={_ask(connection, browsers[name], method, address)}" for name in PEOPLE]
            lines.append(f"{method:6} {rule.rule}\n       " + "  ".join(answers))
    table = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(table)
    assert table == SNAPSHOT.read_text()


def test_a_director_reads_the_institute_and_changes_nothing_in_it() -> None:
    lines = SNAPSHOT.read_text().splitlines()
    rows = [[*line.split(), f" {answers} "] for line, answers in zip(lines[::2], lines[1::2], strict=True)]
    inside = [(method, answers) for method, rule, answers in rows if rule.startswith("/admin")]
    assert all(" director=403 " in answers for method, answers in inside if method != "GET")
    for rule in ("/admin/", "/admin/people", "/admin/enrolments", "/admin/audit", "/admin/security"):
        assert next(answers for _, named, answers in rows if named == rule).count(" director=200 ")


def put_the_file(app: Flask) -> None:
    """Give the file of the estate its bytes."""
    storage = app.extensions["storage"]
    for key in STORAGE_KEYS:
        storage.put([b"abc"], key)


def _address(app: Flask, rule: Any, estate: dict[str, Any]) -> str:
    missing = rule.arguments - set(estate)
    assert not missing, f"{rule}: give {missing} a value in tests/architecture/estate.py"
    with app.test_request_context():
        return app.url_map.bind("localhost").build(rule.endpoint, {name: estate[name] for name in rule.arguments})


def _ask(connection: Connection, browser: tuple[FlaskClient, str], method: str, address: str) -> int:
    client, token = browser
    cookies = dict(client._cookies)  # signing out takes the cookie away, and the next page needs it
    headers = {"Authorization": f"Bearer {token}"} if token and address.startswith("/api/v1/") else {}
    undone = connection.begin_nested()
    try:
        status = client.open(address, method=method, headers=headers).status_code
    finally:
        client._cookies = cookies
        db.close_session()
        undone.rollback()
    assert status < 500, f"{method} {address}: {status}"
    return status


def test_every_unsafe_page_refuses_a_form_without_its_token(
    app: Flask, world: Session, cast: Cast, browsers: dict[str, Any]
) -> None:
    estate = build_estate(world, cast)
    admin, _ = browsers["admin"]
    for rule in app.url_map.iter_rules():
        for method in rule.methods & set(UNSAFE):
            if rule.rule.startswith("/api/v1/"):
                continue
            answer = admin.open(_address(app, rule, estate), method=method, with_csrf=False)
            assert answer.status_code in {400, 403}, f"{method} {rule.rule}: {answer.status_code}"


def test_the_api_takes_no_cookie_for_a_token(browsers: dict[str, Any]) -> None:
    for client, _ in browsers.values():
        assert client.get("/api/v1/auth/profile").status_code == 401


def test_every_permission_is_granted_to_someone_and_used_somewhere(app: Flask) -> None:
    assert set(GRANTS) == set(Permission)
    assert all(GRANTS.values())
    used = {access_of(view).permission for view in app.view_functions.values()}
    assert set(Permission) - used == set()
