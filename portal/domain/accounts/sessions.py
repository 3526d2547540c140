"""Sessions as rows: how long they live, how they start and end. The cookie that names them is the web's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.accounts import security_events
from portal.domain.accounts.models import Device, RefreshToken, SessionLevel, User, UserSession
from portal.domain.accounts.security_events import LONGEST_USER_AGENT, SecurityEventKind
from portal.domain.accounts.sign_in import Proof, Step
from portal.domain.accounts.tokens import new_token, token_hash
from portal.domain.accounts.visitors import Visitor
from portal.domain.errors import Forbidden, NotFound
from portal.domain.permissions import Role


@dataclass(frozen=True)
class Lengths:
    """How long a session lives without activity, and at most."""

    idle: timedelta
    absolute: timedelta


LENGTHS = {
    Role.STUDENT: Lengths(idle=timedelta(hours=12), absolute=timedelta(days=7)),
    Role.TRAINER: Lengths(idle=timedelta(hours=12), absolute=timedelta(days=7)),
    Role.ADMIN: Lengths(idle=timedelta(hours=1), absolute=timedelta(hours=12)),
}
SHARED_COMPUTER = Lengths(idle=timedelta(minutes=30), absolute=timedelta(hours=3))


@dataclass(frozen=True)
class StartedSession:
    """What the browser is given: the secrets themselves, which are kept nowhere else."""

    session_id: UUID
    user_id: UUID
    role: Role
    token: str
    shared_computer: bool
    expires_at: datetime
    pending_step: Step | None
    device_token: str | None
    """What marks this browser as one the person has signed in with; none on a shared computer."""


@dataclass(frozen=True)
class RenewedSession:
    """The same session under a new secret."""

    token: str
    shared_computer: bool
    expires_at: datetime


def start(
    session: Session,
    proof: Proof,
    visitor: Visitor,
    *,
    shared_computer: bool,
    at: datetime,
    device_token: str | None = None,
    replaces: UUID | None = None,
) -> StartedSession:
    """Start a session for somebody who has proved the password; the one this browser had before ends."""
    person = session.execute(select(User).where(User.id == proof.user_id).with_for_update(read=True)).scalar_one()
    if person.deactivated_at is not None or person.password_changed_at != proof.password_changed_at:
        raise Forbidden("Your account changed a moment ago. Please sign in again.")
    if replaces is not None:
        end(session, replaces, because="signed in again", at=at)
    lengths = SHARED_COMPUTER if shared_computer else LENGTHS[Role(person.role)]
    device_token = None if shared_computer else device_token or new_token()
    token = new_token()
    row = UserSession(
        token_hash=token_hash(token),
        user_id=person.id,
        level=SessionLevel.PENDING if proof.next_step else SessionLevel.FULL,
        pending_step=proof.next_step,
        csrf_token=new_token(),
        shared_computer=shared_computer,
        idle_minutes=int(lengths.idle.total_seconds() // 60),
        created_at=at,
        authenticated_at=at,
        reauthenticated_at=at,
        last_seen_at=at,
        expires_at=at + lengths.absolute,
        device_id=_remember_device(session, person.id, device_token, at) if device_token else None,
        address=visitor.address,
        user_agent=visitor.user_agent[:LONGEST_USER_AGENT].replace("\0", ""),
    )
    session.add(row)
    session.flush()
    security_events.record(session, SecurityEventKind.SIGNED_IN, visitor=visitor, user_id=person.id, at=at)
    return StartedSession(
        session_id=row.id,
        user_id=person.id,
        role=Role(person.role),
        token=token,
        shared_computer=shared_computer,
        expires_at=row.expires_at,
        pending_step=proof.next_step,
        device_token=device_token,
    )


def reauthenticate(session: Session, session_id: UUID, *, at: datetime) -> RenewedSession:
    """Note that the password was given again, and give the session a new secret: the old one is worthless."""
    token = new_token()
    renewed = session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None))
        .values(token_hash=token_hash(token), reauthenticated_at=at, last_seen_at=at)
        .returning(UserSession.shared_computer, UserSession.expires_at)
    ).one_or_none()
    if renewed is None:
        raise Forbidden("This session has ended. Please sign in again.")
    return RenewedSession(token=token, shared_computer=renewed.shared_computer, expires_at=renewed.expires_at)


def end(session: Session, session_id: UUID, *, because: str, at: datetime) -> None:
    """End one session, wherever it is used."""
    session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None))
        .values(ended_at=at, ended_because=because)
    )


def end_own(session: Session, user_id: UUID, session_id: UUID, visitor: Visitor, *, at: datetime) -> None:
    """End one of a person's own sessions."""
    ended = session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.user_id == user_id, UserSession.ended_at.is_(None))
        .values(ended_at=at, ended_because="ended by the person")
        .returning(UserSession.id)
    ).one_or_none()
    if ended is None:
        raise NotFound
    security_events.record(session, SecurityEventKind.SESSIONS_ENDED, visitor=visitor, user_id=user_id, at=at)


def end_others(session: Session, user_id: UUID, keep: UUID, visitor: Visitor, *, at: datetime) -> None:
    """End all of a person's own sessions but the one from which this is asked."""
    end_all(session, user_id, because="ended by the person", at=at, keep=keep)
    security_events.record(session, SecurityEventKind.SESSIONS_ENDED, visitor=visitor, user_id=user_id, at=at)


def end_all(session: Session, user_id: UUID, *, because: str, at: datetime, keep: UUID | None = None) -> int:
    """End all of a person's sessions and API sign-ins, but for the one to keep; return how many sessions ended."""
    statement = update(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
    if keep is not None:
        statement = statement.where(UserSession.id != keep)
    ended = session.execute(statement.values(ended_at=at, ended_because=because).returning(UserSession.id)).all()
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at, revoked_because=because)
    )
    return len(ended)


def end_everybodys(session: Session, *, because: str, at: datetime) -> None:
    """End every session and every sign-in of a program, as after a restore: an older state knows of no later end."""
    session.execute(
        update(UserSession).where(UserSession.ended_at.is_(None)).values(ended_at=at, ended_because=because)
    )
    session.execute(
        update(RefreshToken).where(RefreshToken.revoked_at.is_(None)).values(revoked_at=at, revoked_because=because)
    )


def _remember_device(session: Session, user_id: UUID, device_token: str, at: datetime) -> UUID:
    statement = (
        insert(Device)
        .values(user_id=user_id, token_hash=token_hash(device_token), created_at=at, last_used_at=at)
        .on_conflict_do_update(index_elements=["token_hash", "user_id"], set_={"last_used_at": at})
        .returning(Device.id)
    )
    device_id: UUID = session.execute(statement).scalar_one()
    return device_id


def live(at: datetime | BindParameter[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a session has not ended in any way."""
    idle_until = UserSession.last_seen_at + func.make_interval(0, 0, 0, 0, 0, UserSession.idle_minutes)
    return UserSession.ended_at.is_(None), UserSession.expires_at > at, idle_until > at
