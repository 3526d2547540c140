"""Reading the audit trail: pages of entries, newest first, and one entry with its values before and after."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, Uuid, cast, column, func, or_, select, table
from sqlalchemy.orm import Session

from portal.domain.audit.models import AuditDetail, AuditEntry, AuditSeal
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, paged

PAGE_SIZE = 50

# People are named as foreign keys name them: the trail lies below the domain of accounts.
_people = table(
    "users",
    column("id", Uuid()),
    column("first_name", Text()),
    column("last_name", Text()),
    column("search_text", Text()),
)
_who = _people.alias("who")
_for_whom = _people.alias("for_whom")


@dataclass(frozen=True, kw_only=True)
class TrailFilter:
    """What a reader looks for; what is empty does not narrow."""

    who: str = ""
    """Part of a person's name, address or number, or of another actor such as `system:seal`."""
    action: str = ""
    """An action, or its first part: `enrolment`, `enrolment:withdraw`."""
    subject: str = ""
    """The id of a row, or the name of its table."""
    for_whom: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    """Part of a value before or after."""


def entries(
    session: Session, wanted: TrailFilter, *, cursor: Keyset | None = None, size: int = PAGE_SIZE
) -> Page[Row[Any]]:
    """Return one page of the trail, newest first."""
    statement = _narrowed(_entries(), wanted)
    return paged(session, statement, sort=AuditEntry.at, key=AuditEntry.id, cursor=cursor, size=size, descending=True)


def entry(session: Session, entry_id: UUID) -> Row[Any]:
    """Return one entry with its details, as far as they were not erased, and its place in the chain."""
    statement = (
        _entries()
        .add_columns(AuditEntry.digest, AuditDetail.before, AuditDetail.after, AuditSeal.position, AuditSeal.seal)
        .outerjoin(AuditDetail, AuditDetail.entry_id == AuditEntry.id)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditEntry.id == entry_id)
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def known_actions(session: Session) -> list[str]:
    """Return the actions that the trail knows, found by hopping along their index."""
    first = select(func.min(AuditEntry.action).label("action")).cte("known", recursive=True)
    following = select(func.min(AuditEntry.action)).where(AuditEntry.action > first.c.action).scalar_subquery()
    known = first.union_all(select(following).where(first.c.action.is_not(None)))
    return list(session.scalars(select(known.c.action).where(known.c.action.is_not(None))))


def contains(folded: Any, text: str) -> Any:
    """Return the condition that a folded text holds these words, whatever signs they are written with."""
    escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return folded.like(func.concat("%", func.fold(escaped), "%"))


def _entries() -> Select[Any]:
    statement = (
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.actor,
            AuditEntry.action,
            AuditEntry.subject_type,
            AuditEntry.subject_id,
            AuditEntry.fields,
            AuditEntry.address,
            AuditEntry.request_id,
            AuditEntry.actor_id,
            AuditEntry.for_user_id,
            (_who.c.first_name + " " + _who.c.last_name).label("who"),
            (_for_whom.c.first_name + " " + _for_whom.c.last_name).label("for_whom"),
        )
        .select_from(AuditEntry)
        .outerjoin(_who, _who.c.id == AuditEntry.actor_id)
        .outerjoin(_for_whom, _for_whom.c.id == AuditEntry.for_user_id)
    )
    return typing.cast("Select[Any]", statement)


def _narrowed(statement: Select[Any], wanted: TrailFilter) -> Select[Any]:
    if wanted.who.strip():
        named = contains(_who.c.search_text, wanted.who)
        statement = statement.where(or_(named, AuditEntry.actor == wanted.who.strip()))
    if wanted.action.strip():
        action = wanted.action.strip()
        # `;` is the sign after `:`, so that the range is what begins with the subject and a colon.
        begins = AuditEntry.action.between(f"{action}:", f"{action};")
        statement = statement.where(or_(AuditEntry.action == action, begins))
    if wanted.subject.strip():
        subject = wanted.subject.strip()
        statement = statement.where(or_(AuditEntry.subject_id == subject, AuditEntry.subject_type == subject))
    if wanted.for_whom.strip():
        statement = statement.where(contains(_for_whom.c.search_text, wanted.for_whom))
    if wanted.since:
        statement = statement.where(AuditEntry.at >= wanted.since)
    if wanted.until:
        statement = statement.where(AuditEntry.at < wanted.until)
    if wanted.text.strip():
        values = func.concat(cast(AuditDetail.before, Text), " ", cast(AuditDetail.after, Text))
        held = select(AuditDetail.entry_id).where(contains(func.fold(values), wanted.text))
        statement = statement.where(AuditEntry.id.in_(held))
    return statement
