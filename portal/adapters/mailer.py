"""Sending mail: to a mail server where one is set, else into a folder that an admin can read.

Both take one plain message at a time and return when it is handed over. A `Message` with a line
break in a header is refused when it is made, so that nothing a person typed can add a header.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, default
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from portal.settings import Settings

TIMEOUT_SECONDS = 10  # of each step of the conversation with the mail server
PORTS = {"tls": 465, "starttls": 587, "none": 25}
PERMANENT = range(500, 600)
_BREAKS = re.compile(r"[\r\n\0\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class MailRefused(Exception):
    """The mail server will never take this message: its address does not exist, or it is malformed."""


class MailDelayed(Exception):
    """This message is not taken now; trying again later may help."""


class MailServerAway(MailDelayed):
    """The mail server does not answer at all, or lets nobody in: no other message would fare better."""


@dataclass(frozen=True)
class Message:
    """One plain message to one person."""

    id: str
    """Names this message for ever: a repeat carries the same, so that mail programs recognise it."""
    to_name: str
    to_address: str
    subject: str
    text: str
    at: datetime

    def __post_init__(self) -> None:
        for name in ("id", "to_name", "to_address", "subject"):
            if _BREAKS.search(getattr(self, name)):
                raise MailRefused(f"The {name} of a message holds a line break")


class Mailer(Protocol):
    def send(self, message: Message) -> None:
        """Hand the message over, or raise `MailRefused` or `MailDelayed`."""

    def check(self) -> None:
        """Go as far as one can without a message; raise `MailServerAway` where mail could not be handed over."""


def mailer_from(settings: Settings) -> Mailer:
    """Return the mailer these settings ask for."""
    sender = Sender.from_settings(settings)
    if not settings.mail_server:
        return FolderMailer(mail_folder(settings), sender)
    server = urlsplit(f"//{settings.mail_server}")
    return SmtpMailer(
        host=server.hostname or "localhost",
        port=server.port or PORTS[settings.mail_encryption],
        user=settings.mail_user,
        password=settings.mail_password,
        encryption=settings.mail_encryption,
        sender=sender,
    )


def mail_folder(settings: Settings) -> Path:
    """Return the folder into which mail is written where no mail server is set."""
    return settings.portal_home / "mail"


@dataclass(frozen=True)
class Sender:
    """Who the portal's mail is from, and the host its message ids name."""

    name: str
    address: str
    host: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Sender:
        name, address = parseaddr(settings.mail_sender)
        return cls(name=name, address=address, host=urlsplit(settings.portal_url).hostname or "localhost")

    def compose(self, message: Message) -> EmailMessage:
        """Return the message with its headers; an address no mail server could take is refused."""
        mail = EmailMessage(policy=SMTP)
        try:
            mail["From"] = Address(self.name, addr_spec=self.address)
            mail["To"] = Address(message.to_name, addr_spec=message.to_address)
            mail["Subject"] = message.subject
        except ValueError as error:
            raise MailRefused(f"The address or the subject cannot be sent: {error}") from None
        except Exception as error:
            # The parser of addresses raises whatever its grammar stumbles over (IndexError, HeaderParseError).
            raise MailRefused("The address cannot be read") from error
        mail["Date"] = format_datetime(message.at.astimezone(UTC))
        mail["Message-ID"] = f"<{message.id}@{self.host}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text, cte="quoted-printable")
        return mail


@dataclass(frozen=True)
class SmtpMailer:
    """Hands messages to a mail server, a connection for each."""

    host: str
    port: int
    user: str
    password: str
    encryption: str
    sender: Sender

    def send(self, message: Message) -> None:
        mail = self.sender.compose(message)
        try:
            with self._connection() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(code in PERMANENT for code in codes):
                raise MailRefused(f"The mail server refuses the address ({codes[0]})") from None
            raise MailDelayed(f"The mail server delays the address ({codes[0]})") from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            if error.smtp_code in PERMANENT:
                raise MailRefused(f"The mail server refuses the message ({error.smtp_code})") from None
            raise MailDelayed(f"The mail server delays the message ({error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(f"The mail server cannot take this message ({error})") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerAway(f"The mail server does not answer ({type(error).__name__}: {error})") from error

    def check(self) -> None:
        try:
            with self._connection() as server:
                server.ehlo_or_helo_if_needed()
                server.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerAway(f"The mail server lets nobody in ({type(error).__name__}: {error})") from error

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        trust = ssl.create_default_context()
        if self.encryption == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=trust)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            if self.encryption == "starttls":
                server.starttls(context=trust)
            if self.user:
                server.login(self.user, self.password)
            yield server
        finally:
            # The message is the server's once it said so; whatever becomes of the goodbye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


@dataclass(frozen=True)
class FolderMailer:
    """Writes each message as a file named by its id: a repeat replaces the one before."""

    folder: Path
    sender: Sender

    def send(self, message: Message) -> None:
        mail = self.sender.compose(message)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(mail.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.folder / f"{message.id}.eml")
        except OSError as error:
            with suppress(OSError):
                os.unlink(temporary)
            raise MailServerAway(f"The mail folder cannot be written ({error.strerror})") from error

    def check(self) -> None:
        present = next(place for place in (self.folder, *self.folder.parents) if place.exists())
        if not os.access(present, os.W_OK | os.X_OK):
            raise MailServerAway(f"The mail folder cannot be written ({present})")


@dataclass(frozen=True)
class KeptMail:
    """A message in the folder, as a page shows it."""

    name: str
    to: str
    subject: str
    at: datetime
    text: str


def kept_mail(folder: Path, limit: int) -> list[KeptMail]:
    """Return the newest messages of the folder, the newest first."""
    if not folder.is_dir():
        return []
    written = sorted(((path.stat().st_mtime, path) for path in folder.glob("*.eml")), reverse=True)
    return [_read(path) for _, path in written[:limit]]


def kept_message(folder: Path, name: str) -> KeptMail | None:
    """Return one message of the folder; None where there is no such name, whatever was asked for."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,100}", name):
        return None
    path = folder / f"{name}.eml"
    return _read(path) if path.is_file() else None


def forget_kept_mail(settings: Settings, *, before: datetime) -> None:
    """Erase the messages that were written into the folder before this moment."""
    for path in mail_folder(settings).glob("*.eml"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                path.unlink()


def _read(path: Path) -> KeptMail:
    mail = BytesParser(policy=default).parsebytes(path.read_bytes())
    body = mail.get_body(("plain",))
    return KeptMail(
        name=path.stem,
        to=str(mail["To"]),
        subject=str(mail["Subject"]),
        at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        text=body.get_content().replace("\r\n", "\n") if body else "",
    )
