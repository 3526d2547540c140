"""The trail, the security events and the mail folder, as those see them whose duty it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.adapters.mailer import Message, mail_folder, mailer_from
from portal.domain.accounts.models import SecurityEvent
from portal.domain.audit import operations as audit
from portal.domain.audit.models import AuditEntry
from portal.domain.permissions import Actor, Role, system_actor
from tests.cast import Cast
from tests.factories import make_user
from tests.pages import parse, words

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def withdrawal(world: Session, cast: Cast):
    """Efua withdraws Ama's enrolment; the portal itself does something else a day later."""
    efua = Actor(id=cast.efua.id, role=Role.ADMIN)
    entry_id = audit.record(
        world,
        efua,
        "enrolment:withdraw",
        cast.enrolment,
        for_user=cast.ama.id,
        before={"state": "active", "reason": ""},
        after={"state": "withdrawn", "reason": "Moved to Kumasi"},
        at=AT,
    )
    audit.record(world, system_actor("demo"), "course:publish", cast.film, at=AT + timedelta(days=1))
    world.commit()
    return entry_id


def rows(page, block: str = "#entries") -> list[str]:
    return [words(row) for row in parse(page).css(f"{block} tbody tr")]


@pytest.mark.parametrize("address", ["/admin/audit", "/admin/security", "/admin/mail"])
def test_only_those_whose_duty_it_is_may_read(world, cast: Cast, sign_in, client, address: str):
    registrar = make_user(world, "admin", duties=["registrar"])
    assert client.get(address).status_code == 303
    for person in (cast.ama, cast.kofi, registrar):
        assert sign_in(person).get(address).status_code == 403
    assert sign_in(cast.efua).get(address).status_code == 200


def test_a_director_reads_the_trail_and_the_security_events(world, cast: Cast, sign_in):
    director = sign_in(make_user(world, "admin", duties=["director"]))
    assert director.get("/admin/audit").status_code == 200
    assert director.get("/admin/security").status_code == 200


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", 2),
        ("who=efua", 1),
        ("who=system:demo", 1),
        ("who=nobody", 0),
        ("action=enrolment", 1),
        ("action=enrolment:withdraw", 1),
        ("action=enrol", 0),
        ("subject=courses", 1),
        ("for_whom=mensah", 1),
        ("since=2026-11-21", 1),
        ("until=2026-11-20", 1),
        ("since=2026-11-20&until=2026-11-21", 2),
        ("text=kumasi", 1),
        ("text=%25", 0),
        ("who=_", 0),
        ("cursor=&who=efua&action=course", 0),
    ],
)
def test_the_trail_is_narrowed_by_each_filter(withdrawal, cast: Cast, sign_in, filters: str, found: int):
    assert len(rows(sign_in(cast.efua).get(f"/admin/audit?{filters}"))) == found


def test_a_date_that_is_none_is_said_beside_its_field(withdrawal, cast: Cast, sign_in):
    page = sign_in(cast.efua).get("/admin/audit?since=soon")
    assert page.status_code == 200
    assert parse(page).css_first("#since").attributes["aria-invalid"] == "true"


def test_an_entry_shows_its_values_before_and_after(withdrawal, cast: Cast, sign_in):
    page = sign_in(cast.efua).get(f"/admin/audit/{withdrawal}")
    said = words(parse(page).css_first("main"))
    assert "Efua Darko" in said
    assert "Ama Mensah" in said
    table = [words(row) for row in parse(page).css("tbody tr")]
    assert table == ["reason – Moved to Kumasi", "state active withdrawn"]


def test_an_entry_that_does_not_exist_is_not_found(cast: Cast, sign_in):
    assert sign_in(cast.efua).get(f"/admin/audit/{cast.ama.id}").status_code == 404


def test_the_trail_takes_as_few_statements_for_many_entries_as_for_one(world, cast: Cast, sign_in, count_queries):
    browser, counts = sign_in(cast.efua), []
    for many in (1, 60):
        for number in range(many):
            audit.record(world, system_actor("demo"), "room:open", ("rooms", str(number)), at=AT)
        world.commit()
        with count_queries() as queries:
            browser.get("/admin/audit")
        counts.append(len(queries.statements))
    assert counts[0] == counts[1] <= 6


def test_what_is_done_on_a_page_says_from_which_address_and_in_which_request(world, cast: Cast, sign_in):
    answer = sign_in(cast.efua).post(
        f"/admin/people/{cast.ama.id}/deactivation",
        data={"reason": "Left the institute"},
        environ_base={"REMOTE_ADDR": "197.251.4.7"},
    )
    entry = world.query(AuditEntry).filter_by(for_user_id=cast.ama.id).one()
    assert str(entry.address) == "197.251.4.7"
    assert entry.request_id == answer.headers["X-Request-ID"]


def test_security_events_are_narrowed_by_network_and_kind(world, cast: Cast, sign_in):
    world.add(SecurityEvent(at=AT, kind="sign-in-failed", address="197.251.4.7", user_id=cast.ama.id))
    world.add(SecurityEvent(at=AT, kind="signed-in", address="10.0.0.1", user_id=cast.esi.id))
    world.commit()
    browser = sign_in(cast.efua)
    assert len(rows(browser.get("/admin/security?until=2026-11-20"), "#happened")) == 2
    (row,) = rows(browser.get("/admin/security?address=197.251.4.0/24"), "#happened")
    assert "Ama Mensah" in row
    (row,) = rows(browser.get("/admin/security?kind=signed-in&until=2026-11-20"), "#happened")
    assert "Esi Owusu" in row
    refused = browser.get("/admin/security?address=everywhere")
    assert parse(refused).css_first("#address").attributes["aria-invalid"] == "true"


def test_an_admin_reads_the_mail_that_was_written_to_the_folder(app, cast: Cast, sign_in):
    settings = app.config["SETTINGS"]
    mailer_from(settings).send(
        Message(
            id="message-1",
            to_name="Ama Mensah",
            to_address="ama@example.test",
            subject="Your mark <is> there",
            text="Dear Ama,\n\n<b>see</b> http://localhost/student/\n",
            at=AT,
        )
    )
    browser = sign_in(cast.efua)
    page = parse(browser.get("/admin/mail"))
    link = page.css_first("tbody a")
    assert words(link) == "Your mark <is> there"
    message = browser.get(link.attributes["href"])
    assert "<b>see</b>" in words(parse(message).css_first("main"))
    assert browser.get("/admin/mail/nothing-here").status_code == 404
    assert browser.get("/admin/mail/..%2Fsecret").status_code == 404
    (mail_folder(settings) / "message-1.eml").unlink()


def test_where_a_mail_server_is_set_there_is_no_mail_page(app, cast: Cast, sign_in, monkeypatch):
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], mail_server="mail.example.org"))
    assert sign_in(cast.efua).get("/admin/mail").status_code == 404
