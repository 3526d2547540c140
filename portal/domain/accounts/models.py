"""People and how they prove who they are: users, devices, sessions, single-use tokens, throttles, API tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Computed, DateTime, ForeignKey, Index, Sequence, Text, text
from sqlalchemy.dialects.postgresql import CITEXT, INET
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of, trigram_index
from portal.domain.permissions import Duty, Role

student_number_sequence = Sequence("student_number_seq", metadata=Base.metadata)


class User(Base):
    __tablename__ = "users"

    id: Mapped[PrimaryKey]
    role: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str | None] = mapped_column(CITEXT(), unique=True)
    phone: Mapped[str | None] = mapped_column(unique=True)
    """E.164, such as +233241234567."""
    student_number: Mapped[str | None] = mapped_column(unique=True)
    duties: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    time_zone: Mapped[str] = mapped_column(server_default="Africa/Accra")
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    search_text: Mapped[str] = mapped_column(
        Computed(
            "fold(first_name || ' ' || last_name || ' ' || coalesce(email::text, '') || ' ' || "
            "coalesce(phone, '') || ' ' || coalesce(student_number, ''))",
            persisted=True,
        )
    )
    sort_key: Mapped[str] = mapped_column(Computed("fold(last_name || ' ' || first_name)", persisted=True))

    __table_args__ = (
        one_of("role", Role, "role"),
        CheckConstraint("num_nonnulls(email, phone) >= 1", name="reachable"),
        CheckConstraint(r"phone ~ '^\+[1-9][0-9]{6,14}$'", name="phone_e164"),
        CheckConstraint(
            "duties <@ ARRAY[" + ", ".join(f"'{duty}'" for duty in Duty) + "]::text[]", name="known_duties"
        ),
        CheckConstraint("role = 'admin' OR duties = '{}'", name="duties_of_admins"),
        CheckConstraint("role <> 'admin' OR duties <> '{}'", name="admins_have_duties"),
        CheckConstraint("student_number IS NULL OR role = 'student'", name="number_of_students"),
        trigram_index("ix_users_search_text"),
        Index("ix_users_sort_key_id", "sort_key", "id"),
    )

    @hybrid_property
    def name(self) -> str:
        """The first name and the last, of a row as in a statement."""
        return self.first_name + " " + self.last_name


class Device(Base):
    """A browser in which a person has signed in before: strangers' failures never lock it out."""

    __tablename__ = "devices"

    id: Mapped[PrimaryKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]

    __table_args__ = (Index("uq_devices_token_hash_user_id", "token_hash", "user_id", unique=True),)


class SessionLevel(StrEnum):
    FULL = "full"
    PENDING = "pending"
    """Past the password, before a further step of signing in."""


class UserSession(Base):
    __tablename__ = "sessions"

    id: Mapped[PrimaryKey]
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    level: Mapped[str] = mapped_column(server_default=SessionLevel.FULL)
    pending_step: Mapped[str | None]
    csrf_token: Mapped[str]
    shared_computer: Mapped[bool]
    idle_minutes: Mapped[int]
    created_at: Mapped[datetime]
    authenticated_at: Mapped[datetime]
    reauthenticated_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """The absolute end, whatever the activity."""
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("devices.id"), index=True)
    address: Mapped[str | None] = mapped_column(INET())
    user_agent: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        one_of("level", SessionLevel, "level"),
        CheckConstraint("(level = 'pending') = (pending_step IS NOT NULL)", name="pending_step"),
    )


class TokenPurpose(StrEnum):
    INVITATION = "invitation"
    RESET = "reset"
    VERIFICATION = "verification"
    CHANGE_EMAIL = "change-email"
    CHANGE_PHONE = "change-phone"


class SingleUseToken(Base):
    """A secret given once, by mail, as a link to share or on a printed slip; only its hash is kept."""

    __tablename__ = "single_use_tokens"

    id: Mapped[PrimaryKey]
    purpose: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    issued_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    new_value: Mapped[str | None]

    __table_args__ = (one_of("purpose", TokenPurpose, "purpose"),)


class SignInThrottle(Base):
    """Wrong passwords under one key: an account, an account and address, an address, a device. All workers share it."""

    __tablename__ = "sign_in_throttles"

    key: Mapped[str] = mapped_column(primary_key=True)
    failed_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default=text("'{}'"))
    """The failures that still count, oldest first."""
    waits: Mapped[int] = mapped_column(server_default="0")
    blocked_until: Mapped[datetime | None]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)


class SecurityEvent(Base):
    """Sign-ins, lockouts, refusals: what someone guarding the portal must see."""

    __tablename__ = "security_events"

    id: Mapped[PrimaryKey]
    at: Mapped[datetime]
    kind: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    address: Mapped[str | None] = mapped_column(INET())
    user_agent: Mapped[str] = mapped_column(server_default="")
    request_id: Mapped[str] = mapped_column(server_default="")
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))

    __table_args__ = (Index("ix_security_events_at_id", "at", "id"), Index("ix_security_events_kind_at", "kind", "at"))


class RefreshToken(Base):
    """One rotation of an API sign-in. A used one seen again revokes its whole family."""

    __tablename__ = "refresh_tokens"

    id: Mapped[PrimaryKey]
    family_id: Mapped[UUID] = mapped_column(index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("refresh_tokens.id"), index=True)
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]
