"""What every answer tells the browser, and which hosts the portal answers for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from portal.settings import Settings
from tests.web.probes import app_with

SECRETS = {
    "secret_key": "a-secret-for-tests-that-is-long-enough-1",
    "jwt_keys": ("a-token-key-for-tests-that-is-long-enough",),
}


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(settings)


@pytest.fixture(scope="module")
def public_app(settings: Settings) -> Flask:
    """The portal as it stands on the internet, behind one proxy."""
    return app_with(
        replace(settings, environment="production", portal_url="https://portal.example.org", trusted_proxies=1)
    )


def over_tls(host: str = "portal.example.org", **headers: str) -> dict[str, str]:
    return {"X-Forwarded-For": "197.251.10.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": host} | headers


@pytest.mark.parametrize("address", ["/probe/page", "/nowhere", "/probe/fault", "/api/v1/nowhere", "/api/health/live"])
def test_every_answer_carries_the_headers_even_an_error(client, address):
    headers = client.get(address).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_pages_vary_by_htmx(client):
    assert "HX-Request" in client.get("/probe/page").headers["Vary"]
    assert "HX-Request" not in client.get("/api/health/live").headers.get("Vary", "")


def test_a_shared_computer_keeps_no_page_of_a_person(client, cast, sign_in):
    assert sign_in(cast.ama).get("/probe/own").headers["Cache-Control"] == "no-store"
    assert client.get("/probe/page").headers["Cache-Control"] == "no-cache"
    assert client.get("/api/health/live").headers["Cache-Control"] == "no-store"


def test_the_address_of_a_token_page_is_told_to_nobody_else(client):
    headers = client.get("/probe/token/abc").headers
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_browsers_are_told_to_come_by_tls_only_where_the_portal_has_it(client, public_app, connection):
    assert "Strict-Transport-Security" not in client.get("/probe/page").headers
    answer = public_app.test_client().get("/probe/page", headers=over_tls())
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_the_portal_answers_for_its_own_host_only(client, public_app, connection):
    outside = public_app.test_client()
    assert outside.get("/probe/page", headers=over_tls()).status_code == 200
    refused = outside.get("/probe/page", headers=over_tls("evil.test"))
    assert refused.status_code == 400
    assert "https://portal.example.org" in refused.get_data(as_text=True)
    assert "evil.test" not in refused.get_data(as_text=True)
    assert client.get("/probe/page", base_url="http://evil.test").status_code == 400


def test_health_is_asked_by_the_local_name_and_pages_are_not(public_app, connection):
    inside = public_app.test_client()
    assert inside.get("/api/health/live", base_url="http://127.0.0.1:8000").status_code == 200
    assert inside.get("/probe/page", base_url="http://127.0.0.1:8000").status_code == 400


def test_the_address_of_a_caller_is_believed_from_a_trusted_proxy_only(client, public_app, connection):
    told = public_app.test_client().get("/probe/address", headers=over_tls()).json
    assert (told["address"], told["scheme"], told["host"]) == ("197.251.10.7", "https", "portal.example.org")
    lie = over_tls(**{"X-Forwarded-For": "8.8.8.8, 197.251.10.7"})
    lied = public_app.test_client().get("/probe/address", headers=lie)
    assert lied.json["address"] == "197.251.10.7"
    assert client.get("/probe/address", headers={"X-Forwarded-For": "8.8.8.8"}).json["address"] == "127.0.0.1"
