"""Writing the audit trail: who did what to what, with the values before and after kept beside the entry."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.db import Base, uuid7
from portal.domain.audit.models import AuditDetail, AuditEntry
from portal.domain.audit.origin import current_origin
from portal.domain.permissions import Actor

SALT_BYTES = 16

Subject = Base | tuple[str, UUID | str]
"""A row, or the name of its table with its id."""
Values = Mapping[str, Any]


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject: Subject,
    *,
    for_user: UUID | None = None,
    before: Values | None = None,
    after: Values | None = None,
    at: datetime,
) -> UUID:
    """Write one entry, unsealed, in this transaction and in one statement; return its id."""
    session.flush()  # the entry refers to rows that may only exist in the session so far
    entry, detail = _rows(actor, action, subject, for_user, before, after, at)
    written = insert(AuditEntry).values(**entry)
    if detail is None:
        session.execute(written)
    else:
        session.execute(insert(AuditDetail).values(**detail).add_cte(written.cte("entry")))
    recorded: UUID = entry["id"]
    return recorded


def record_each(
    session: Session,
    actor: Actor,
    action: str,
    subjects: Iterable[tuple[Subject, UUID]],
    *,
    after: Values,
    at: datetime,
) -> None:
    """Write one entry for each of these subjects and the person it is about, alike for all, in one statement."""
    session.flush()
    rows = [_rows(actor, action, subject, for_user, None, after, at) for subject, for_user in subjects]
    if rows:
        entries = insert(AuditEntry).values([entry for entry, _ in rows])
        details = insert(AuditDetail).values([detail for _, detail in rows])
        session.execute(details.add_cte(entries.cte("entries")))


def _rows(
    actor: Actor,
    action: str,
    subject: Subject,
    for_user: UUID | None,
    before: Values | None,
    after: Values | None,
    at: datetime,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return an entry and what is kept beside it, if anything."""
    subject_type, subject_id = _name_of(subject)
    origin = current_origin()
    old, new = _plain_values(before), _plain_values(after)
    salt = secrets.token_hex(SALT_BYTES)
    nothing = old is None and new is None
    entry = {
        "id": uuid7(),
        "at": at,
        "actor_id": actor.id,
        "actor": actor.label,
        "action": action,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "for_user_id": for_user,
        "fields": changed_fields(old, new),
        "digest": "" if nothing else digest(salt, old, new),
        "address": origin.address,
        "request_id": origin.request_id,
    }
    return entry, None if nothing else {"entry_id": entry["id"], "salt": salt, "before": old, "after": new}


def changed_fields(before: Values | None, after: Values | None) -> list[str]:
    """Return the names whose values differ, or all names where there is only one side."""
    if before is None or after is None:
        return sorted(before or after or {})
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def digest(salt: str, before: Values | None, after: Values | None) -> str:
    """Return the salted hash of the details: it stays when they are erased, and proves them while they are there."""
    canonical = json.dumps([before, after], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{salt}:{canonical}".encode()).hexdigest()


def _name_of(subject: Subject) -> tuple[str, str]:
    if isinstance(subject, tuple):
        table, row_id = subject
        return table, str(row_id)
    row: Any = subject
    return row.__tablename__, str(row.id)


def _plain_values(values: Values | None) -> dict[str, Any] | None:
    return None if values is None else {str(name): _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """Return a value as JSON keeps it exactly; numbers with a point become text, which comes back unchanged."""
    match value:
        case None | bool():
            return value
        case Enum():
            return _plain(value.value)
        case int() | str():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | float() | UUID():
            return str(value)
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted(_plain(item) for item in value)
        case _:
            return str(value)
