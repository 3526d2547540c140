"""Another site cannot act in the name of somebody who is signed in here, nor read what they see."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.domain.accounts.api_tokens import start_family
from portal.settings import Settings
from portal.web.access import access_of
from portal.web.bearer import token_keys
from tests.architecture.crowd import crowd
from tests.architecture.estate import build_estate
from tests.architecture.test_page_costs import ONE_MORE
from tests.attacks.attackers import footprint, pages_for
from tests.blueprints.signing_in import PASSWORD, with_password
from tests.cast import Cast
from tests.conftest import csrf_of
from tests.factories import make_session, now
from tests.pages import CheckedClient, under_test

SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "js"
FOREIGN = (
    "https://evil.test", "null", "http://localhost.evil.test", "http://evil-localhost", "https://localhost",
    "http://localhost:81", "file://",
)  # fmt: skip
OF_FILES = ("/file", "/attachments/", "/voice", "/work.zip")
MAY_BE_WRITTEN = {
    "notifications": {"notifications"},  # one that is opened counts as read
    "invitation": {"sign_in_throttles"},  # tries at a secret are counted
    "reset": {"sign_in_throttles"},
    "all work": {"audit_entries", "audit_details"},  # who takes the work of all away stands in the trail
}


@pytest.fixture(scope="module")
def tls_app(settings: Settings) -> Flask:
    """The portal as it stands on the internet, behind one proxy that ends TLS."""
    changes = {"environment": "production", "portal_url": "https://portal.example.org", "trusted_proxies": 1}
    return under_test(create_app(replace(settings, **changes)))


@pytest.fixture
def ama_over_tls(tls_app: Flask, world: Session, cast: Cast) -> CheckedClient:
    token, row = make_session(world, cast.ama)
    world.commit()
    browser: Any = tls_app.test_client()
    browser.set_cookie("__Host-portal", token, domain="portal.example.org", secure=True)
    browser.csrf = csrf_of(tls_app, row.csrf_token)
    return browser


def over_tls(browser: CheckedClient, method: str, address: str, **more: Any) -> TestResponse:
    proxy = {"X-Forwarded-For": "197.251.10.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "portal.example.org"}
    headers = proxy | more.pop("headers", {})
    return browser.open(address, method=method, headers=headers, base_url="https://portal.example.org", **more)


@pytest.mark.parametrize("token", ["none", "nonsense", "a visitor's", "Esi's", "of her last session", "of another key"])
def test_a_form_without_the_token_of_this_very_session_changes_nothing(
    app: Flask, world: Session, cast: Cast, sign_in: Any, token: str
) -> None:
    ama, esi, earlier = sign_in(cast.ama), sign_in(cast.esi), sign_in(cast.ama)
    csrf_secret = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").loads(ama.csrf)
    visitor = app.test_client().get("/login").get_data(as_text=True)
    sent = {
        "none": "",
        "nonsense": "x.y.z",
        "a visitor's": visitor.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0],
        "Esi's": esi.csrf,
        "of her last session": earlier.csrf,
        "of another key": URLSafeTimedSerializer("another key", salt="wtf-csrf-token").dumps(csrf_secret),
    }[token]
    before = footprint(world)
    form = {"first_name": "Taken", "last_name": "Over", "time_zone": "Africa/Accra"}
    for headers, data in (({"X-CSRFToken": sent}, form), ({}, form | {"csrf_token": sent})):
        answer = ama.post("/account", data=data, headers=headers, with_csrf=False)
        assert answer.status_code == 400
    assert footprint(world) == before


@pytest.mark.parametrize(
    "referer",
    [None, "https://evil.test/", "http://portal.example.org/", "https://portal.example.org.evil.test/"],
)
def test_over_tls_a_form_must_come_from_a_page_of_ours(
    ama_over_tls: CheckedClient, world: Session, referer: str | None
) -> None:
    form = {"first_name": "Ama", "last_name": "Mensah", "time_zone": "Africa/Accra"}
    ours = over_tls(
        ama_over_tls, "POST", "/account", data=form, headers={"Referer": "https://portal.example.org/account"}
    )
    assert ours.status_code == 303
    before = footprint(world)
    foreign = over_tls(ama_over_tls, "POST", "/account", data=form, headers={"Referer": referer} if referer else {})
    assert foreign.status_code == 400
    assert footprint(world) == before


def test_another_site_is_never_told_that_it_may_read(
    app: Flask, world: Session, cast: Cast, sign_in: Any, settings: Any
) -> None:
    """No answer of any address, to a request or to a question before one, allows another origin."""
    estate = build_estate(world, cast)
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    ama = sign_in(cast.ama)
    for number, address in enumerate(pages_for(app, estate, "ama")):
        origin = FOREIGN[number % len(FOREIGN)]
        asked = {"Origin": origin, "Authorization": f"Bearer {token}"}
        before = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        for answer in (ama.get(address, headers=asked), ama.open(address, method="OPTIONS", headers=asked | before)):
            assert "access-control-" not in str(answer.headers).lower(), address
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", address


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", "x"],
)
def test_a_call_takes_json_from_nothing_that_a_foreign_page_can_send(
    app: Flask, connection: Any, content_type: str
) -> None:
    body = json.dumps({"email": "ama@example.test", "password": "x"})
    for address in ("/api/v1/auth/login", "/api/v1/auth/refresh"):
        answer = app.test_client().post(address, data=body, content_type=content_type)
        assert answer.status_code == 415
        assert answer.json["success"] is False


def test_a_hand_in_takes_fields_from_a_form_only(app: Flask, world: Session, cast: Cast, settings: Any) -> None:
    estate = build_estate(world, cast)
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    address = f"/api/v1/assignments/{estate['assignment_id']}/submit"
    headers = {"Authorization": f"Bearer {token}"}
    for content_type in ("application/json", "text/plain"):
        answer = app.test_client().post(
            address, data='{"submission_text": "x"}', content_type=content_type, headers=headers
        )
        assert answer.status_code == 415


def test_no_header_or_field_makes_one_method_of_another(world: Session, cast: Cast, sign_in: Any) -> None:
    ama = sign_in(cast.ama)
    before = footprint(world)
    for trick in ({"X-HTTP-Method-Override": "POST"}, {"X-HTTP-Method": "POST"}, {"X-Method-Override": "DELETE"}):
        assert ama.get("/account/sessions?_method=POST&method=delete", headers=trick).status_code == 200
        assert ama.get("/account/sessions/others/end?_method=POST", headers=trick).status_code == 405
    assert footprint(world) == before


@pytest.mark.parametrize("who", ["ama", "kofi", "efua"])
def test_reading_changes_nothing(app: Flask, world: Session, cast: Cast, sign_in: Any, who: str) -> None:
    """Every page twice, as page and fragment."""
    estate = build_estate(world, cast)
    crowd(world, cast, estate, ONE_MORE)
    browser = sign_in(getattr(cast, who))
    by_room: dict[str, list[str]] = {}
    for address in pages_for(app, estate, who):
        room = "all work" if address.endswith("/work.zip") else address.split("/")[1]
        by_room.setdefault(room, []).append(address)
    for room, addresses in by_room.items():
        before = footprint(world)
        for address, headers in itertools.product(addresses, ({}, {"HX-Request": "true"})):
            browser.get(address, headers=headers)
        after = footprint(world)
        changed = {name for name in after if after[name] != before[name]}
        assert changed <= MAY_BE_WRITTEN.get(room, set()), room


def test_no_page_may_be_framed_and_files_only_by_ourselves(
    app: Flask, world: Session, cast: Cast, sign_in: Any
) -> None:
    estate = build_estate(world, cast)
    for who in ("ama", "kofi", "efua"):
        browser = sign_in(getattr(cast, who))
        for address in pages_for(app, estate, who):
            answer = browser.get(address)
            policy = dict(
                part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ") if " " in part
            )
            framed = policy.get("frame-ancestors", "sandboxed")
            assert framed in {"'none'", "'self'", "sandboxed"}, address
            assert framed == "'none'" or any(part in address for part in OF_FILES), address
            assert answer.headers["X-Content-Type-Options"] == "nosniff", address
            assert "unsafe-eval" not in str(policy), address
            assert "unsafe-inline" not in policy.get("script-src", ""), address


def test_the_cookies_of_the_portal_are_closed_to_scripts_and_bound_to_its_host(
    tls_app: Flask, world: Session, cast: Cast
) -> None:
    with_password(world, cast.ama)
    browser: Any = tls_app.test_client()
    page = over_tls(browser, "GET", "/login")
    form = page.get_data(as_text=True).partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    sent = {"csrf_token": form, "email": cast.ama.email, "password": PASSWORD}
    signed_in = over_tls(browser, "POST", "/login", data=sent, headers={"Referer": "https://portal.example.org/login"})
    assert signed_in.status_code == 303
    given = [*page.headers.getlist("Set-Cookie"), *signed_in.headers.getlist("Set-Cookie")]
    assert {cookie.split("=")[0] for cookie in given} >= {"__Host-visitor", "__Host-portal", "__Host-device"}
    for cookie in given:
        parts = {part.strip().split("=")[0].lower() for part in cookie.split(";")[1:]}
        assert parts >= {"secure", "httponly", "path", "samesite"}, cookie
        assert "domain" not in parts
        assert "SameSite=Lax" in cookie
    assert "max-age=31536000; includeSubDomains" in signed_in.headers["Strict-Transport-Security"]


def test_our_scripts_listen_to_no_other_window_and_keep_nothing_of_a_person(app: Flask) -> None:
    sources = {path.name: path.read_text() for path in SCRIPTS.rglob("*.js")}
    assert sources
    for name, source in sources.items():
        assert "postMessage" not in source, name
        assert not re.search(r"addEventListener\(\s*['\"]message", source), name
        for key in re.findall(r"(?:local|session)Storage\.setItem\(([^,]+),", source):
            assert "theme" in key.lower(), f"{name} keeps {key} in the browser"


def test_every_address_that_changes_something_says_so_by_its_method(app: Flask) -> None:
    """POST is the only unsafe method of pages; each, and those of uploads and programs, wants a token or a bearer."""
    for rule in app.url_map.iter_rules():
        of_scripts = rule.endpoint.startswith("uploads.") or rule.rule.startswith("/api/v1/")
        more = {"PUT", "PATCH", "DELETE"} if of_scripts else set()
        assert rule.methods <= {"GET", "HEAD", "OPTIONS", "POST"} | more, rule
        if {"POST", *more} & rule.methods:
            access = access_of(app.view_functions[rule.endpoint])
            assert access is not None
            assert access.bearer == rule.rule.startswith("/api/v1/")
