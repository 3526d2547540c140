"""Mail of notifications, derived from their rows: sent, then marked, each in its own transaction.

Delivery is at least once. A repeat after a crash between the two carries the same Message-ID, so
that mail programs show it once. A notification that is never mailed, because nobody can be reached or the server will
never take it, gets a done-mark instead: none is left without an end.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select, text, update
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.mailer import MailDelayed, Mailer, MailRefused, MailServerAway, Message
from portal.domain.accounts.models import User
from portal.domain.notifications.kinds import KINDS
from portal.domain.notifications.models import Notification, NotificationKind
from portal.domain.notifications.quiet_hours import next_allowed
from portal.jobs import once
from portal.jobs.messages import mail_text
from portal.outbox import enqueue
from portal.settings import Settings

TURN_SECONDS = 5  # after that the rest goes to the end of the queue, so that other messages get their turn
WITH_A_SECRET = (NotificationKind.INVITATION, NotificationKind.PASSWORD_RESET)  # see `portal.jobs.accounts`

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A notification whose mail is not sent yet, and the person it goes to."""

    id: UUID
    kind: str
    data: dict[str, Any]
    first_name: str
    last_name: str
    email: str
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def deliver(settings: Settings, mailer: Mailer, ids: Sequence[str], *, at: datetime) -> None:
    """Send the mail of these notifications that is not sent yet; raise `MailDelayed` if some must be tried again."""
    with db.session_scope() as session:
        letters, unreachable = _unsent(session, ids)
        db.release_connection()
        if unreachable:
            db.perform(_settle, unreachable, at)
        due, kept_back = _by_time(letters, at)
        for later, waiting in kept_back.items():
            db.perform(_put_off, waiting, later)
        _send_all(settings, mailer, due, at=at)


def settled_key(notification_id: UUID | str) -> str:
    """Return the key of the mark of a notification that will never be mailed."""
    return f"mail.settled:{notification_id}"


def _unsent(session: Session, ids: Iterable[str]) -> tuple[list[Letter], list[UUID]]:
    """Return those of people who have an e-mail address and may still sign in, and the ids of the others."""
    statement = (
        select(
            Notification.id,
            Notification.kind,
            Notification.data,
            User.first_name,
            User.last_name,
            User.email,
            User.time_zone,
            and_(User.email.is_not(None), User.deactivated_at.is_(None)).label("reachable"),
        )
        .join(User, User.id == Notification.user_id)
        .where(
            Notification.id.in_([UUID(text) for text in ids]),
            Notification.mailed_at.is_(None),
            Notification.kind.not_in(WITH_A_SECRET),
        )
        .order_by(Notification.id)
    )
    rows = session.execute(statement).all()
    return [Letter(*row[:-1]) for row in rows if row.reachable], [row.id for row in rows if not row.reachable]


def _settle(session: Session, ids: Iterable[UUID], at: datetime) -> None:
    for notification_id in ids:
        once.first_time(session, settled_key(notification_id), at=at)


def _by_time(letters: Iterable[Letter], at: datetime) -> tuple[list[Letter], dict[datetime, list[Letter]]]:
    """Return what is sent now, and by its moment what waits for the morning."""
    due: list[Letter] = []
    kept_back: dict[datetime, list[Letter]] = defaultdict(list)
    for letter in letters:
        moment = next_allowed(at, letter.zone) if KINDS[NotificationKind(letter.kind)].can_wait else at
        (due if moment <= at else kept_back[moment]).append(letter)
    return due, kept_back


def _put_off(session: Session, letters: Sequence[Letter], later: datetime | None) -> None:
    first = letters[0].id
    key = f"mail.deliver:{first}:{later.isoformat() if later else 'rest'}"
    enqueue(session, "mail.deliver", key=key, at=later, ids=",".join(str(letter.id) for letter in letters))


def _send_all(settings: Settings, mailer: Mailer, letters: Sequence[Letter], *, at: datetime) -> None:
    began = time.monotonic()
    delayed: MailDelayed | None = None
    for place, letter in enumerate(letters):
        if time.monotonic() - began > TURN_SECONDS:
            db.perform(_put_off, letters[place:], None)
            break
        try:
            _send(settings, mailer, letter, at=at)
        except MailServerAway:
            raise
        except MailDelayed as error:
            delayed = error
        except MailRefused:
            log.warning("The mail of notification %s will never be taken", letter.id, exc_info=True)
            db.perform(_settle, [letter.id], at)
    if delayed:
        raise delayed


def _send(settings: Settings, mailer: Mailer, letter: Letter, *, at: datetime) -> None:
    """Send one and mark it, unless another worker has done it; while one is at it, this is to be tried again.

    The other may be killed before its mark is written, and then nobody else would remember the message.
    """
    with db.transaction() as session:
        session.execute(_WAIT_FOR_THE_SERVER)
        lock = func.hashtextextended(f"mail:{letter.id}", 0)
        if not session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            raise MailDelayed("Another worker is at this message")
        row = update(Notification).where(Notification.id == letter.id, Notification.mailed_at.is_(None))
        if session.scalar(select(Notification.mailed_at).where(Notification.id == letter.id)) is not None:
            return
        mailer.send(_message(settings, letter, at=at))
        session.execute(row.values(mailed_at=at))


# The transaction is open while the mail server answers, longer than a request's ever may be.
_WAIT_FOR_THE_SERVER = text("SELECT set_config('idle_in_transaction_session_timeout', '180000', true)")


def _message(settings: Settings, letter: Letter, *, at: datetime) -> Message:
    address = settings.portal_url + str(letter.data.get("path", "/"))
    said = mail_text(
        letter.kind,
        letter.data,
        first_name=letter.first_name,
        site=settings.portal_url,
        address=address,
        zone=letter.zone,
    )
    return Message(
        id=str(letter.id),
        to_name=f"{letter.first_name} {letter.last_name}",
        to_address=letter.email,
        subject=said.title,
        text=said.body,
        at=at,
    )
