"""Telling people that something happened, and marking what they have read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ARRAY, String, Table, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.notifications.kinds import refuse_incomplete
from portal.domain.notifications.models import Notification, NotificationKind
from portal.outbox import enqueue


def tell(
    session: Session, user_ids: Iterable[UUID], kind: NotificationKind, *, key: str, at: datetime, **data: Any
) -> int:
    """Tell each of these people once of the event that `key` names, and have their mail sent; return how many were new.

    `data` is what the sentences of this kind need (`kinds.py`), as JSON; `path` is where the row leads.
    """
    refuse_incomplete(kind, data)
    told = list(dict.fromkeys(user_ids))
    if not told:
        return 0
    session.flush()  # people and rows may only exist in the session so far
    parameters = {"ids": [uuid7() for _ in told], "user_ids": told, "kind": str(kind), "key": key}
    new_ids = list(session.scalars(_insert_one_each, parameters | {"data": data, "at": at}))
    if new_ids:
        enqueue(session, "mail.deliver", key=f"mail.deliver:{new_ids[0]}", ids=",".join(map(str, new_ids)))
    return len(new_ids)


def mark_read(session: Session, user_id: UUID, notification_id: UUID, *, at: datetime) -> str | None:
    """Mark one of this person's notifications as read; return the path it leads to, None where it is not theirs."""
    own = (Notification.id == notification_id) & (Notification.user_id == user_id)
    session.execute(update(Notification).where(own, Notification.read_at.is_(None)).values(read_at=at))
    data = session.scalar(select(Notification.data).where(own))
    return None if data is None else str(data.get("path", ""))


def mark_all_read(session: Session, user_id: UUID, *, at: datetime) -> None:
    """Mark all that this person has not read yet as read."""
    unread = (Notification.user_id == user_id) & Notification.read_at.is_(None)
    session.execute(update(Notification).where(unread).values(read_at=at))


# Rows come from two arrays, so that the statement is the same for one person and for an intake of forty.
_new = select(
    func.unnest(bindparam("ids", type_=ARRAY(Uuid()))).label("id"),
    func.unnest(bindparam("user_ids", type_=ARRAY(Uuid()))).label("user_id"),
    bindparam("kind", type_=String()).label("kind"),
    bindparam("key", type_=String()).label("key"),
    bindparam("data", type_=Notification.data.type).label("data"),
    bindparam("at", type_=Notification.created_at.type).label("created_at"),
)
_table = cast(Table, Notification.__table__)
_insert_one_each = (
    insert(_table)
    .from_select(["id", "user_id", "kind", "key", "data", "created_at"], _new)
    .on_conflict_do_nothing(index_elements=["user_id", "key"])
    .returning(_table.c.id)
)
