"""A person's notifications, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.keyset import Keyset, Page, paged
from portal.domain.notifications.models import Notification

PAGE_SIZE = 20


@dataclass(frozen=True)
class NotificationRow:
    id: UUID
    kind: str
    data: dict[str, Any]
    created_at: datetime
    read_at: datetime | None


def notifications_of(
    session: Session, user_id: UUID, *, read: bool, cursor: Keyset | None = None, size: int = PAGE_SIZE
) -> Page[NotificationRow]:
    """Return one page of what this person has read, or has not read yet, newest first."""
    statement = select(
        Notification.id, Notification.kind, Notification.data, Notification.created_at, Notification.read_at
    ).where(
        Notification.user_id == user_id,
        Notification.read_at.is_not(None) if read else Notification.read_at.is_(None),
    )
    page = paged(
        session,
        statement,
        sort=Notification.created_at,
        key=Notification.id,
        cursor=cursor,
        size=size,
        descending=True,
    )
    rows = (NotificationRow(row.id, row.kind, row.data, row.created_at, row.read_at) for row in page.items)
    return Page(tuple(rows), page.previous, page.next)
