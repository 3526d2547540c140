"""Questions about people and their sessions. Each returns exactly the columns that are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, exists, func, select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import SignInThrottle, User, UserSession
from portal.domain.accounts.names import Named
from portal.domain.accounts.sessions import live
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, Span, fitting, page_of
from portal.domain.permissions import Duty, Role


class PersonState(StrEnum):
    ACTIVE = "active"
    INVITED = "invited"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True)
class PersonRow(Named):
    """A person in the list."""

    id: UUID
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    student_number: str | None
    role: Role
    duties: tuple[Duty, ...]
    state: PersonState


@dataclass(frozen=True)
class Person(Named):
    """A person on their own page."""

    id: UUID
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    student_number: str | None
    role: Role
    duties: frozenset[Duty]
    time_zone: str
    state: PersonState
    created_at: datetime
    deactivated_at: datetime | None
    waits_until: datetime | None
    """Until when the latest of their sign-in waits lasts."""


@dataclass(frozen=True)
class SessionRow:
    """Where somebody is signed in."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    shared_computer: bool
    address: str | None
    user_agent: str


def people(
    session: Session,
    *,
    q: str = "",
    role: Role | None = None,
    state: PersonState | None = None,
    cursor: Keyset | None = None,
    size: int = 25,
) -> Page[PersonRow]:
    """Return people by name: those whose name, e-mail, phone or student number contains every word of `q`."""
    cursor = fitting(cursor, User.sort_key, User.id)
    page = page_of(session, _people_page(q, role, state, Span.of(cursor)), {}, cursor=cursor, size=size)
    return Page(tuple(map(_person_row, page.items)), page.previous, page.next)


def person(session: Session, user_id: UUID, *, at: datetime) -> Person:
    """Return one person with what the office needs to know, in one statement."""
    waits_until = (
        select(func.max(SignInThrottle.blocked_until))
        .where(SignInThrottle.user_id == User.id, SignInThrottle.blocked_until > at)
        .scalar_subquery()
    )
    statement = select(
        User.id,
        User.first_name,
        User.last_name,
        User.email,
        User.phone,
        User.student_number,
        User.role,
        User.duties,
        User.time_zone,
        User.created_at,
        User.deactivated_at,
        User.password_hash.is_not(None).label("has_password"),
        waits_until.label("waits_until"),
    ).where(User.id == user_id)
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return Person(
        id=row.id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        phone=row.phone,
        student_number=row.student_number,
        role=Role(row.role),
        duties=frozenset(map(Duty, row.duties)),
        time_zone=row.time_zone,
        state=_state(row.deactivated_at, row.has_password),
        created_at=row.created_at,
        deactivated_at=row.deactivated_at,
        waits_until=row.waits_until,
    )


def live_sessions(session: Session, user_id: UUID, *, at: datetime) -> list[SessionRow]:
    """Return where a person is signed in now, the latest use first."""
    statement = (
        select(
            UserSession.id,
            UserSession.created_at,
            UserSession.last_seen_at,
            UserSession.shared_computer,
            UserSession.address,
            UserSession.user_agent,
        )
        .where(UserSession.user_id == user_id, *live(at))
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
        .limit(100)
    )
    return [
        SessionRow(
            id=row.id,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            shared_computer=row.shared_computer,
            address=str(row.address) if row.address is not None else None,
            user_agent=row.user_agent,
        )
        for row in session.execute(statement)
    ]


def has_admin(session: Session) -> bool:
    """Return whether anyone can administer the portal."""
    return bool(session.scalar(select(exists().where(User.role == Role.ADMIN, User.deactivated_at.is_(None)))))


@lru_cache(64)
def _people_page(q: str, role: Role | None, state: PersonState | None, span: Span) -> Select[Any]:
    """Making a statement takes as long as running it, and most look at the same few lists."""
    people: Select[*tuple[Any, ...]] = select(
        User.id,
        User.first_name,
        User.last_name,
        User.email,
        User.phone,
        User.student_number,
        User.role,
        User.duties,
        User.deactivated_at,
        User.password_hash.is_not(None).label("has_password"),
    ).where(*_matches(q, role, state))
    return span.cut(people, User.sort_key, User.id)


def _matches(q: str, role: Role | None, state: PersonState | None) -> Iterator[ColumnElement[bool]]:
    for word in _search_words(q):
        yield User.search_text.like(func.concat("%", func.fold(word), "%"), escape="\\")
    if role is not None:
        yield User.role == role
    match state:
        case PersonState.ACTIVE:
            yield User.deactivated_at.is_(None) & User.password_hash.is_not(None)
        case PersonState.INVITED:
            yield User.deactivated_at.is_(None) & User.password_hash.is_(None)
        case PersonState.DEACTIVATED:
            yield User.deactivated_at.is_not(None)


def _person_row(row: Row[Any]) -> PersonRow:
    return PersonRow(
        id=row.id,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        phone=row.phone,
        student_number=row.student_number,
        role=Role(row.role),
        duties=tuple(map(Duty, row.duties)),
        state=_state(row.deactivated_at, row.has_password),
    )


def _search_words(q: str) -> list[str]:
    """Return what to look for, wildcards taken literally. A phone number typed as 024… is stored as +23324…."""
    compact = q.replace(" ", "").replace("-", "")
    if compact.isdigit() and compact.startswith("0") and len(compact) >= 4:
        return [compact[1:]]
    words = q.split()[:6]  # more words find nobody more exactly
    return [word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in words]


def _state(deactivated_at: datetime | None, has_password: bool) -> PersonState:
    if deactivated_at is not None:
        return PersonState.DEACTIVATED
    return PersonState.ACTIVE if has_password else PersonState.INVITED
