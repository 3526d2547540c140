"""What is done to people's accounts: invite, deactivate, reactivate, change roles, duties and names, lift waits.

Whoever is invited or loses a right feels it at once: sessions and API sign-ins end in the same transaction.
Passwords have a module of their own, `password_changes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import any_, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.db import constraint_of, uuid7
from portal.domain.accounts import sessions, throttles, tokens
from portal.domain.accounts.identifiers import make_student_number, normal_email, normal_phone
from portal.domain.accounts.models import TokenPurpose, User, student_number_sequence
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.accounts.security_events import record as record_security_event
from portal.domain.accounts.visitors import Visitor
from portal.domain.audit import operations as audit
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from portal.domain.permissions import Actor, Duty, Permission, Role
from portal.outbox import enqueue


class Way(StrEnum):
    """How an invitation reaches a person."""

    MAIL = "mail"
    SLIP = "slip"


@dataclass(frozen=True, kw_only=True)
class Invite:
    """A person to be, reachable by e-mail, phone or both."""

    role: Role
    first_name: str
    last_name: str
    email: str = ""
    phone: str = ""
    duties: frozenset[Duty] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ChangeRole:
    user_id: UUID
    role: Role
    duties: frozenset[Duty] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CorrectPerson:
    """Names and addresses as the office corrects them."""

    user_id: UUID
    first_name: str
    last_name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangeProfile:
    """What people change about themselves; e-mail and phone are the office's to correct."""

    first_name: str
    last_name: str
    time_zone: str


@dataclass(frozen=True)
class HandedOver:
    """A secret to be given to a person across the counter or in a message: shown once, kept nowhere."""

    purpose: TokenPurpose
    code: str
    expires_at: datetime


def invite(session: Session, actor: Actor, command: Invite, *, at: datetime) -> User:
    """Add a person who has no password yet. How the invitation reaches them is a second act."""
    if command.role is Role.ADMIN:
        _refuse_without_say_over_admins(actor)
    person = User(
        role=command.role,
        first_name=_name(command.first_name, "first_name"),
        last_name=_name(command.last_name, "last_name"),
        duties=_duties(command.role, command.duties),
        created_at=at,
        **_addresses(command.email, command.phone),
    )
    session.add(person)
    _flush_unique(session)
    audit.record(session, actor, "user:invite", person, for_user=person.id, after=_described(person), at=at)
    return person


def invite_by(
    session: Session, actor: Actor, command: Invite, way: Way, *, at: datetime
) -> tuple[User, HandedOver | None]:
    """Add a person and have the invitation mailed, or return what is handed over instead."""
    if way is Way.MAIL and not command.email.strip():
        raise Invalid("Not invited yet.", fields={"email": "To invite by e-mail, enter an address."})
    person = invite(session, actor, command, at=at)
    if way is Way.MAIL:
        mail_way_in(session, actor, person.id, at=at)
        return person, None
    return person, hand_over_way_in(session, actor, person.id, at=at)


def mail_way_in(session: Session, actor: Actor, user_id: UUID, *, at: datetime) -> TokenPurpose:
    """Have a person mailed an invitation, or a link to a new password if they have one; return which."""
    person = _person_to_let_in(session, actor, user_id)
    if person.email is None:
        raise Conflict("This person has no e-mail address. Print a slip or share the link instead.")
    purpose = _purpose_for(person)
    key = f"{purpose}:{uuid7()}"
    if purpose is TokenPurpose.INVITATION:
        enqueue(session, "accounts.send_invitation", key=key, user_id=user_id, issued_by=str(actor.id or ""))
    else:
        enqueue(session, "accounts.send_reset", key=key, user_id=user_id)
    audit.record(session, actor, f"user:mail-{purpose}", person, for_user=user_id, at=at)
    return purpose


def hand_over_way_in(session: Session, actor: Actor, user_id: UUID, *, at: datetime) -> HandedOver:
    """Return a code for a person's invitation, or for a new password if they have one; earlier ones are void."""
    person = _person_to_let_in(session, actor, user_id)
    purpose = _purpose_for(person)
    code = tokens.issue(session, user_id, purpose, actor.id, at, by_hand=True)
    audit.record(session, actor, f"user:hand-over-{purpose}", person, for_user=user_id, at=at)
    return HandedOver(purpose, code, at + tokens.LIFETIMES[purpose])


