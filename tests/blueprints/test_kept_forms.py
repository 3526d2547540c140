"""A form being typed when the session ends is kept, for the same person and nobody else."""

from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from portal.domain.accounts.models import User
from portal.web.stored_state import cache_entries
from tests.blueprints.signing_in import PASSWORD, browser, try_to_sign_in, with_password
from tests.factories import make_assignment, now
from tests.pages import parse, words

TYPED = {"first_name": "Ama Serwaa", "last_name": 'Mensah "the second"', "time_zone": "Africa/Accra"}


@pytest.fixture(autouse=True)
def quick_answers(app, monkeypatch):
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def late(app, world, cast, sign_in):
    """Ama's browser, in which she has typed for longer than her session lasted."""
    with_password(world, cast.ama)
    with_password(world, cast.esi)
    return sign_in(cast.ama, last_seen_at=now() - timedelta(hours=2))


def sign_in_again(client, address, name):
    page = parse(client.get(address))
    fields = {node.attributes["name"]: node.attributes.get("value") or "" for node in page.css("main input[name]")}
    fields |= {"email": name, "password": PASSWORD}
    fields.pop("shared", None)
    client.csrf = None
    return client.post("/login", data=fields).location


def test_what_was_typed_goes_on_after_the_same_person_signs_in_again(world, cast, late):
    to_login = late.post("/account", data=TYPED)
    assert to_login.status_code == 303
    assert "What you typed is kept" in words(late.get(to_login.location))
    page = parse(late.get(sign_in_again(late, to_login.location, "ama@example.test")))
    assert "Ama Serwaa" in words(page.body)
    form = page.css_first("main form")
    fields = {node.attributes["name"]: node.attributes["value"] for node in form.css("input")}
    assert fields.items() >= TYPED.items()
    assert late.post(form.attributes["action"], data=fields).location == "/account"
    world.expire_all()
    assert world.get_one(User, cast.ama.id).last_name == 'Mensah "the second"'


def test_nobody_else_sees_it(late):
    to_login = late.post("/account", data=TYPED).location
    assert "Serwaa" not in late.get(to_login).text
    kept_at = sign_in_again(late, to_login, "esi@example.test")
    answer = late.get(kept_at)
    assert (answer.status_code, answer.location) == (303, "/student/")


def test_htmx_is_sent_to_sign_in_as_well(late):
    answer = late.post("/account", data=TYPED, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login?next=/kept-form/")


def test_passwords_are_never_kept(world, late):
    answer = late.post("/account/password", data={"current": PASSWORD, "password": PASSWORD, "repeat": PASSWORD})
    assert answer.location.startswith("/login?next=")
    assert "kept-form" not in answer.location
    assert world.execute(select(cache_entries).where(cache_entries.c.key.like("kept-form:%"))).all() == []


def test_a_form_that_is_not_from_that_session_is_not_kept(world, late):
    late.csrf = "made-up"
    assert "kept-form" not in late.post("/account", data=TYPED).location
    assert world.execute(select(cache_entries).where(cache_entries.c.key.like("kept-form:%"))).all() == []


def test_what_was_kept_is_forgotten_after_two_hours(late):
    to_login = late.post("/account", data=TYPED).location
    with time_machine.travel(now() + timedelta(hours=2, minutes=1)):
        assert late.get(sign_in_again(late, to_login, "ama@example.test")).location == "/student/"


def test_the_cookie_outlives_the_session_so_that_the_last_form_is_known(app, world, cast):
    with_password(world, cast.ama)
    client = browser(app)
    with time_machine.travel(now(), tick=False) as clock:
        try_to_sign_in(client, "ama@example.test", PASSWORD)
        client.csrf = parse(client.get("/account")).css_first("input[name=csrf_token]").attributes["value"]
        clock.shift(timedelta(days=7, hours=1))
        assert "kept-form" in client.post("/account", data=TYPED).location


def test_what_was_typed_goes_on_after_the_password_is_asked_for_again(world, cast, sign_in):
    with_password(world, cast.efua)
    efua = sign_in(cast.efua, reauthenticated_at=now() - timedelta(minutes=11))
    details = f"/admin/people/{cast.ama.id}/details"
    corrected = {"first_name": "Ama", "last_name": "Mensah-Boateng", "email": "ama@example.test", "phone": ""}
    to_confirm = efua.post(details, data=corrected)
    assert to_confirm.status_code == 303
    assert "What you typed is kept" in words(efua.get(to_confirm.location))
    kept_at = parse(efua.get(to_confirm.location)).css_first("input[name=next]").attributes["value"]
    confirmed = efua.post("/confirm-password", data={"password": PASSWORD, "next": kept_at})
    form = parse(efua.get(confirmed.location)).css_first("main form")
    fields = {node.attributes["name"]: node.attributes["value"] for node in form.css("input")}
    assert efua.post(form.attributes["action"], data=fields).location == f"/admin/people/{cast.ama.id}"
    world.expire_all()
    assert world.get_one(User, cast.ama.id).last_name == "Mensah-Boateng"


def test_a_form_that_is_not_from_a_page_of_ours_is_not_kept_when_the_password_is_asked_for(world, cast, sign_in):
    efua = sign_in(cast.efua, reauthenticated_at=now() - timedelta(minutes=11))
    efua.csrf = "made-up"
    answer = efua.post(f"/admin/people/{cast.ama.id}/role", data={"role": "admin"})
    assert answer.location.startswith("/confirm-password")
    assert "kept-form" not in answer.location


def test_somebody_who_may_not_do_it_is_refused_and_nothing_is_kept(cast, sign_in):
    ama = sign_in(cast.ama, reauthenticated_at=now() - timedelta(minutes=11))
    assert ama.post(f"/admin/people/{cast.esi.id}/role", data={"role": "admin"}).status_code == 403


def test_the_words_beside_a_large_file_are_kept_and_the_file_is_named(app, world, cast, late):
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    photo = FileStorage(BytesIO(b"\xff\xd8\xff" + b"x" * 3_000_000), "light.jpg")
    edge, body = encode_multipart({"text": "Three hours of work.", "files": photo})
    to_login = late.post(
        f"/student/assignments/{assignment.id}/submission",
        data=body,
        content_type=f"multipart/form-data; boundary={edge}",
    )
    assert to_login.status_code == 303
    page = late.get(sign_in_again(late, to_login.location, "ama@example.test"))
    assert "Three hours of work." in words(page)
    assert "choose light.jpg again" in words(page)
    assert not list(app.extensions["storage"].receiving.iterdir())
