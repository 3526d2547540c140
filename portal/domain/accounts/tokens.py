"""Secrets given once: the random values of cookies and links, and the single-use tokens of invitations and resets.

A link carries 256 random bits. What is typed from a printed slip is a code of 80 bits in four groups of four,
without letters that are mistaken for digits. Only hashes are kept.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal.domain.accounts.models import SingleUseToken, TokenPurpose, User
from portal.domain.errors import NotFound
from portal.domain.permissions import Role

LIFETIMES = {TokenPurpose.INVITATION: timedelta(days=7), TokenPurpose.RESET: timedelta(minutes=30)}
CODE_CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's 32: five bits each, no I, L, O, U
CODE_LENGTH = 16  # 80 bits
GROUP = 4
LINK_LENGTH = 43  # of 256 bits as URL-safe text

_MISREAD = str.maketrans("OIL", "011")


@dataclass(frozen=True)
class TokenHolder:
    """Whom a secret is for, shown before it is used."""

    user_id: UUID
    purpose: TokenPurpose
    first_name: str
    role: Role
    expires_at: datetime


class TokenRefused(NotFound):
    """The secret is wrong, used, replaced by a newer one, or too old: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("This link or code is not valid any more. Each one works once and for a limited time.")


def token_hash(token: str) -> str:
    """Return what is stored of a secret that has 80 bits or more of its own: its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """Return 256 random bits for a cookie or a link."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """Return a code to be typed by hand, such as K7QF-2M9X-8RTA-4WNE."""
    characters = "".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH))
    return "-".join(characters[start : start + GROUP] for start in range(0, CODE_LENGTH, GROUP))


def issue(
    session: Session,
    user_id: UUID,
    purpose: TokenPurpose,
    issued_by: UUID | None,
    at: datetime,
    *,
    by_hand: bool = False,
) -> str:
    """Return a new secret for a person; the ones before it are void. `by_hand`: a code that can be typed from paper."""
    void(session, user_id, at=at, purpose=purpose)
    secret = new_code() if by_hand else new_token()
    session.add(
        SingleUseToken(
            purpose=purpose,
            token_hash=token_hash(plain(secret)),
            user_id=user_id,
            issued_by=issued_by,
            created_at=at,
            expires_at=at + LIFETIMES[purpose],
        )
    )
    session.flush()
    return secret


def path_of(purpose: TokenPurpose, secret: str) -> str:
    """Return the path of the link that carries a secret."""
    return f"/{purpose}/{secret}"


def look_up(session: Session, secret: str, *, at: datetime) -> TokenHolder:
    """Return whom a secret is for without using it: programs that look at mail open links too."""
    statement = (
        select(SingleUseToken.user_id, SingleUseToken.purpose, SingleUseToken.expires_at, User.first_name, User.role)
        .join(User, User.id == SingleUseToken.user_id)
        .where(SingleUseToken.token_hash == token_hash(plain(secret)), *_still_valid(at), User.deactivated_at.is_(None))
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise TokenRefused
    return TokenHolder(
        user_id=row.user_id,
        purpose=TokenPurpose(row.purpose),
        first_name=row.first_name,
        role=Role(row.role),
        expires_at=row.expires_at,
    )


def redeem(session: Session, secret: str, purpose: TokenPurpose, *, at: datetime) -> UUID:
    """Use a secret up and return whose it was. Of two who use it at the same moment one is refused."""
    statement = (
        update(SingleUseToken)
        .where(
            SingleUseToken.token_hash == token_hash(plain(secret)),
            SingleUseToken.purpose == purpose,
            *_still_valid(at),
        )
        .values(used_at=at)
        .returning(SingleUseToken.user_id)
    )
    user_id = session.execute(statement).scalar_one_or_none()
    if user_id is None:
        raise TokenRefused
    return user_id


def void(session: Session, user_id: UUID, *, at: datetime, purpose: TokenPurpose | None = None) -> None:
    """Make a person's unused secrets worthless: all of them, or those of one purpose."""
    statement = update(SingleUseToken).where(
        SingleUseToken.user_id == user_id, SingleUseToken.used_at.is_(None), SingleUseToken.voided_at.is_(None)
    )
    if purpose is not None:
        statement = statement.where(SingleUseToken.purpose == purpose)
    session.execute(statement.values(voided_at=at))


def plain(secret: str) -> str:
    """Return a link's secret as it is, and a typed code without its separators and slips of the eye."""
    if len(secret) == LINK_LENGTH:
        return secret
    return re.sub(r"[^0-9A-Z]", "", secret.upper()).translate(_MISREAD)


def _still_valid(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SingleUseToken.used_at.is_(None),
        SingleUseToken.voided_at.is_(None),
        SingleUseToken.expires_at > at,
    )
