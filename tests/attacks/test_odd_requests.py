"""Whatever is sent, in whatever place of a request: an answer that was meant, and nothing of the portal's insides."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal import db
from portal.domain.accounts.api_tokens import start_family
from portal.domain.keyset import Keyset
from portal.web.bearer import token_keys
from portal.web.pagination import render
from tests.architecture.estate import build_estate
from tests.architecture.test_access import put_the_file
from tests.attacks.attackers import ROOMS, pages_for
from tests.attacks.fuzzing import ROOT, as_query, assert_answered, few_or_many, header_texts, texts, trying
from tests.cast import Cast
from tests.factories import now

HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Type", "Cookie", "Forwarded", "Host",
    "HX-Boosted", "HX-Current-URL", "HX-History-Restore-Request", "HX-Request", "HX-Target", "HX-Trigger",
    "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Origin",
    "Range", "Referer", "Transfer-Encoding", "Upgrade", "User-Agent", "X-CSRFToken", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Request-ID",
)  # fmt: skip
TELLING = (
    "true", "bytes=0-", "bytes=-1", "bytes=9-1", "bytes=0-1,2-3", "bytes=" + "0-1," * 500, "bytes=9999999999999999999-",
    "W/\"x\"", "*", '"', "gzip;q=x", "identity;q=0", "application/json", "multipart/form-data", "text/html",
    "application/json; charset=utf-7", "Bearer ", "Bearer a.b.c", "Basic Og==", "evil.test", "localhost:99999", "[::1",
    "127.0.0.1, 10.0.0.1", "for=\"_x\"", "https", "http://[", "Thu, 99 Foo 9999 99:99:99 GMT", "chunked", "x" * 3000,
)  # fmt: skip
PEOPLE = ("ama", "kofi", "efua")
PLAUSIBLE = (
    "on", "1", "10", "link", "text", "up", "student", "A title", "https://example.test", "2026-12-01",
    "2026-12-01T10:00", "Africa/Accra", "ama@example.test", "a calm river at dawn", "published", "beginner",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick_answers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def estate(app: Flask, world: Session, cast: Cast) -> dict[str, Any]:
    put_the_file(app)
    return build_estate(world, cast)


@pytest.fixture
def ask(connection: Connection) -> Callable[..., TestResponse]:
    """Send one request, check its answer, and undo what it did."""

    def ask(client: FlaskClient, method: str, address: str, **content: Any) -> TestResponse:
        cookies = dict(client._cookies or {})  # signing out takes one away
        undone = connection.begin_nested()
        try:
            answer = client.open(address, method=method, **content)
        finally:
            client._cookies = cookies if client._cookies is not None else None
            db.close_session()
            undone.rollback()
        assert_answered(answer, f"{method} {address[:200]} {str(content)[:300]}")
        answer.close()
        return answer

    return ask


@few_or_many(60, 5000)
def test_any_header_with_anything_in_it(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, examples: int
) -> None:
    ama = sign_in(cast.ama)
    file = f"/student/submissions/{estate['submission_id']}/files/{estate['file_id']}"
    values = st.one_of(header_texts, st.sampled_from(TELLING))

    @given(
        st.sampled_from([file, "/student/assignments", "/login", "/api/v1/courses", "/static/0/css/portal.css", "/x"]),
        st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"]),
        st.dictionaries(st.sampled_from(HEADERS), values, min_size=1, max_size=5),
    )
    @trying(examples)
    def search(address: str, method: str, headers: dict[str, str]) -> None:
        ask(ama, method, address, headers=headers)

    search()


@few_or_many(40, 3000)
def test_any_cookie(app: Flask, estate: dict[str, Any], ask: Any, examples: int) -> None:
    names = st.sampled_from(["portal", "visitor", "device", "__Host-portal", "session", "remember_token", "", "a b"])

    @given(st.sampled_from(["/login", "/student/", "/code"]), st.lists(st.tuples(names, header_texts), max_size=6))
    @trying(examples)
    def search(address: str, cookies: list[tuple[str, str]]) -> None:
        line = "; ".join(f"{name}={value}" for name, value in cookies)
        ask(app.test_client(use_cookies=False), "GET", address, headers={"Cookie": line})

    search()


@pytest.mark.parametrize("value", ["1|" + "0" * 128, "é|é", "|", "x"])
def test_nobody_is_known_by_a_cookie_that_the_portal_never_gives(
    app: Flask, cast: Cast, sign_in: Any, value: str
) -> None:
    """The library of sign-ins would look at one of this name, and stumble over letters it does not expect."""
    cookie = {"Cookie": f"remember_token={value}"}
    visitor = app.test_client(use_cookies=False)
    assert visitor.get("/login", headers=cookie).status_code == 200
    assert visitor.get("/student/", headers=cookie).status_code == 303
    ama = sign_in(cast.ama)
    ama.set_cookie("remember_token", value)
    assert "Ama Mensah" in ama.get("/account").get_data(as_text=True)


@pytest.mark.parametrize("who", PEOPLE)
@few_or_many(40, 3000)
def test_any_id_or_name_in_the_path(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, who: str, examples: int
) -> None:
    browser = sign_in(getattr(cast, who))
    rules = sorted(rule.rule for rule in app.url_map.iter_rules() if rule.arguments)

    @given(st.sampled_from(rules), texts, st.sampled_from(["GET", "POST"]))
    @trying(examples)
    def search(rule: str, value: str, method: str) -> None:
        ask(browser, method, re.sub("<[^>]+>", lambda _: as_query(value), rule))

    search()


@pytest.mark.parametrize("who", PEOPLE)
@few_or_many(1, 30)
def test_any_query_of_any_page(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, who: str, examples: int, world: Session
) -> None:
    """Every page that a person can open, with every parameter that any view or form reads, each once odd."""
    browser, names = sign_in(getattr(cast, who)), sorted({*names_read_from("args"), *fields_of_forms()})
    open_to = [address for address in pages_for(app, estate, who) if ask(browser, "GET", address).status_code == 200]
    assert len(names) > 40
    assert len(open_to) > 5

    @given(st.data())
    @trying(examples)
    def search(data: st.DataObject) -> None:
        for address in open_to:
            asked = data.draw(st.lists(st.tuples(st.sampled_from(names), texts), min_size=2, max_size=12))
            query = "&".join(f"{name}={as_query(value)}" for name, value in asked)
            ask(browser, "GET", f"{address}?{query}")

    search()


@pytest.mark.parametrize("who", PEOPLE)
@few_or_many(1, 30)
def test_any_field_of_any_form(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, who: str, examples: int
) -> None:
    """Every form, with every field that any form has: plausible, odd, twice, or not at all."""
    browser, names = sign_in(getattr(cast, who)), sorted({*names_read_from("form"), *fields_of_forms()})
    adapter = app.url_map.bind("localhost")
    others = [room for person, room in ROOMS.items() if person != who]
    forms = [
        adapter.build(rule.endpoint, {name: estate[name] for name in rule.arguments}, method="POST")
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and not rule.rule.startswith(("/logout", *others))
    ]
    values = st.one_of(texts, st.sampled_from([*PLAUSIBLE, *map(str, estate.values())]))

    @given(st.data())
    @trying(examples)
    def search(data: st.DataObject) -> None:
        for address in forms:
            sent = data.draw(st.lists(st.tuples(st.sampled_from(names), values), min_size=1, max_size=25))
            body = "&".join(f"{name}={as_query(value)}" for name, value in sent)
            ask(browser, "POST", address, data=body, content_type="application/x-www-form-urlencoded")

    search()


@few_or_many(12, 1000)
def test_any_place_in_a_list(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, examples: int
) -> None:
    """Cursors made up, cut, mixed, and such as are well signed for the list but hold what it does not sort by."""

    lists = {
        "admin.people": "/admin/people",
        "admin.audit_trail": "/admin/audit",
        "notifications.index": "/notifications/",
    }
    efua = sign_in(cast.efua)
    odd = st.one_of(st.text(max_size=20), st.integers(), st.datetimes(), st.uuids(), st.decimals(allow_nan=False))

    @given(st.sampled_from(sorted(lists)), odd, odd, st.booleans(), texts)
    @trying(examples)
    def search(endpoint: str, value: Any, key: Any, backwards: bool, noise: str) -> None:
        with app.test_request_context():
            signed = render(Keyset(value, key, backwards), f"{endpoint}||")
        for cursor in (signed, signed[:-3], signed + "x", noise, f"{noise}.{signed}", signed.swapcase()):
            ask(efua, "GET", f"{lists[endpoint]}?cursor={as_query(cursor)}")

    search()


@few_or_many(40, 3000)
def test_any_body_of_many_parts(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, examples: int, bearer: dict[str, str]
) -> None:
    ama = sign_in(cast.ama)
    hand_in = f"/student/assignments/{estate['assignment_id']}/submission"
    submit = f"/api/v1/assignments/{estate['assignment_id']}/submit"
    names = st.sampled_from(
        ["files", "text", "key", "kept", "links", "csrf_token", "submission_text", "x" * 9000, "\x00"]
    )
    part = st.tuples(names, st.one_of(st.none(), texts), st.binary(max_size=200), header_texts)
    ends = st.sampled_from([b"--bound--\r\n", b"--bound", b"", b"--other--\r\n", b"--bound--\r\n--bound--\r\n", b"\n"])

    @given(st.sampled_from([hand_in, submit, "/login", "/account"]), st.lists(part, max_size=6), ends, st.booleans())
    @trying(examples)
    def search(address: str, parts: list[Any], end: bytes, newline_only: bool) -> None:
        body = b"".join(_part(*each) for each in parts) + end
        body = body.replace(b"\r\n", b"\n") if newline_only else body
        ask(ama, "POST", address, data=body, content_type="multipart/form-data; boundary=bound", headers=bearer)

    search()


@pytest.mark.parametrize("who", PEOPLE)
def test_a_file_where_text_is_meant_or_json_in_place_of_a_form_is_no_answer(
    app: Flask, estate: dict[str, Any], cast: Cast, sign_in: Any, ask: Any, who: str
) -> None:
    browser, fields = sign_in(getattr(cast, who)), sorted(set(fields_of_forms()))
    others = [room for person, room in ROOMS.items() if person != who]
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "POST" not in rule.methods or rule.rule.startswith(("/logout", *others)):
            continue
        address = adapter.build(rule.endpoint, {name: estate[name] for name in rule.arguments}, method="POST")
        files = {field: (io.BytesIO(b"not text"), "a.txt") for field in fields}
        ask(browser, "POST", address, data=files, content_type="multipart/form-data")
        for body in ('["title"]', '{"title": 1, "points": [], "reason": {}}', "1", "null"):
            ask(browser, "POST", address, data=body, content_type="application/json")


@few_or_many(60, 4000)
def test_any_json(app: Flask, estate: dict[str, Any], ask: Any, examples: int) -> None:
    values = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
        max_leaves=12,
    )
    fields = st.sampled_from(["email", "password", "refresh_token", "__proto__", "", "\x00"])

    @given(
        st.sampled_from(["login", "refresh", "logout"]), st.one_of(values, st.dictionaries(fields, values, max_size=4))
    )
    @trying(examples)
    def search(call: str, value: Any) -> None:
        answer = ask(
            app.test_client(), "POST", f"/api/v1/auth/{call}", data=json.dumps(value), content_type="application/json"
        )
        assert answer.json["success"] is False

    search()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"{", b'{"email":"\\ud800","password":"\\ud800"}', b"1" * 9000,
        b'{"email":"a","email":"b","password":"x"}', b'{"email":NaN}', b"\xef\xbb\xbf{}", b"null", b"\x00", b"1e999999",
    ],
)  # fmt: skip
def test_a_body_made_to_break_a_reader_of_json_is_refused(app: Flask, connection: Any, body: bytes) -> None:
    answer = app.test_client().post("/api/v1/auth/login", data=body, content_type="application/json")
    assert_answered(answer, repr(body[:40]))
    assert answer.status_code in {400, 401, 422}
    assert answer.json["success"] is False


@pytest.mark.parametrize("query", ["page=1&page=2", "page=2&page=1", "limit=1&limit=100"])
def test_of_a_parameter_that_is_given_twice_the_first_counts(app: Flask, cast: Cast, query: str) -> None:
    name, first = query.split("&")[0].split("=")
    twice, once = (app.test_client().get(f"/api/v1/courses?{asked}") for asked in (query, f"{name}={first}"))
    assert twice.json == once.json


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "PUT", "DELETE", "PATCH", "X"])
@pytest.mark.parametrize("address", ["/login", "/api/v1/courses", "/static/0/css/portal.css", "/courses"])
def test_a_method_that_an_address_does_not_know_is_a_405_that_gives_nothing_back(
    app: Flask, connection: Any, method: str, address: str
) -> None:
    answer = app.test_client().open(address, method=method, headers={"X-Secret": "echo-me", "Cookie": "portal=echo-me"})
    assert answer.status_code == 405
    assert b"echo-me" not in answer.data


@pytest.mark.parametrize(
    "address",
    [
        "/.git/config", "/.git/HEAD", "/.env", "/var/secrets", "/static/", "/static/0/", "/static/0/../../.git/config",
        "/static/0/%2e%2e/%2e%2e/pyproject.toml", "/static/0/..%2f..%2fpyproject.toml", "/server-status", "/console",
        "/static/0/%252e%252e/pyproject.toml", "/static/0/package.json", "/portal/settings.py", "/wsgi.py", "/debug",
        "/admin/mail/..%2f..%2fsecrets", "/backup.sql", "/.DS_Store", "/swagger",
    ],
)  # fmt: skip
def test_nothing_but_the_portals_own_addresses_is_served(app: Flask, cast: Cast, sign_in: Any, address: str) -> None:
    for client in (app.test_client(), sign_in(cast.efua)):
        answer = client.get(address)
        assert answer.status_code == 404
        assert_answered(answer, address)


@pytest.fixture
def bearer(world: Session, cast: Cast, settings: Any) -> dict[str, str]:
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    return {"Authorization": f"Bearer {token}"}


def fields_of_forms() -> Iterator[str]:
    """Yield the name of every field that a form of the portal has."""
    for path in (ROOT / "portal").rglob("*.py"):
        yield from re.findall(r"^    (\w+) = \w+Field\(", path.read_text(), re.M)


def names_read_from(part: str) -> Iterator[str]:
    """Yield the name of everything that a view reads from `request.args` or `request.form` itself."""
    pattern = rf'request\.{part}(?:\.get(?:list)?\(|\[)"(\w+)"|"(\w+)" (?:not )?in request\.{part}'
    for path in (ROOT / "portal").rglob("*.py"):
        for groups in re.findall(pattern, path.read_text()):
            yield from filter(None, groups)


def _part(name: str, file_name: str | None, content: bytes, more: str) -> bytes:
    disposition = f'form-data; name="{name}"' + ("" if file_name is None else f'; filename="{file_name}"')
    header = f"Content-Disposition: {disposition}\r\nX-More: {more}\r\n\r\n".encode("utf-8", "surrogatepass")
    return b"--bound\r\n" + header + io.BytesIO(content).read() + b"\r\n"
