"""Signing in: a sequence of steps, of which the password is the first. A failed sign-in is a result, not an exception.

Everyone is counted, answered and timed alike, whether the name typed belongs to somebody or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.db import perform
from portal.domain.accounts import passwords, security_events, throttles
from portal.domain.accounts.identifiers import Identifier, IdentifierKind, recognise
from portal.domain.accounts.models import Device, User
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.accounts.throttles import Key
from portal.domain.accounts.tokens import token_hash
from portal.domain.accounts.visitors import Visitor
from portal.domain.permissions import Role

DEVICE_REMEMBERED = timedelta(days=365)


class Step(StrEnum):
    """What somebody shows, one after the other, until the session is a full one."""

    PASSWORD = "password"  # noqa: S105 - the name of a step


@dataclass(frozen=True)
class Credentials:
    identifier: str
    """E-mail address, phone number or student number, as typed."""
    password: str
    device_token: str | None = None
    """What this browser was given when somebody signed in with it before."""


@dataclass(frozen=True)
class Proof:
    """The password was right; a session may start, at the level that `next_step` leaves it."""

    user_id: UUID
    role: Role
    password_changed_at: datetime | None
    next_step: Step | None = None


@dataclass(frozen=True)
class Refusal:
    """Not signed in, and no word on why, but for how long to wait where one must."""

    wait_until: datetime | None = None


@dataclass(frozen=True)
class _Admission:
    """An attempt that may be made, charged to its counters."""

    user_id: UUID | None
    role: Role | None
    active: bool
    password_hash: str | None
    password_changed_at: datetime | None
    keys: Sequence[Key]
    cleared: Sequence[Key]
    """The counters that a right password sets back; the others only lose this attempt."""


def prove_password(credentials: Credentials, visitor: Visitor, *, at: datetime) -> Proof | Refusal:
    """Return the proof of who this is, or a refusal.

    Works in short transactions of its own: charge the attempt, compare with no connection held, then record.
    """
    admission = perform(_admit, credentials, visitor, at=at)
    if isinstance(admission, Refusal):
        return admission
    matches = passwords.verify(admission.password_hash, credentials.password)
    if not matches or not admission.active or admission.user_id is None or admission.role is None:
        return perform(_refuse, admission, visitor, at=at)
    stored = admission.password_hash or ""
    renewed = passwords.hash_password(credentials.password) if passwords.is_outdated(stored) else None
    perform(_accept, admission, renewed, at=at)
    return Proof(
        user_id=admission.user_id,
        role=admission.role,
        password_changed_at=admission.password_changed_at,
        next_step=next_step((Step.PASSWORD,)),
    )


def next_step(done: Sequence[Step]) -> Step | None:
    """Return the step that follows those done, or None when they suffice for a full session."""
    return next((step for step in Step if step not in done), None)


def confirm_password(user_id: UUID, password: str, visitor: Visitor, *, at: datetime) -> Proof | Refusal:
    """Return the proof that the person signed in is still the one at the keyboard, or a refusal.

    Counted apart from signing in: strangers at the door cannot keep the person from confirming.
    """
    admission = perform(_admit_confirmation, user_id, visitor, at=at)
    if isinstance(admission, Refusal):
        return admission
    if not passwords.verify(admission.password_hash, password) or admission.role is None:
        return perform(_refuse, admission, visitor, at=at, kind=SecurityEventKind.CONFIRMATION_FAILED)
    perform(_accept, admission, None, at=at)
    return Proof(user_id=user_id, role=admission.role, password_changed_at=admission.password_changed_at)


def find_person(session: Session, identifier: Identifier) -> User | None:
    """Return whose name this is, active or not."""
    columns = {
        IdentifierKind.EMAIL: User.email,
        IdentifierKind.PHONE: User.phone,
        IdentifierKind.STUDENT_NUMBER: User.student_number,
        IdentifierKind.UNKNOWN: User.student_number,  # holds nothing of this form: the same work for nothing found
    }
    return session.execute(select(User).where(columns[identifier.kind] == identifier.value)).scalar_one_or_none()


def _admit(session: Session, credentials: Credentials, visitor: Visitor, *, at: datetime) -> _Admission | Refusal:
    identifier = recognise(credentials.identifier)
    person = find_person(session, identifier)
    user_id = person.id if person else None
    device_id = _known_device(session, user_id, credentials.device_token, at)
    if device_id is not None and user_id is not None:
        keys = cleared = [throttles.device_key(device_id, user_id)]
    else:
        cleared = [
            throttles.account_key(user_id, identifier.value),
            throttles.account_and_address_key(user_id, identifier.value, visitor),
        ]
        keys = [*cleared, throttles.address_key(visitor)]
    wait_until = throttles.charge(session, keys, at=at)
    if wait_until is not None:
        security_events.record(session, SecurityEventKind.SIGN_IN_MADE_TO_WAIT, visitor=visitor, user_id=user_id, at=at)
        return Refusal(wait_until)
    return _Admission(
        user_id=user_id,
        role=Role(person.role) if person else None,
        active=person is not None and person.deactivated_at is None,
        password_hash=person.password_hash if person else None,
        password_changed_at=person.password_changed_at if person else None,
        keys=keys,
        cleared=cleared,
    )


def _admit_confirmation(session: Session, user_id: UUID, visitor: Visitor, *, at: datetime) -> _Admission | Refusal:
    person = session.execute(select(User).where(User.id == user_id)).scalar_one()
    keys = [throttles.confirmation_key(user_id)]
    wait_until = throttles.charge(session, keys, at=at)
    if wait_until is not None:
        security_events.record(session, SecurityEventKind.SIGN_IN_MADE_TO_WAIT, visitor=visitor, user_id=user_id, at=at)
        return Refusal(wait_until)
    return _Admission(
        user_id=user_id,
        role=Role(person.role),
        active=True,
        password_hash=person.password_hash,
        password_changed_at=person.password_changed_at,
        keys=keys,
        cleared=keys,
    )


def _known_device(session: Session, user_id: UUID | None, device_token: str | None, at: datetime) -> UUID | None:
    statement = select(Device.id).where(
        Device.user_id == user_id,
        Device.token_hash == token_hash(device_token or ""),
        Device.last_used_at > at - DEVICE_REMEMBERED,
    )
    return session.execute(statement).scalar_one_or_none()


def _refuse(
    session: Session,
    admission: _Admission,
    visitor: Visitor,
    *,
    at: datetime,
    kind: SecurityEventKind = SecurityEventKind.SIGN_IN_FAILED,
) -> Refusal:
    security_events.record(session, kind, visitor=visitor, user_id=admission.user_id, at=at)
    return Refusal()


def _accept(session: Session, admission: _Admission, renewed_hash: str | None, *, at: datetime) -> None:
    throttles.prove(session, admission.keys, cleared=admission.cleared, charged_at=at)
    if renewed_hash is not None:
        session.execute(
            update(User)
            .where(User.id == admission.user_id, User.password_hash == admission.password_hash)
            .values(password_hash=renewed_hash)
        )
