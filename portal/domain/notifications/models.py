"""Notifications: one row per person and event. Mail is derived from them by a job."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class NotificationKind(StrEnum):
    """Each kind has a template: its sentence on the page, its subject and body as mail."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password-reset"  # noqa: S105 - a kind of message
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a kind of message
    ENROLLED = "enrolled"
    ENROLMENT_ENDED = "enrolment-ended"
    MATERIAL_RELEASED = "material-released"
    ASSIGNMENT_PUBLISHED = "assignment-published"
    ASSIGNMENT_REMINDER = "assignment-reminder"
    GROUP_CHANGED = "group-changed"
    SUBMISSION_RECEIVED = "submission-received"
    SUBMISSION_WITHDRAWN = "submission-withdrawn"
    HAND_IN_REFUSED = "hand-in-refused"
    NOT_HANDED_IN = "not-handed-in"
    EXTENSION_ASKED = "extension-asked"
    EXTENSION_DECIDED = "extension-decided"
    MARK_RELEASED = "mark-released"
    CLASS_SCHEDULED = "class-scheduled"
    CLASS_MOVED = "class-moved"
    CLASS_CANCELLED = "class-cancelled"


class Notification(Base):
    __tablename__ = "notifications"

    id: Mapped[PrimaryKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str]
    key: Mapped[str]
    """What makes this event one event, such as `mark-released:<grade id>`."""
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What its template needs: titles, names of places, a path; never a secret."""
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    mailed_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("kind", NotificationKind, "kind"),
        UniqueConstraint("user_id", "key"),
        Index("ix_notifications_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_notifications_unread", "user_id", postgresql_where=text("read_at IS NULL")),
    )
