"""A person's own profile and sessions."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.accounts.models import SecurityEvent, User, UserSession
from portal.domain.audit.models import AuditEntry
from portal.web.user_agents import browser_name
from tests.blueprints.signing_in import is_signed_in
from tests.factories import make_session, now
from tests.pages import parse, words


def test_people_change_their_names_and_clock_and_nothing_else(world, cast, sign_in):
    client = sign_in(cast.ama)
    form = {"first_name": "Ama Serwaa", "last_name": "Mensah", "time_zone": "Europe/London"}
    extra = {"role": "admin", "email": "mine@evil.test", "duties": "system", "id": str(cast.efua.id)}
    assert client.post("/account", data=form | extra).location == "/account"
    world.expire_all()
    ama = world.get_one(User, cast.ama.id)
    assert (ama.first_name, ama.time_zone) == ("Ama Serwaa", "Europe/London")
    assert (ama.role, ama.email, ama.duties) == ("student", "ama@example.test", [])
    entry = world.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.fields) == ("user:change-profile", ["first_name", "time_zone"])


@pytest.mark.parametrize("wrong", [{"first_name": " "}, {"time_zone": "Mars/Base"}, {"last_name": "x" * 81}])
def test_a_profile_that_cannot_be_keeps_what_was_typed(cast, sign_in, wrong):
    form = {"first_name": "Adjoa", "last_name": "Mensah", "time_zone": "Africa/Accra"} | wrong
    page = sign_in(cast.ama).post("/account", data=form)
    assert page.status_code == 422
    assert parse(page).css_first(".error-summary")


def test_people_see_where_they_are_signed_in_and_nobody_elses(world, cast, sign_in):
    agent = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36"
    make_session(world, cast.ama, user_agent=agent, address="192.0.2.77")
    make_session(world, cast.esi, address="192.0.2.88")
    make_session(world, cast.ama, address="192.0.2.99", expires_at=now() - timedelta(seconds=1))
    page = words(sign_in(cast.ama).get("/account/sessions"))
    assert "Chrome on Android" in page
    assert "192.0.2.77" in page
    assert "192.0.2.88" not in page
    assert "192.0.2.99" not in page


def test_an_ended_session_is_out_at_once(world, cast, sign_in):
    here, there = sign_in(cast.ama), sign_in(cast.ama)
    other = world.scalars(select(UserSession).order_by(UserSession.id.desc())).first()
    assert is_signed_in(there)
    here.post(f"/account/sessions/{other.id}/end")
    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_ending_this_session_is_signing_out(world, cast, sign_in):
    client = sign_in(cast.ama)
    session = world.scalars(select(UserSession)).one()
    response = client.post(f"/account/sessions/{session.id}/end")
    assert "Clear-Site-Data" in response.headers
    assert not is_signed_in(client)


def test_all_other_sessions_end_together(world, cast, sign_in):
    here, there, elsewhere, esi = (sign_in(cast.ama), sign_in(cast.ama), sign_in(cast.ama), sign_in(cast.esi))
    here.post("/account/sessions/others/end")
    assert [is_signed_in(client) for client in (here, there, elsewhere, esi)] == [True, False, False, True]


def test_ending_sessions_is_written_down(world, cast, sign_in):
    here, _ = sign_in(cast.ama), sign_in(cast.ama)
    other = world.scalars(select(UserSession).order_by(UserSession.id.desc())).first()
    here.post(f"/account/sessions/{other.id}/end")
    here.post("/account/sessions/others/end")
    events = world.execute(select(SecurityEvent.kind, SecurityEvent.user_id)).all()
    assert [tuple(event) for event in events] == [("sessions-ended", cast.ama.id)] * 2


def test_nobody_ends_a_session_of_somebody_else(world, cast, sign_in):
    _, session = make_session(world, cast.ama)
    world.commit()
    assert sign_in(cast.esi).post(f"/account/sessions/{session.id}/end").status_code == 404
    world.expire_all()
    assert world.get_one(UserSession, session.id).ended_at is None


def test_a_deactivated_person_is_out_at_the_next_click(world, cast, sign_in):
    client = sign_in(cast.ama)
    cast.ama.deactivated_at = now()
    world.commit()
    assert not is_signed_in(client)


def test_a_page_left_open_does_not_keep_its_session_alive(app, world, cast, sign_in):
    """The bell asks again and again; only what the person does counts."""
    from portal.web.access import access_of

    polled = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if getattr(access_of(app.view_functions[rule.endpoint]), "polled", False)
    ]
    client = sign_in(cast.ama, last_seen_at=now() - timedelta(minutes=5))
    before = world.scalars(select(UserSession.last_seen_at)).one()
    with app.test_request_context():
        from flask import url_for

        addresses = [
            url_for(endpoint) for endpoint in polled if not app.url_map._rules_by_endpoint[endpoint][0].arguments
        ]
    for address in addresses:
        client.get(address, headers={"HX-Request": "true"})
    world.expire_all()
    assert world.scalars(select(UserSession.last_seen_at)).one() == before
    client.get("/account")
    world.expire_all()
    assert world.scalars(select(UserSession.last_seen_at)).one() > before


@pytest.mark.parametrize("address", ["/account", "/account/sessions", "/account/password"])
def test_pages_of_the_account_cost_the_same_for_one_session_and_a_hundred(world, cast, sign_in, count_queries, address):
    client = sign_in(cast.ama)
    with count_queries() as few:
        assert client.get(address).status_code == 200
    for _ in range(99):
        make_session(world, cast.ama)
    world.commit()
    with count_queries() as many:
        client.get(address)
    assert len(few) == len(many), many
    assert len(many) <= 6, many


@pytest.mark.parametrize(
    "agent, name",
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox on Linux"),
        ("Opera/9.80 (Android; Opera Mini/36.2) Presto/2.12", "Opera Mini on Android"),
        ("curl/8", "An unknown browser"),
        ("", "An unknown browser"),
    ],
)
def test_a_browser_is_called_what_its_owner_calls_it(agent, name):
    assert browser_name(agent) == name
