"""Nobody comes in with a session or token that is made up, changed, stolen back, or over."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import ACCESS_MINUTES, ALGORITHM, AUDIENCE, TOKEN_TYPE, TokenPair, start_family
from portal.domain.accounts.tokens import new_token
from portal.web.bearer import token_keys
from tests.attacks.attackers import footprint
from tests.blueprints.signing_in import PASSWORD, browser, is_signed_in, try_to_sign_in, with_password
from tests.cast import Cast
from tests.factories import make_session, now

PROFILE = "/api/v1/auth/profile"


@pytest.fixture(autouse=True)
def quick_answers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def pair(world: Session, cast: Cast, settings: Any) -> TokenPair:
    """Ama's tokens."""
    pair = start_family(world, cast.ama.id, token_keys(settings), at=now())
    world.commit()
    return pair


def call(app: Flask, token: str, scheme: str = "Bearer") -> int:
    return app.test_client().get(PROFILE, headers={"Authorization": f"{scheme} {token}"}).status_code


def with_cookie(app: Flask, value: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("portal", value)
    return client


def test_a_cookie_that_was_changed_or_made_up_opens_nothing(app: Flask, world: Session, cast: Cast) -> None:
    token, row = make_session(world, cast.ama)
    world.commit()
    assert is_signed_in(with_cookie(app, token))
    for made_up in (
        token[:-1] + ("A" if token[-1] != "A" else "B"), token.lower(), token + "=", token[1:], f'"{token}" ', "",
        row.token_hash, str(row.id), str(cast.ama.id), "1", "null", "' OR '1'='1", "%00", "../../etc/passwd",
        "a" * 100, "a" * 101, "a" * 4000, new_token(),
    ):  # fmt: skip
        assert not is_signed_in(with_cookie(app, made_up)), made_up[:40]


def test_a_cookie_that_an_attacker_planted_is_not_the_session_after_signing_in(
    app: Flask, world: Session, cast: Cast
) -> None:
    with_password(world, cast.ama)
    planted = new_token()
    victim = browser(app)
    victim.set_cookie("portal", planted)
    try_to_sign_in(victim, cast.ama.email, PASSWORD)
    assert is_signed_in(victim)
    assert not is_signed_in(with_cookie(app, planted))


def test_an_attackers_own_session_in_the_victims_browser_is_over_when_she_signs_in(
    app: Flask, world: Session, cast: Cast
) -> None:
    with_password(world, cast.ama)
    planted, _ = make_session(world, cast.esi)
    world.commit()
    victim = with_cookie(app, planted)
    form = victim.get("/confirm-password").get_data(as_text=True)
    token = form.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    sent = {"csrf_token": token, "email": cast.ama.email, "password": PASSWORD}
    assert victim.post("/login", data=sent).status_code == 303
    assert not is_signed_in(with_cookie(app, planted))


@pytest.mark.parametrize("how", ["signing out", "a new password", "deactivation", "the office", "idle", "at last"])
def test_a_stolen_cookie_is_worth_nothing_once_the_session_is_over(
    app: Flask, world: Session, cast: Cast, sign_in: Any, how: str
) -> None:
    with_password(world, cast.ama)
    token, row = make_session(world, cast.ama)
    world.commit()
    thief = with_cookie(app, token)
    assert is_signed_in(thief)
    ama, efua = sign_in(cast.ama), sign_in(cast.efua)
    before = now()
    if how == "signing out":
        hers = with_cookie(app, token)
        page = hers.get("/account").get_data(as_text=True)
        hers.csrf = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
        assert hers.post("/logout").status_code == 303
    elif how == "a new password":
        new = "nine kites above the lagoon"
        ama.post("/account/password", data={"current": PASSWORD, "password": new, "repeat": new})
    elif how == "deactivation":
        efua.post(f"/admin/people/{cast.ama.id}/deactivation", data={"reason": "Left the institute"})
    elif how == "the office":
        efua.post(f"/admin/people/{cast.ama.id}/sessions/end")
    elif how == "idle":
        row.last_seen_at = before - timedelta(minutes=row.idle_minutes, seconds=1)
        world.commit()
    else:
        row.expires_at = before - timedelta(seconds=1)
        world.commit()
    assert not is_signed_in(thief)


@pytest.mark.parametrize("secret", ["access", "refresh", "session"])
def test_one_kind_of_secret_does_not_do_for_another(
    app: Flask, world: Session, cast: Cast, pair: TokenPair, secret: str
) -> None:
    cookie, _ = make_session(world, cast.ama)
    world.commit()
    value = {"access": pair.access_token, "refresh": pair.refresh_token, "session": cookie}[secret]
    assert is_signed_in(with_cookie(app, value)) == (secret == "session")
    assert (call(app, value) == 200) == (secret == "access")
    renewed = app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": value[:200]})
    assert (renewed.status_code == 200) == (secret == "refresh")
    for purpose in ("invitation", "reset"):
        assert app.test_client().get(f"/{purpose}/{value[:60]}").status_code == 410


def test_a_token_is_taken_from_its_header_and_from_nowhere_else(app: Flask, pair: TokenPair) -> None:
    client = app.test_client()
    for name in ("access_token", "token", "jwt", "Authorization", "portal"):
        assert client.get(f"{PROFILE}?{name}={pair.access_token}").status_code == 401
        client.set_cookie(name, pair.access_token)
    assert client.get(PROFILE).status_code == 401
    assert client.get(PROFILE, headers={"X-Authorization": f"Bearer {pair.access_token}"}).status_code == 401
    assert [call(app, pair.access_token, scheme) for scheme in ("Basic", "Token", "")] == [401] * 3


def test_a_token_that_was_forged_in_any_known_way_opens_nothing(
    app: Flask, cast: Cast, pair: TokenPair, settings: Any
) -> None:
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    key, head = settings.token_keys[0], {"typ": TOKEN_TYPE}
    assert call(app, jwt.encode(claims, key, algorithm=ALGORITHM, headers=head)) == 200
    header, body, signature = pair.access_token.split(".")

    def unsigned(**fields: Any) -> str:
        text = json.dumps({"typ": TOKEN_TYPE} | fields).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    forged = [
        f"{header}.{body}.{flipped}",
        f"{header}.{body}.",
        f"{header}.{body}",
        *(f"{unsigned(alg=none)}.{body}." for none in ("none", "None", "NONE", "nOnE")),
        f"{unsigned(alg='HS256')}.{body}.{signature}",
        f"{unsigned(alg='RS256')}.{body}.{signature}",
        jwt.encode(claims, "another-key-that-is-long-enough-for-it", algorithm=ALGORITHM, headers=head),
        jwt.encode(claims, key * 2, algorithm="HS512", headers=head),
        *(
            jwt.encode(claims, "x" * 40, algorithm=ALGORITHM, headers=head | trick)
            for trick in (
                {"kid": "../../../../dev/null"}, {"kid": "' UNION SELECT 'x"}, {"jku": "https://evil.test/keys"},
                {"x5u": "https://evil.test/keys"}, {"jwk": {"kty": "oct", "k": "eHh4"}},
            )
        ),
        *(
            jwt.encode(claims | odd, key, algorithm=ALGORITHM, headers=head)
            for odd in (
                {"exp": 1}, {"exp": "9999999999"}, {"exp": None}, {"aud": "elsewhere"}, {"iss": "https://evil.test"},
                {"sub": str(cast.efua.id)}, {"sub": ["x"]}, {"sub": "x' OR 'a'='a"}, {"nbf": 99999999999},
                {"iat": 99999999999}, {"family": str(cast.ama.id)}, {"family": {}},
            )
        ),
        *(
            jwt.encode({claim: told for claim, told in claims.items() if claim != left_out}, key, headers=head)
            for left_out in claims.keys() - {"jti"}
        ),
        "a" * 5000, "..", "a.b.c", "\u00e9.\u00e9.\u00e9",
    ]  # fmt: skip
    opened = [token for token in forged if call(app, token) != 401]
    assert opened == []
    assert claims["aud"] == AUDIENCE


def test_the_roles_a_token_claims_are_not_believed(app: Flask, pair: TokenPair, settings: Any) -> None:
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    claims |= {"role": "admin", "duties": ["system"], "scope": "*", "admin": True}
    token = jwt.encode(claims, settings.token_keys[0], algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE})
    answer = app.test_client().get("/api/v1/dashboard/admin", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["login", "refresh", "access", "page", "reset", "invitation"])