def deactivate(session: Session, actor: Actor, user_id: UUID, reason: str, *, at: datetime) -> None:
    """Keep a person out from this moment on; their records stay."""
    person = lock_person(session, user_id)
    _refuse_without_say_over(actor, person)
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": "Say why: the trail keeps it."})
    if person.deactivated_at is not None:
        raise Conflict(f"{person.name} is deactivated already.")
    _keep_a_system_admin(session, person)
    person.deactivated_at = at
    sessions.end_all(session, user_id, because="deactivated", at=at)
    tokens.void(session, user_id, at=at)
    audit.record(session, actor, "user:deactivate", person, for_user=user_id, after={"reason": reason.strip()}, at=at)


def reactivate(session: Session, actor: Actor, user_id: UUID, *, at: datetime) -> None:
    """Let a person in again, with the password they had."""
    person = lock_person(session, user_id)
    _refuse_without_say_over(actor, person)
    if person.deactivated_at is None:
        raise Conflict(f"{person.name} is active already.")
    person.deactivated_at = None
    audit.record(session, actor, "user:reactivate", person, for_user=user_id, at=at)


def change_role(session: Session, actor: Actor, command: ChangeRole, *, at: datetime) -> None:
    """Give a person another role. `onboarding` calls this when nothing is open in the present one."""
    person = lock_person(session, command.user_id)
    _refuse_without_say_over_admins(actor)
    if person.role == command.role:
        raise Conflict(f"{person.name} has this role already.")
    duties = _duties(command.role, command.duties)
    _keep_a_system_admin(session, person)
    before = _described(person)
    person.role, person.duties = command.role, duties
    if command.role is not Role.STUDENT:
        person.student_number = None
    session.flush()
    sessions.end_all(session, person.id, because="role changed", at=at)
    audit.record(
        session, actor, "user:change-role", person, for_user=person.id, before=before, after=_described(person), at=at
    )


def change_duties(session: Session, actor: Actor, user_id: UUID, duties: frozenset[Duty], *, at: datetime) -> None:
    """Give an admin other duties; they hold from the next page on."""
    person = lock_person(session, user_id)
    _refuse_without_say_over_admins(actor)
    if person.role != Role.ADMIN:
        raise Conflict("Only admins have duties.")
    if Duty.SYSTEM not in duties:
        _keep_a_system_admin(session, person)
    before = {"duties": list(person.duties)}
    person.duties = _duties(Role.ADMIN, duties)
    audit.record(
        session, actor, "user:change-duties", person, for_user=user_id,
        before=before, after={"duties": person.duties}, at=at,
    )  # fmt: skip


def correct_person(session: Session, actor: Actor, command: CorrectPerson, *, at: datetime) -> None:
    """Correct names and addresses. Unused invitations and resets are void: they went to the old address."""
    person = lock_person(session, command.user_id)
    _refuse_without_say_over(actor, person)
    before = _described(person)
    person.first_name = _name(command.first_name, "first_name")
    person.last_name = _name(command.last_name, "last_name")
    addresses = _addresses(command.email, command.phone)
    if (person.email, person.phone) != (addresses["email"], addresses["phone"]):
        tokens.void(session, person.id, at=at)
    person.email, person.phone = addresses["email"], addresses["phone"]
    _flush_unique(session)
    audit.record(
        session, actor, "user:correct", person, for_user=person.id, before=before, after=_described(person), at=at
    )


def change_profile(session: Session, actor: Actor, command: ChangeProfile, *, at: datetime) -> None:
    """Change one's own names and time zone."""
    person = lock_person(session, actor.person_id)
    if command.time_zone not in available_timezones():
        raise Invalid("Choose a time zone.", fields={"time_zone": "Choose one of the list."})
    before = _described(person)
    person.first_name = _name(command.first_name, "first_name")
    person.last_name = _name(command.last_name, "last_name")
    person.time_zone = command.time_zone
    audit.record(
        session, actor, "user:change-profile", person, for_user=person.id,
        before=before, after=_described(person), at=at,
    )  # fmt: skip


def lift_wait(session: Session, actor: Actor, user_id: UUID, visitor: Visitor, *, at: datetime) -> None:
    """Let a person who mistyped too often try again at once."""
    person = lock_person(session, user_id)
    throttles.lift(session, user_id)
    audit.record(session, actor, "user:lift-wait", person, for_user=user_id, at=at)
    record_security_event(session, SecurityEventKind.WAIT_LIFTED, visitor=visitor, user_id=user_id, at=at)


