"""How notifications become mail: to whom, when, and never twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.mailer import MailDelayed, MailServerAway, mailer_from
from portal.domain.accounts import tokens
from portal.domain.accounts.models import TokenPurpose
from portal.domain.notifications import operations
from portal.domain.notifications.models import Notification, NotificationKind
from portal.jobs import accounts, delivery, once
from portal.settings import Settings
from tests.cast import Cast, gather_cast
from tests.factories import make_user
from tests.jobs.mail_server import Inbox, mail_server

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
MARK = {"path": "/student/assignments/1", "course": "Photography", "title": "Portraits"}
MOVED = MARK | {
    "starts_at": "2026-11-21T07:00:00+00:00",
    "ends_at": "2026-11-21T09:00:00+00:00",
    "was_at": "2026-11-21T10:00:00+00:00",
    "place": "Studio 1",
}


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    with mail_server() as running:
        yield running


@pytest.fixture
def mail_settings(live_settings: Settings, inbox: tuple[Inbox, str]) -> Settings:
    return replace(live_settings, mail_server=inbox[1], mail_encryption="none", portal_url="https://portal.example.org")


@pytest.fixture
def people(live_engine: Engine) -> Cast:
    with Session(live_engine, expire_on_commit=False) as session:
        return gather_cast(session)


def tell(people_ids: list, kind=NotificationKind.MARK_RELEASED, data=MARK, key="event-1") -> list[str]:
    """Tell people of an event, and return the ids that its job was given."""
    with db.session_scope():
        db.perform(operations.tell, people_ids, kind, key=key, at=NOON, **data)
        session = db.current_session()
        return [str(row) for row in session.scalars(select(Notification.id).where(Notification.key == key))]


def mailed(engine: Engine) -> dict:
    with Session(engine) as session:
        return dict(session.execute(select(Notification.user_id, Notification.mailed_at)).all())


def jobs(engine: Engine) -> list:
    with engine.connect() as connection:
        statement = "SELECT args, scheduled_at FROM procrastinate_jobs WHERE task_name = 'mail.deliver' ORDER BY id"
        return connection.execute(text(statement)).all()


def settled(ids: list[str]) -> int:
    """Return how many of these are marked as never to be mailed."""
    with db.session_scope() as session:
        return sum(once.is_done(session, delivery.settled_key(notification_id)) for notification_id in ids)


def addressees(inbox: Inbox) -> list[str]:
    return sorted(mail["To"].addresses[0].addr_spec for mail in inbox.messages)


def test_everybody_gets_one_message_and_the_rows_say_so(mail_settings, people, inbox, live_engine):
    ids = tell([people.ama.id, people.esi.id])
    mailer = mailer_from(mail_settings)
    for _ in range(2):
        delivery.deliver(mail_settings, mailer, ids, at=NOON)
    assert addressees(inbox[0]) == ["ama@example.test", "esi@example.test"]
    assert set(mailed(live_engine).values()) == {NOON}
    message = next(mail for mail in inbox[0].messages if "ama" in mail["To"])
    assert message["Subject"] == "Your mark is there: Portraits"
    assert "https://portal.example.org/student/assignments/1" in message.get_content()


def test_people_without_an_address_and_those_deactivated_get_no_mail(mail_settings, people, inbox, live_engine):
    with Session(live_engine) as session:
        by_phone = make_user(session, email=None, phone="+233241111111").id
        session.commit()
    ids = tell([people.ama.id, people.kojo.id, by_phone])
    delivery.deliver(mail_settings, mailer_from(mail_settings), ids, at=NOON)
    assert addressees(inbox[0]) == ["ama@example.test"]
    assert settled(ids) == 2


def test_one_slow_recipient_delays_nobody_else(mail_settings, people, inbox, live_engine):
    ids = tell([people.ama.id, people.esi.id, people.kofi.id])
    mailer = mailer_from(mail_settings)
    inbox[0].answers["esi@example.test"] = "450 Come again"
    with pytest.raises(MailDelayed):
        delivery.deliver(mail_settings, mailer, ids, at=NOON)
    assert addressees(inbox[0]) == ["ama@example.test", "kofi@example.test"]
    assert mailed(live_engine)[people.esi.id] is None
    inbox[0].answers.clear()
    delivery.deliver(mail_settings, mailer, ids, at=NOON)
    assert addressees(inbox[0]) == ["ama@example.test", "esi@example.test", "kofi@example.test"]


def test_a_recipient_that_does_not_exist_is_not_tried_again(mail_settings, people, inbox, live_engine):
    ids = tell([people.ama.id, people.esi.id])
    inbox[0].answers["ama@example.test"] = "550 No such person"
    delivery.deliver(mail_settings, mailer_from(mail_settings), ids, at=NOON)
    assert addressees(inbox[0]) == ["esi@example.test"]
    assert mailed(live_engine)[people.ama.id] is None
    assert settled(ids) == 1


def test_a_mail_server_that_is_away_marks_nothing(mail_settings, people, live_engine):
    ids = tell([people.ama.id])
    away = replace(mail_settings, mail_server="127.0.0.1:9")
    with pytest.raises(MailServerAway):
        delivery.deliver(away, mailer_from(away), ids, at=NOON)
    assert mailed(live_engine) == {people.ama.id: None}


def test_a_message_another_worker_is_at_is_tried_again_and_sent_once(mail_settings, people, inbox, live_engine):
    ids = tell([people.ama.id])
    with live_engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"mail:{ids[0]}"})
        with pytest.raises(MailDelayed):  # the other may be killed before it writes its mark
            delivery.deliver(mail_settings, mailer_from(mail_settings), ids, at=NOON)
        assert inbox[0].messages == []
    for _ in range(2):
        delivery.deliver(mail_settings, mailer_from(mail_settings), ids, at=NOON)
    assert addressees(inbox[0]) == ["ama@example.test"]


def test_at_night_a_mark_waits_for_the_morning_and_a_moved_class_does_not(mail_settings, people, inbox, live_engine):
    mark = tell([people.ama.id])
    moved = tell([people.ama.id], NotificationKind.CLASS_MOVED, MOVED, key="event-2")
    delivery.deliver(mail_settings, mailer_from(mail_settings), [*mark, *moved], at=NIGHT)
    assert [mail["Subject"] for mail in inbox[0].messages] == ["Class moved: Portraits"]
    waiting = jobs(live_engine)[-1]
    assert waiting.scheduled_at == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    assert waiting.args["ids"] == ",".join(mark)


def test_the_night_is_the_readers_own(mail_settings, people, inbox, live_engine):
    with Session(live_engine) as session:
        away = make_user(session, email="away@example.test", time_zone="America/New_York").id
        session.commit()
    ids = tell([people.ama.id, away])
    delivery.deliver(mail_settings, mailer_from(mail_settings), ids, at=NIGHT)  # 17:00 in New York
    assert addressees(inbox[0]) == ["away@example.test"]


def test_a_link_to_a_new_password_works_and_its_secret_is_nowhere_else(mail_settings, people, inbox, live_engine):
    key = "reset:1"
    accounts.send_reset(mail_settings, mailer_from(mail_settings), key, str(people.ama.id), at=NOON)
    (mail,) = inbox[0].messages
    secret = mail.get_content().split("https://portal.example.org/reset/")[1].split()[0]
    with db.session_scope():
        assert db.perform(tokens.redeem, secret, TokenPurpose.RESET, at=NOON) == people.ama.id
    with live_engine.connect() as connection:
        for table in ("single_use_tokens", "notifications", "procrastinate_jobs", "job_marks", "audit_details"):
            rows = connection.execute(text(f"SELECT t::text FROM {table} t")).scalars()
            assert not [row for row in rows if secret in row], table


def test_a_repeated_invitation_job_sends_nothing_more(mail_settings, people, inbox):
    for _ in range(2):
        accounts.send_invitation(
            mail_settings, mailer_from(mail_settings), "invitation:1", str(people.esi.id), str(people.efua.id), at=NOON
        )
    (mail,) = inbox[0].messages
    assert "/invitation/" in mail.get_content()


def test_an_invitation_that_could_not_be_sent_is_sent_by_the_next_try(mail_settings, people, inbox):
    away = replace(mail_settings, mail_server="127.0.0.1:9")
    with pytest.raises(MailServerAway):
        accounts.send_invitation(away, mailer_from(away), "invitation:1", str(people.esi.id), None, at=NOON)
    accounts.send_invitation(
        mail_settings, mailer_from(mail_settings), "invitation:1", str(people.esi.id), None, at=NOON
    )
    (mail,) = inbox[0].messages
    secret = mail.get_content().split("/invitation/")[1].split()[0]
    with db.session_scope() as session:
        assert tokens.look_up(session, secret, at=NOON).user_id == people.esi.id


def test_nobody_deactivated_is_mailed_a_way_in(mail_settings, people, inbox):
    accounts.send_reset(mail_settings, mailer_from(mail_settings), "reset:1", str(people.kojo.id), at=NOON)
    assert inbox[0].messages == []


def test_work_is_marked_done_once_and_only_if_it_is_committed(live_engine):
    with db.session_scope():
        with pytest.raises(RuntimeError), db.transaction() as session:
            assert once.first_time(session, "work:1", at=NOON)
            raise RuntimeError("the work could not be done")
        with db.transaction() as session:
            assert once.first_time(session, "work:1", at=NOON)
        with db.transaction() as session:
            assert not once.first_time(session, "work:1", at=NOON)
            assert once.is_done(session, "work:1")
