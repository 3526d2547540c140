"""Signing in and out, waiting after wrong passwords, and how long a session lasts."""

import time
from datetime import timedelta

import bcrypt
import pytest
import time_machine
from sqlalchemy import select

from portal.domain.accounts.identifiers import make_student_number
from portal.domain.accounts.models import Device, SecurityEvent, User, UserSession
from portal.domain.accounts.operations import lift_wait
from portal.domain.accounts.visitors import Visitor
from portal.domain.permissions import system_actor
from portal.web.even_answers import EVEN_ANSWER_SECONDS
from tests.blueprints.signing_in import PASSWORD, WRONG, browser, fill_in, is_signed_in, try_to_sign_in, with_password
from tests.factories import make_user, now
from tests.pages import parse, words

STRANGER = "198.51.100.9"


@pytest.fixture(autouse=True)
def quick_answers(app, monkeypatch):
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def ama(world, cast):
    return with_password(world, cast.ama)


def cookies(response):
    return {line.split("=", 1)[0]: line for line in response.headers.getlist("Set-Cookie")}


@pytest.mark.parametrize("role, page", [("student", "/student/"), ("trainer", "/trainer/"), ("admin", "/admin/")])
def test_everyone_lands_where_their_work_is(app, world, role, page):
    person = with_password(world, make_user(world, role))
    assert try_to_sign_in(browser(app), person.email, PASSWORD).location == page


@pytest.mark.parametrize("name", ["ama@example.test", "AMA@Example.Test ", "024 123 4567", "+233241234567", "number"])
def test_a_student_signs_in_with_any_of_her_names(app, world, ama, name):
    ama.student_number = make_student_number(2026, 147)
    world.commit()
    client = browser(app)
    try_to_sign_in(client, "km26 0147 k" if name == "number" else name, PASSWORD)
    assert is_signed_in(client)


def test_nobody_can_tell_which_accounts_exist(app, world, cast, ama):
    """Not by words or status, not before nor after the lockout."""
    invited = make_user(world, email="invited@example.test")
    with_password(world, cast.kojo)  # deactivated
    answers = {}
    for name, password in [
        (ama.email, WRONG),
        (cast.kojo.email, PASSWORD),
        (invited.email, WRONG),
        ("nobody@example.test", WRONG),
        ("+233209999999", WRONG),
        ("KM26-9999-Z", WRONG),
        ("gibberish", WRONG),
    ]:
        client = browser(app)
        seen = []
        for attempt in range(7):
            page = try_to_sign_in(client, name, password, _from=f"192.0.2.{attempt}")
            assert words(parse(page).css_first("main"))
            seen.append((page.status_code, words(parse(page).css_first(".error-summary"))))
        answers[name] = [(status, text.replace("59 seconds", "1 minute")) for status, text in seen]
    assert len({str(seen) for seen in answers.values()}) == 1, answers
    statuses = [status for status, _ in answers[ama.email]]
    assert statuses == [422] * 5 + [429] * 2


def test_answers_take_as_long_whether_the_account_exists_or_not(app, world, ama, monkeypatch):
    monkeypatch.delitem(app.config, "EVEN_ANSWER_SECONDS")
    ama.password_hash = bcrypt.hashpw(b"old password", bcrypt.gensalt(8)).decode()
    world.commit()

    def seconds(name):
        client = browser(app)
        client.get("/login")
        started = time.perf_counter()
        try_to_sign_in(client, name, WRONG)
        return time.perf_counter() - started

    assert min(map(seconds, (ama.email, "nobody@example.test"))) >= EVEN_ANSWER_SECONDS