def end_sessions(session: Session, actor: Actor, user_id: UUID, visitor: Visitor, *, at: datetime) -> int:
    """Sign a person out everywhere; return how many sessions ended."""
    person = lock_person(session, user_id)
    _refuse_without_say_over(actor, person)
    ended = sessions.end_all(session, user_id, because="ended by the office", at=at)
    audit.record(session, actor, "user:end-sessions", person, for_user=user_id, at=at)
    record_security_event(session, SecurityEventKind.SESSIONS_ENDED, visitor=visitor, user_id=user_id, at=at)
    return ended


def ensure_student_number(session: Session, actor: Actor, user_id: UUID, *, at: datetime) -> str:
    """Return a student's number, given now if this is the first application or enrolment."""
    person = lock_person(session, user_id)
    if person.role != Role.STUDENT:
        raise Conflict(f"{person.name} is not a student.")
    if person.student_number is None:
        person.student_number = make_student_number(at.year, session.scalar(student_number_sequence.next_value()) or 0)
        audit.record(
            session, actor, "user:number", person, for_user=user_id,
            after={"student_number": person.student_number}, at=at,
        )  # fmt: skip
    return person.student_number


def lock_person(session: Session, user_id: UUID) -> User:
    """Return a person as they are now, held until the end of the transaction."""
    statement = select(User).where(User.id == user_id).with_for_update().execution_options(populate_existing=True)
    person = session.execute(statement).scalar_one_or_none()
    if person is None:
        raise NotFound
    return person


def _person_to_let_in(session: Session, actor: Actor, user_id: UUID) -> User:
    person = lock_person(session, user_id)
    _refuse_without_say_over(actor, person)
    if person.deactivated_at is not None:
        raise Conflict(f"{person.name} is deactivated. Reactivate the account first.")
    return person


def _purpose_for(person: User) -> TokenPurpose:
    return TokenPurpose.RESET if person.password_hash else TokenPurpose.INVITATION


def _refuse_without_say_over(actor: Actor, person: User) -> None:
    """An admin's account gives an admin's rights to whoever holds its password: it takes the duty for roles."""
    if person.role == Role.ADMIN:
        _refuse_without_say_over_admins(actor)


def _refuse_without_say_over_admins(actor: Actor) -> None:
    if actor.id is not None and not actor.may(Permission.CHANGE_ROLES):
        raise Forbidden("Only an admin with the system duty may do this.")


def _keep_a_system_admin(session: Session, person: User) -> None:
    """Refuse what would leave the portal without anyone who can run it."""
    if person.role != Role.ADMIN or Duty.SYSTEM not in person.duties or person.deactivated_at is not None:
        return
    statement = (
        select(User.id)
        .where(User.role == Role.ADMIN, User.deactivated_at.is_(None), literal(Duty.SYSTEM.value) == any_(User.duties))
        .order_by(User.id)
        .with_for_update()
    )
    if session.execute(statement).scalars().all() == [person.id]:
        raise Conflict(f"{person.name} is the last active admin with the system duty. Give it to somebody else first.")


def _duties(role: Role, duties: frozenset[Duty]) -> list[str]:
    if role is not Role.ADMIN:
        return []
    if not duties:
        raise Invalid("Choose at least one duty.", fields={"duties": "An admin has at least one duty."})
    return [duty.value for duty in Duty if duty in duties]


def _name(text: str, field: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise Invalid("A name is missing.", fields={field: "Enter a name."})
    return name


def _addresses(email: str, phone: str) -> dict[str, str | None]:
    problems: dict[str, str] = {}
    normal = {"email": normal_email(email), "phone": normal_phone(phone)}
    if email.strip() and normal["email"] is None:
        problems["email"] = "This is not an e-mail address."
    if phone.strip() and normal["phone"] is None:
        problems["phone"] = "This is not a phone number. Write it as 024 123 4567 or +233 24 123 4567."
    if not email.strip() and not phone.strip():
        problems["email"] = "Enter an e-mail address, a phone number, or both."
    if problems:
        raise Invalid("Please check the addresses.", fields=problems)
    return normal


def _flush_unique(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        match constraint_of(error):
            case "uq_users_email":
                raise Conflict("Not saved.", fields={"email": "Somebody else has this e-mail address."}) from error
            case "uq_users_phone":
                raise Conflict("Not saved.", fields={"phone": "Somebody else has this phone number."}) from error
        raise


def _described(person: User) -> Mapping[str, Any]:
    return {
        "role": person.role,
        "duties": list(person.duties),
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "phone": person.phone,
        "student_number": person.student_number,
        "time_zone": person.time_zone,
    }
