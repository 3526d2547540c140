"""Mail as the outside sees it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.adapters.mailer import (
    FolderMailer,
    MailDelayed,
    MailRefused,
    MailServerAway,
    Message,
    SmtpMailer,
    kept_mail,
    kept_message,
    mailer_from,
)
from portal.settings import Settings
from tests.jobs.mail_server import mail_server

ELSEWHERE = Settings(environment="test", mail_server="mail.example.org")
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MESSAGE = Message(
    id="message-1",
    to_name="Ama Mensah",
    to_address="ama@example.test",
    subject="Your mark is there: Café Noir",
    text="Dear Ama,\n\nétude: " + "a long line " * 30 + "\n",
    at=AT,
)


@pytest.fixture
def smtp():
    with mail_server() as (inbox, address):
        settings = Settings(
            environment="test",
            portal_url="https://portal.example.org",
            mail_server=address,
            mail_encryption="none",
            mail_sender="KM Media Training Institute <portal@example.org>",
        )
        yield inbox, mailer_from(settings)


@pytest.fixture
def folder(tmp_path: Path) -> FolderMailer:
    mailer = mailer_from(Settings(environment="test", portal_home=tmp_path))
    assert isinstance(mailer, FolderMailer)
    return mailer


def test_a_message_arrives_whole(smtp):
    inbox, mailer = smtp
    mailer.send(MESSAGE)
    (mail,) = inbox.messages
    assert mail["Subject"] == MESSAGE.subject
    assert mail["To"].addresses[0].display_name == "Ama Mensah"
    assert mail["From"].addresses[0].addr_spec == "portal@example.org"
    assert mail["Message-ID"] == "<message-1@portal.example.org>"
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text


def test_a_name_with_commas_and_quotes_stays_one_recipient(smtp):
    inbox, mailer = smtp
    mailer.send(replace(MESSAGE, to_name='Mensah, Ama "the <editor>"'))
    (recipient,) = inbox.messages[0]["To"].addresses
    assert recipient.addr_spec == "ama@example.test"


@pytest.mark.parametrize("header", ["id", "to_name", "to_address", "subject"])
@pytest.mark.parametrize("ending", ["\r\nBcc: all@example.test", "\nBcc: all@example.test", "\rBcc: x@example.test"])
def test_nobody_adds_a_header_by_a_line_break(header: str, ending: str):
    with pytest.raises(MailRefused):
        replace(MESSAGE, **{header: getattr(MESSAGE, header) + ending})


@pytest.mark.parametrize("address", ["nobody", "a@b@c", "two words@example.test", "@example.test", ""])
def test_an_address_that_is_none_is_refused_for_good(smtp, address: str):
    inbox, mailer = smtp
    with pytest.raises(MailRefused):
        mailer.send(replace(MESSAGE, to_address=address))
    assert inbox.messages == []


def test_an_unknown_recipient_is_refused_for_good(smtp):
    inbox, mailer = smtp
    inbox.answers["ama@example.test"] = "550 No such person"
    with pytest.raises(MailRefused):
        mailer.send(MESSAGE)


def test_a_recipient_to_be_tried_later_is_delayed(smtp):
    inbox, mailer = smtp
    inbox.answers["ama@example.test"] = "450 Come again"
    with pytest.raises(MailDelayed) as raised:
        mailer.send(MESSAGE)
    assert not isinstance(raised.value, MailServerAway)


def test_a_server_that_does_not_answer_is_away():
    settings = Settings(environment="test", mail_server="127.0.0.1:9", mail_encryption="none")
    with pytest.raises(MailServerAway):
        mailer_from(settings).send(MESSAGE)


def test_the_port_follows_the_encryption_where_none_is_given():
    ports = {
        encryption: mailer_from(
            Settings(environment="test", mail_server="mail.example.org", mail_encryption=encryption)
        )
        for encryption in ("tls", "starttls", "none")
    }
    assert {name: mailer.port for name, mailer in ports.items() if isinstance(mailer, SmtpMailer)} == {
        "tls": 465,
        "starttls": 587,
        "none": 25,
    }


def test_a_server_without_the_encryption_that_is_asked_for_gets_nothing(smtp):
    inbox, mailer = smtp
    with pytest.raises(MailRefused):
        replace(mailer, encryption="starttls").send(MESSAGE)
    assert inbox.messages == []


def test_without_a_mail_server_a_message_is_kept_in_the_home(folder: FolderMailer):
    folder.send(MESSAGE)
    (kept,) = kept_mail(folder.folder, 10)
    assert (kept.subject, kept.to) == (MESSAGE.subject, "Ama Mensah <ama@example.test>")
    assert kept.text == MESSAGE.text
    assert kept_message(folder.folder, kept.name) == kept


def test_a_message_kept_again_replaces_itself(folder: FolderMailer):
    for _ in range(2):
        folder.send(MESSAGE)
    assert [path.name for path in folder.folder.iterdir()] == ["message-1.eml"]


@pytest.mark.parametrize("name", ["../secret", "..", "a/b", "", "x" * 101, "a.b", "nothing-here"])
def test_no_name_leads_out_of_the_mail_folder(folder: FolderMailer, name: str):
    folder.send(MESSAGE)
    (folder.folder.parent / "secret.eml").write_text("Subject: secret\n\nsecret")
    assert kept_message(folder.folder, name) is None
