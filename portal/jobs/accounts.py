"""Mail that carries a secret. The secret is made when the mail is sent, so that it is never kept in clear.

A repeat makes a new secret, which voids the one before; the mark ends the repeats.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.mailer import Mailer, Message
from portal.domain.accounts import tokens
from portal.domain.accounts.models import TokenPurpose, User
from portal.domain.notifications.models import NotificationKind
from portal.jobs import once
from portal.jobs.messages import mail_text
from portal.settings import Settings


def send_invitation(
    settings: Settings, mailer: Mailer, key: str, user_id: str, issued_by: str | None, *, at: datetime
) -> None:
    """Mail a link with which the invited person chooses a password."""
    _send_once(
        settings,
        mailer,
        key=key,
        user_id=UUID(user_id),
        purpose=TokenPurpose.INVITATION,
        issued_by=UUID(issued_by) if issued_by else None,
        kind=NotificationKind.INVITATION,
        at=at,
    )


def send_reset(settings: Settings, mailer: Mailer, key: str, user_id: str, *, at: datetime) -> None:
    """Mail a link with which the person chooses a new password."""
    _send_once(
        settings,
        mailer,
        key=key,
        user_id=UUID(user_id),
        purpose=TokenPurpose.RESET,
        issued_by=None,
        kind=NotificationKind.PASSWORD_RESET,
        at=at,
    )


def _send_once(
    settings: Settings,
    mailer: Mailer,
    *,
    key: str,
    user_id: UUID,
    purpose: TokenPurpose,
    issued_by: UUID | None,
    kind: NotificationKind,
    at: datetime,
) -> None:
    with db.session_scope() as session:
        person = _reachable(session, user_id)
        if person is None or once.is_done(session, key):
            return
        db.release_connection()
        secret = db.perform(tokens.issue, user_id, purpose, issued_by, at)
        address = settings.portal_url + tokens.path_of(purpose, secret)
        said = mail_text(
            kind,
            {},
            first_name=person.first_name,
            site=settings.portal_url,
            address=address,
            zone=ZoneInfo(person.time_zone),
        )
        mailer.send(
            Message(
                id=key.replace(":", "-"),
                to_name=person.name,
                to_address=str(person.email),
                subject=said.title,
                text=said.body,
                at=at,
            )
        )
        db.perform(once.first_time, key, at=at)


def _reachable(session: Session, user_id: UUID) -> User | None:
    """Return the person if mail may be sent to them."""
    return session.scalar(
        select(User).where(User.id == user_id, User.email.is_not(None), User.deactivated_at.is_(None))
    )