def test_a_program_cannot_tell_which_accounts_exist_either(app, world, ama, monkeypatch):
    """A hash of the earlier portal takes longer to compare than one of ours: nobody may see that."""
    monkeypatch.delitem(app.config, "EVEN_ANSWER_SECONDS")
    ama.password_hash = bcrypt.hashpw(b"old password", bcrypt.gensalt(11)).decode()
    world.commit()
    answers, times = [], []
    for name in (ama.email, "nobody@example.test"):
        started = time.perf_counter()
        answer = app.test_client().post("/api/v1/auth/login", json={"email": name, "password": WRONG})
        times.append(time.perf_counter() - started)
        answers.append((answer.status_code, answer.json))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert min(times) >= EVEN_ANSWER_SECONDS  # each takes its time, longer than any comparison; tests/attacks measures


def test_after_five_wrong_passwords_even_the_right_one_waits_and_then_works(app, world, ama):
    client = browser(app)
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(5):
            assert try_to_sign_in(client, ama.email, WRONG).status_code == 422
        page = try_to_sign_in(client, ama.email, PASSWORD)
        assert page.status_code == 429
        assert page.headers["Retry-After"] == "60"
        assert "wait 1 minute" in words(page)
        clock.shift(timedelta(seconds=60))
        assert try_to_sign_in(client, ama.email, PASSWORD).status_code == 303
    assert is_signed_in(client)


def test_the_device_she_knows_is_never_locked_out_by_strangers(app, world, ama):
    hers, stranger = browser(app), browser(app)
    try_to_sign_in(hers, ama.email, PASSWORD)
    fill_in(hers, "/account/sessions")
    hers.delete_cookie("portal")
    for attempt in range(8):
        try_to_sign_in(stranger, ama.email, WRONG, _from=f"192.0.2.{attempt}")
    assert try_to_sign_in(browser(app), ama.email, PASSWORD).status_code == 429
    assert try_to_sign_in(hers, ama.email, PASSWORD).status_code == 303


def test_a_known_device_has_five_tries_of_its_own(app, world, ama):
    hers = browser(app)
    try_to_sign_in(hers, ama.email, PASSWORD)
    hers.delete_cookie("portal")
    statuses = [try_to_sign_in(hers, ama.email, WRONG).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert try_to_sign_in(browser(app), ama.email, PASSWORD).status_code == 303  # others are not held by it


def test_a_device_known_for_one_account_is_a_stranger_to_another(app, world, cast, ama):
    with_password(world, cast.esi)
    client = browser(app)
    try_to_sign_in(client, ama.email, PASSWORD)
    client.delete_cookie("portal")
    for _ in range(5):
        try_to_sign_in(client, cast.esi.email, WRONG)
    assert try_to_sign_in(browser(app), cast.esi.email, PASSWORD, _from=STRANGER).status_code == 429


def test_her_success_elsewhere_does_not_give_a_stranger_new_tries(app, world, ama):
    stranger = browser(app)
    for _ in range(4):
        try_to_sign_in(stranger, ama.email, WRONG, _from=STRANGER)
    assert try_to_sign_in(browser(app), ama.email, PASSWORD).status_code == 303
    assert try_to_sign_in(stranger, ama.email, WRONG, _from=STRANGER).status_code == 422
    assert try_to_sign_in(stranger, ama.email, WRONG, _from=STRANGER).status_code == 429


def test_above_fifty_failures_an_hour_strangers_at_that_address_wait_half_a_minute(app, world, ama):
    client = browser(app)
    with time_machine.travel(now(), tick=False) as clock:
        statuses = [try_to_sign_in(client, f"person{n}@x.test", WRONG, _from=STRANGER).status_code for n in range(52)]
        assert statuses == [422] * 51 + [429]
        page = try_to_sign_in(client, ama.email, PASSWORD, _from=STRANGER)
        assert (page.status_code, page.headers["Retry-After"]) == (429, "30")
        assert try_to_sign_in(browser(app), ama.email, PASSWORD, _from="192.0.2.50").status_code == 303
        clock.shift(timedelta(seconds=30))
        assert try_to_sign_in(client, ama.email, PASSWORD, _from=STRANGER).status_code == 303


def test_an_admin_lifts_a_wait(app, world, ama):
    client = browser(app)
    for _ in range(5):
        try_to_sign_in(client, ama.email, WRONG)
    assert try_to_sign_in(client, ama.email, PASSWORD).status_code == 429
    lift_wait(world, system_actor("test"), ama.id, Visitor(), at=now())
    world.commit()
    assert try_to_sign_in(client, ama.email, PASSWORD).status_code == 303


def test_a_password_hash_of_the_earlier_portal_is_replaced_at_sign_in(app, world, ama):
    ama.password_hash = bcrypt.hashpw(b"short", bcrypt.gensalt(4)).decode()
    world.commit()
    assert try_to_sign_in(browser(app), ama.email, "short").status_code == 303
    world.expire_all()
    assert world.get_one(User, ama.id).password_hash.startswith("$argon2id$")
    assert try_to_sign_in(browser(app), ama.email, "short").status_code == 303


def test_signing_in_gives_a_new_session_and_ends_the_one_before(app, world, ama):
    client = browser(app)
    client.set_cookie("portal", "chosen-by-an-attacker")
    try_to_sign_in(client, ama.email, PASSWORD)
    first = client.get_cookie("portal").value
    assert first != "chosen-by-an-attacker"
    token = parse(client.get("/account")).css_first("input[name=csrf_token]").attributes["value"]
    client.post("/login", data={"csrf_token": token, "email": ama.email, "password": PASSWORD})
    assert client.get_cookie("portal").value != first
    thief = browser(app)
    thief.set_cookie("portal", first)
    assert not is_signed_in(thief)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.test",
        "https://evil.test",
        "/\\evil.test",
        "\\evil.test",
        "javascript:alert(1)",
        "/\tevil",
        "evil.test",
        "",
    ],
)
def test_nobody_is_sent_out_of_the_portal(app, world, ama, target):
    assert try_to_sign_in(browser(app), ama.email, PASSWORD, next=target).location == "/student/"


