"""New passwords: chosen with an invitation or reset, or changed by the person. All other sessions end.

Hashing takes a core for a moment, so it happens before the transaction, with no connection held.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from portal.db import current_session, perform, release_connection, uuid7
from portal.domain.accounts import passwords, security_events, sessions, sign_in, throttles, tokens
from portal.domain.accounts.identifiers import recognise
from portal.domain.accounts.models import TokenPurpose, User
from portal.domain.accounts.operations import lock_person
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.accounts.sessions import RenewedSession
from portal.domain.accounts.sign_in import Proof, Refusal
from portal.domain.accounts.tokens import TokenHolder, TokenRefused
from portal.domain.accounts.visitors import Visitor
from portal.domain.audit import operations as audit
from portal.domain.errors import Invalid
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor, Role
from portal.outbox import enqueue

Breached = str | Path | None


def ask_for_reset(session: Session, typed: str, visitor: Visitor, *, at: datetime) -> None:
    """Have a link to a new password mailed, if there is such a person; nobody who asks learns whether there is."""
    identifier = recognise(typed)
    person = sign_in.find_person(session, identifier)
    often = throttles.charge(session, [throttles.reset_key(person.id if person else None, identifier.value)], at=at)
    if often is None and person is not None and person.deactivated_at is None and person.email is not None:
        if person.password_hash is None:
            enqueue(session, "accounts.send_invitation", key=f"invitation:{uuid7()}", user_id=person.id, issued_by="")
        else:
            enqueue(session, "accounts.send_reset", key=f"reset:{uuid7()}", user_id=person.id)
    security_events.record(
        session, SecurityEventKind.RESET_ASKED, visitor=visitor, user_id=person.id if person else None, at=at
    )


def look_up_secret(secret: str, visitor: Visitor, *, at: datetime) -> TokenHolder | Refusal:
    """Return whom a link or code is for, without using it. Wrong ones are counted by address."""
    keys = [throttles.code_key(visitor)]
    wait_until = perform(throttles.charge, keys, at=at)
    if wait_until is not None:
        return Refusal(wait_until)
    try:
        holder = tokens.look_up(current_session(), secret, at=at)
    except TokenRefused:
        release_connection()
        perform(security_events.record, SecurityEventKind.CODE_REFUSED, visitor=visitor, at=at)
        return Refusal()
    release_connection()
    perform(throttles.prove, keys, cleared=(), charged_at=at)
    return holder


def choose_password(
    secret: str, purpose: TokenPurpose, password: str, visitor: Visitor, *, at: datetime, breached: Breached = None
) -> Proof:
    """Use a secret up to set a password, and return the proof with which a session may start."""
    holder = tokens.look_up(current_session(), secret, at=at)
    own_words = _own_words(current_session(), holder.user_id)
    release_connection()
    new_hash = _accepted(password, holder.role, own_words, breached)
    return perform(_redeem_for_password, secret, purpose, new_hash, visitor, at=at)


def change_password(
    actor: Actor,
    current: str,
    password: str,
    visitor: Visitor,
    *,
    keep_session: UUID,
    at: datetime,
    breached: Breached = None,
) -> RenewedSession | Refusal:
    """Change one's own password; return the session that stays under its new secret, or the refusal."""
    if actor.role is None:
        raise PermissionError(f"{actor.label} has no password")
    proof = sign_in.confirm_password(actor.person_id, current, visitor, at=at)
    if isinstance(proof, Refusal):
        return proof
    own_words = _own_words(current_session(), actor.person_id)
    release_connection()
    new_hash = _accepted(password, actor.role, own_words, breached)
    return perform(_replace_password, actor, proof, new_hash, visitor, keep_session=keep_session, at=at)


def _redeem_for_password(
    session: Session, secret: str, purpose: TokenPurpose, new_hash: str, visitor: Visitor, *, at: datetime
) -> Proof:
    user_id = tokens.redeem(session, secret, purpose, at=at)
    person = lock_person(session, user_id)
    if person.deactivated_at is not None:
        raise TokenRefused
    actor = Actor(id=person.id, role=Role(person.role))
    _set_password(session, actor, person, new_hash, visitor, at=at)
    throttles.lift(session, user_id)
    return Proof(user_id=user_id, role=Role(person.role), password_changed_at=at)


def _replace_password(
    session: Session, actor: Actor, proof: Proof, new_hash: str, visitor: Visitor, *, keep_session: UUID, at: datetime
) -> RenewedSession:
    person = lock_person(session, actor.person_id)
    if person.password_changed_at != proof.password_changed_at:
        raise Invalid("Your password was changed a moment ago, elsewhere. Please sign in again.")
    _set_password(session, actor, person, new_hash, visitor, at=at, keep=keep_session)
    return sessions.reauthenticate(session, keep_session, at=at)


def _set_password(
    session: Session,
    actor: Actor,
    person: User,
    new_hash: str,
    visitor: Visitor,
    *,
    at: datetime,
    keep: UUID | None = None,
) -> None:
    had_one = person.password_hash is not None
    person.password_hash = new_hash
    person.password_changed_at = at
    session.flush()
    tokens.void(session, person.id, at=at)
    sessions.end_all(session, person.id, because="password changed", at=at, keep=keep)
    audit.record(session, actor, "user:change-password", person, for_user=person.id, at=at)
    security_events.record(session, SecurityEventKind.PASSWORD_CHANGED, visitor=visitor, user_id=person.id, at=at)
    if had_one:
        key = f"password-changed:{person.id}:{at.isoformat()}"
        notifications.tell(
            session, [person.id], NotificationKind.PASSWORD_CHANGED, key=key, at=at, path="/account/sessions"
        )


def _own_words(session: Session, user_id: UUID) -> list[str]:
    person = session.get_one(User, user_id)
    return [person.first_name, person.last_name, (person.email or "").partition("@")[0], person.phone or ""]


def _accepted(password: str, role: Role, own_words: list[str], breached: Breached) -> str:
    problem = passwords.problem_with(password, role, own_words=own_words, breached=breached)
    if problem is not None:
        raise Invalid("Choose another password.", fields={"password": problem})
    return passwords.hash_password(password)
