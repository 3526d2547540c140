"""Forgotten, chosen and changed passwords."""

import pytest
from sqlalchemy import select, text

from portal.domain.accounts import tokens
from portal.domain.accounts.models import RefreshToken, SingleUseToken, TokenPurpose, User, UserSession
from portal.domain.audit.models import AuditEntry
from portal.domain.notifications.models import Notification
from tests.blueprints.signing_in import PASSWORD, WRONG, browser, fill_in, is_signed_in, try_to_sign_in, with_password
from tests.factories import add, make_session, make_user, now
from tests.pages import parse, words

NEW = "nine tortoises crossed a wide road"


@pytest.fixture(autouse=True)
def quick_answers(app, monkeypatch):
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def ama(world, cast):
    return with_password(world, cast.ama)


def jobs(world):
    return [tuple(row) for row in world.execute(text("SELECT task_name, args->>'user_id' FROM procrastinate_jobs"))]


def secret_for(world, person, purpose, **how):
    secret = tokens.issue(world, person.id, TokenPurpose(purpose), None, now(), **how)
    world.commit()
    return secret


def test_asking_for_a_new_password_is_answered_the_same_for_everyone(app, world, cast, ama):
    make_user(world, email=None, phone="+233201111111")
    world.commit()
    answers = set()
    for name in [ama.email, cast.kojo.email, "nobody@example.test", "+233201111111", "gibberish"]:
        client = browser(app)
        sent = fill_in(client, "/forgot-password", email=name)
        answers.add((sent.status_code, sent.location, words(parse(client.get(sent.location)).css_first("main"))))
    assert len(answers) == 1
    assert jobs(world) == [("accounts.send_reset", str(ama.id))]


def test_somebody_who_never_chose_a_password_is_sent_the_invitation_again(app, world, cast):
    fill_in(browser(app), "/forgot-password", email=cast.esi.email)
    assert jobs(world) == [("accounts.send_invitation", str(cast.esi.id))]


def test_nobodys_inbox_is_flooded(app, world, ama):
    for attempt in range(9):
        assert fill_in(browser(app), "/forgot-password", f"192.0.2.{attempt}", email=ama.email).status_code == 303
    assert len(jobs(world)) == 5


@pytest.mark.parametrize("purpose", ["invitation", "reset"])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_secret_leads_to_a_password_and_into_the_portal_once(app, world, ama, purpose, by_hand):
    address = f"/{purpose}/{secret_for(world, ama, purpose, by_hand=by_hand)}"
    client = browser(app)
    assert client.get(address).status_code == 200
    assert client.get(address).status_code == 200  # looking uses nothing up
    assert fill_in(client, address, password=NEW, repeat=NEW).location == "/student/"
    assert is_signed_in(client)
    assert browser(app).get(address).status_code == 410
    assert try_to_sign_in(browser(app), ama.email, NEW).status_code == 303


def test_a_code_is_typed_from_a_slip(app, world, ama):
    code = secret_for(world, ama, "reset", by_hand=True)
    client = browser(app)
    leads_to = fill_in(client, "/code", code=code.lower().replace("-", "/")).location
    assert client.get(leads_to).status_code == 200
    assert leads_to.startswith("/reset/")
    wrong = fill_in(client, "/code", code="0000-0000-0000-0000")
    assert wrong.status_code == 422
    assert "not valid any more" in words(wrong)


def test_guessing_codes_is_slowed_down(app, world, ama):
    client = browser(app)
    statuses = [
        client.get(f"/reset/{number}", environ_base={"REMOTE_ADDR": "192.0.2.9"}).status_code for number in range(52)
    ]
    assert statuses == [410] * 51 + [429]
    assert browser(app).get(f"/reset/{secret_for(world, ama, 'reset')}").status_code == 200


def test_a_secret_is_told_to_no_other_site_and_kept_in_no_cache(app, world, ama):
    page = browser(app).get(f"/reset/{secret_for(world, ama, 'reset')}")
    assert page.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize(
    "password, repeat",
    [("short", "short"), ("kmmedia institute 2026", "kmmedia institute 2026"), (NEW, NEW + "x"), ("", "")],
)
def test_a_refused_password_does_not_use_the_secret_up(app, world, ama, password, repeat):
    address = f"/invitation/{secret_for(world, ama, 'invitation')}"
    client = browser(app)
    assert fill_in(client, address, password=password, repeat=repeat).status_code == 422
    assert fill_in(client, address, password=NEW, repeat=NEW).status_code == 303


def test_a_reset_ends_every_session_and_every_wait(app, world, ama):
    here, elsewhere = browser(app), browser(app)
    try_to_sign_in(elsewhere, ama.email, PASSWORD)
    for _ in range(5):
        try_to_sign_in(here, ama.email, WRONG)
    fill_in(here, f"/reset/{secret_for(world, ama, 'reset')}", password=NEW, repeat=NEW)
    assert not is_signed_in(elsewhere)
    assert try_to_sign_in(browser(app), ama.email, NEW).status_code == 303
    world.expire_all()
    assert [row.kind for row in world.scalars(select(Notification))] == ["password-changed"]
    assert "user:change-password" in world.scalars(select(AuditEntry.action)).all()


def test_a_first_password_is_no_news_to_its_owner(app, world, cast):
    fill_in(browser(app), f"/invitation/{secret_for(world, cast.esi, 'invitation')}", password=NEW, repeat=NEW)
    assert world.scalars(select(Notification)).all() == []


def test_a_changed_password_signs_out_everywhere_else(app, world, ama, sign_in):
    _, other = make_session(world, ama)
    token = add(
        world,
        RefreshToken(family_id=ama.id, user_id=ama.id, token_hash="x", created_at=now(), expires_at=now()),
    )
    secret = secret_for(world, ama, "reset")
    client = sign_in(ama)
    before = client.get_cookie("portal").value
    changed = client.post("/account/password", data={"current": PASSWORD, "password": NEW, "repeat": NEW})
    assert changed.location == "/account"
    assert client.get_cookie("portal").value != before
    assert is_signed_in(client)
    world.expire_all()
    assert world.get_one(UserSession, other.id).ended_because == "password changed"
    assert world.get_one(RefreshToken, token.id).revoked_at is not None
    assert world.scalars(select(SingleUseToken)).one().voided_at is not None
    assert browser(app).get(f"/reset/{secret}").status_code == 410


def test_changing_a_password_needs_the_present_one(app, world, ama, sign_in):
    client = sign_in(ama)
    stored = ama.password_hash
    statuses = [
        client.post("/account/password", data={"current": WRONG, "password": NEW, "repeat": NEW}).status_code
        for _ in range(6)
    ]
    assert statuses == [422] * 5 + [429]
    world.expire_all()
    assert world.get_one(User, ama.id).password_hash == stored


def test_staff_need_a_longer_password(app, world, cast, sign_in):
    with_password(world, cast.kofi)
    client = sign_in(cast.kofi)
    thirteen = "qzv xjw kpf y"
    refused = client.post("/account/password", data={"current": PASSWORD, "password": thirteen, "repeat": thirteen})
    assert "at least 15 characters" in words(refused)


def test_password_fields_are_masked_and_open_to_password_managers(app, world, ama):
    page = parse(browser(app).get(f"/reset/{secret_for(world, ama, 'reset')}"))
    for name in ("password", "repeat"):
        field = page.css_first(f"input[name={name}]").attributes
        assert (field["type"], field["autocomplete"]) == ("password", "new-password")
        assert "value" not in field or not field["value"]