def test_people_come_back_to_where_they_wanted_to_go(app, world, ama):
    client = browser(app)
    to_login = client.get("/account/sessions").location
    assert to_login.startswith("/login?next=")
    page = parse(client.get(to_login))
    fields = {node.attributes["name"]: node.attributes.get("value") or "" for node in page.css("form input[name]")}
    fields |= {"email": ama.email, "password": PASSWORD}
    fields.pop("shared")
    assert client.post("/login", data=fields).location.rstrip("?") == "/account/sessions"


def test_cookies_are_closed_to_scripts_and_hold_only_random_text(app, world, ama):
    given = cookies(try_to_sign_in(browser(app), ama.email, PASSWORD))
    for name in ("portal", "device"):
        assert "HttpOnly" in given[name]
        assert "SameSite=Lax" in given[name]
    world.expire_all()
    row = world.scalars(select(UserSession)).one()
    assert row.token_hash not in given["portal"]
    assert "Expires" in given["portal"]


def test_a_shared_computer_keeps_nothing(app, world, ama):
    client = browser(app)
    given = cookies(try_to_sign_in(client, ama.email, PASSWORD, shared="y"))
    assert "Expires" not in given["portal"]
    assert "device" not in given
    assert world.scalars(select(Device)).all() == []
    client.csrf = parse(client.get("/account")).css_first("input[name=csrf_token]").attributes["value"]
    assert client.post("/logout").headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'


def test_on_the_institutes_line_computers_count_as_shared(app, monkeypatch):
    from dataclasses import replace
    from ipaddress import ip_network

    settings = replace(app.config["SETTINGS"], trusted_networks=(ip_network("203.0.113.0/24"),))
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    inside = browser(app).get("/login", environ_base={"REMOTE_ADDR": "203.0.113.7"})
    outside = browser(app).get("/login", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert "checked" in parse(inside).css_first("input[name=shared]").attributes
    assert "checked" not in parse(outside).css_first("input[name=shared]").attributes


MINUTES, HOURS, DAYS = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))