def test_somebody_deactivated_comes_in_by_no_path(
    app: Flask, world: Session, cast: Cast, sign_in: Any, pair: TokenPair, path: str
) -> None:
    with_password(world, cast.ama)
    page = sign_in(cast.ama)
    cast.ama.deactivated_at = now()
    world.add(cast.ama)
    world.commit()
    before = footprint(world)
    if path == "login":
        assert try_to_sign_in(browser(app), cast.ama.email, PASSWORD).status_code == 422
        known = {"email": cast.ama.email, "password": PASSWORD}
        assert app.test_client().post("/api/v1/auth/login", json=known).status_code == 401
        return
    if path == "refresh":
        sent = {"refresh_token": pair.refresh_token}
        assert app.test_client().post("/api/v1/auth/refresh", json=sent).status_code == 401
    elif path == "access":
        assert call(app, pair.access_token) == 401
    elif path == "page":
        assert not is_signed_in(page)
    else:
        client = browser(app)
        form = client.get("/forgot-password").get_data(as_text=True)
        token = form.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
        client.post("/forgot-password", data={"csrf_token": token, "email": cast.ama.email})
        unmailed = {"procrastinate_jobs"}
        assert {footprint(world)[name] for name in unmailed} == {before[name] for name in unmailed}


def test_a_refresh_token_tried_by_two_is_taken_from_both(app: Flask, world: Session, pair: TokenPair) -> None:
    """The thief uses it, then its owner: the second use, after the successor was used, ends the sign-in for both."""
    client = app.test_client()

    def renew(token: str) -> Any:
        return client.post("/api/v1/auth/refresh", json={"refresh_token": token})

    thief = renew(pair.refresh_token).json["data"]
    thief = renew(thief["refresh_token"]).json["data"]
    assert renew(pair.refresh_token).status_code == 401
    assert renew(thief["refresh_token"]).status_code == 401
    assert call(app, thief["token"]) == 401
    assert ACCESS_MINUTES <= 15


def test_a_session_id_is_random_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(10_000)}
    assert len(tokens) == 10_000
    assert min(map(len, tokens)) >= 43  # 256 bits as base64