@pytest.mark.parametrize(
    "role, shared, idle, absolute",
    [
        ("student", False, 12 * HOURS, 7 * DAYS),
        ("trainer", False, 12 * HOURS, 7 * DAYS),
        ("admin", False, 1 * HOURS, 12 * HOURS),
        ("student", True, 30 * MINUTES, 3 * HOURS),
        ("trainer", True, 30 * MINUTES, 3 * HOURS),
        ("admin", True, 30 * MINUTES, 3 * HOURS),
    ],
)
def test_a_session_ends_unused_and_at_last_however_much_it_is_used(app, world, role, shared, idle, absolute):
    person = with_password(world, make_user(world, role))
    second = timedelta(seconds=1)
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        client = browser(app)
        extra = {"shared": "y"} if shared else {}
        try_to_sign_in(client, person.email, PASSWORD, **extra)
        clock.move_to(start + idle - second)
        assert is_signed_in(client)
        clock.move_to(start + 2 * idle - second)
        assert not is_signed_in(client)
        clock.move_to(start)
        client = browser(app)
        try_to_sign_in(client, person.email, PASSWORD, **extra)
        at = start
        while at + idle - second < start + absolute - second:
            at += idle - second
            clock.move_to(at)
            assert is_signed_in(client)
        clock.move_to(start + absolute - second)
        assert is_signed_in(client)
        clock.move_to(start + absolute)
        assert not is_signed_in(client)


def test_signing_out_ends_the_session_on_the_server(app, world, ama):
    client = browser(app)
    try_to_sign_in(client, ama.email, PASSWORD)
    stolen = client.get_cookie("portal").value
    client.csrf = parse(client.get("/account")).css_first("input[name=csrf_token]").attributes["value"]
    response = client.post("/logout")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    thief = browser(app)
    thief.set_cookie("portal", stolen)
    assert not is_signed_in(thief)


def test_what_happens_at_the_door_is_written_down_without_what_was_typed(app, world, ama):
    client = browser(app)
    for _ in range(6):
        try_to_sign_in(client, ama.email, WRONG)
    events = world.scalars(select(SecurityEvent).order_by(SecurityEvent.id)).all()
    assert [event.kind for event in events] == ["sign-in-failed"] * 5 + ["sign-in-made-to-wait"]
    assert {str(event.address) for event in events} == {"203.0.113.7"}
    assert WRONG not in str([vars(event) for event in events])


def test_what_matters_asks_for_the_password_again_after_ten_minutes(app, world, cast, sign_in):
    with_password(world, cast.efua)
    client = sign_in(cast.efua, reauthenticated_at=now() - timedelta(minutes=11))
    wanted = f"/admin/people/{cast.ama.id}/role"
    asked = client.get(wanted)
    assert asked.location.startswith("/confirm-password?next=")
    before = client.get_cookie("portal").value
    refused = client.post("/confirm-password", data={"password": WRONG, "next": wanted})
    assert refused.status_code == 422
    assert client.get(wanted).status_code == 303
    assert client.post("/confirm-password", data={"password": PASSWORD, "next": wanted}).location == wanted
    assert client.get_cookie("portal").value != before
    assert client.get(wanted).status_code == 200


def test_guessing_at_the_confirmation_is_slowed_down_and_strangers_cannot_block_it(app, world, ama, sign_in):
    for attempt in range(8):
        try_to_sign_in(browser(app), ama.email, WRONG, _from=f"192.0.2.{attempt}")
    client = sign_in(ama)
    assert client.post("/confirm-password", data={"password": PASSWORD}).status_code == 303
    statuses = [client.post("/confirm-password", data={"password": WRONG}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_somebody_signed_in_is_not_asked_to_sign_in(app, world, ama):
    client = browser(app)
    try_to_sign_in(client, ama.email, PASSWORD)
    assert client.get("/login").location == "/student/"
