"""Tokens of the JSON API: a short access token (JWT) and a refresh token that is replaced at every use.

A used refresh token seen again ends its whole family, except within a minute while its successor is unused:
then a client whose answer was lost gets that same successor. Successors are derived from their predecessor
by a key, so that only hashes need to be stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import jwt
from sqlalchemy import Row, Select, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.accounts.models import RefreshToken, User
from portal.domain.permissions import Actor, Duty, Role

ACCESS_MINUTES = 15
REFRESH_DAYS = 30
REPEAT_SECONDS = 60  # a line that drops between our answer and the client's reading of it
LEEWAY_SECONDS = 30  # between the clocks of several servers
ALGORITHM = "HS256"
AUDIENCE = "portal-api"
SIGNED_OUT = "signed out"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068, 2.1


@dataclass(frozen=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token ends."""


@dataclass(frozen=True)
class TokenKeys:
    """The keys of this portal: the first of each signs, all verify."""

    issuer: str
    signing: tuple[str, ...]
    deriving: tuple[str, ...]


@dataclass(frozen=True)
class AccessClaims:
    user_id: UUID
    family_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApiPerson(Actor):
    """Whoever calls the API, as they are at this moment: a token's own claims of role are not believed."""

    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    student_number: str | None
    time_zone: str
    created_at: datetime
    family_id: UUID


def start_family(
    session: Session, user_id: UUID, keys: TokenKeys, *, request_key: str | None = None, at: datetime
) -> TokenPair:
    """Return the first pair of a new sign-in; the refresh token and all its successors end 30 days from now.

    With `request_key` a repeat is the same sign-in: its token is derived from the key, so that none need be stored.
    """
    if request_key is not None:
        secret = _derive(f"{user_id}:{request_key}", keys.deriving[0], purpose="first")
        row = _begin(session, user_id, secret, at) or _unused(session, secret, at)
        if row is not None:
            return _pair(row, secret, keys, at)
    secret = secrets.token_urlsafe(32)
    row = _begin(session, user_id, secret, at)
    if row is None:
        raise RuntimeError("two random secrets were the same")
    return _pair(row, secret, keys, at)


def rotate(session: Session, refresh_token: str, keys: TokenKeys, *, at: datetime) -> TokenPair | None:
    """Return the pair that replaces this refresh token, or None where it is worth nothing.

    None also where a used token came again: its family has then been revoked, and the caller notes the event.
    """
    row = session.scalar(select(RefreshToken).where(RefreshToken.token_hash == _hash(refresh_token)).with_for_update())
    if row is None or row.revoked_at is not None or row.expires_at <= at or not _may_sign_in(session, row.user_id):
        return None
    if row.used_at is None:
        return _succeed(session, row, refresh_token, keys, at)
    successor = session.get(RefreshToken, row.successor_id, with_for_update=True) if row.successor_id else None
    if successor and successor.used_at is None and at - row.used_at <= timedelta(seconds=REPEAT_SECONDS):
        for key in keys.deriving:
            secret = _derive(refresh_token, key)
            if hmac.compare_digest(_hash(secret), successor.token_hash):
                return _pair(successor, secret, keys, at)
    revoke_family(session, row.family_id, "refresh token used twice", at=at)
    return None


def revoke_family(session: Session, family_id: UUID, because: str, *, at: datetime) -> None:
    """End a sign-in of the API: its refresh tokens now, its access token with it."""
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.family_id == family_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at, revoked_because=because)
    )


def was_signed_out(session: Session, claims: AccessClaims) -> bool:
    """Return whether the sign-in of an access token was ended by whoever had begun it."""
    ended = RefreshToken.revoked_because == SIGNED_OUT
    return bool(session.scalar(select(exists().where(RefreshToken.family_id == claims.family_id, ended))))


def family_of(session: Session, refresh_token: str) -> RefreshToken | None:
    """Return the row of a refresh token, for signing out with it."""
    return session.scalar(select(RefreshToken).where(RefreshToken.token_hash == _hash(refresh_token)))


def read_access_token(token: str, keys: TokenKeys, *, at: datetime) -> AccessClaims | None:
    """Return what a valid access token of ours says, or None: wrong key, algorithm, type, audience, or time."""
    payload = _verified(token, keys.signing, keys.issuer)
    return _claims(payload, at) if payload is not None else None


@lru_cache(maxsize=1024)
def _verified(token: str, signing: tuple[str, ...], issuer: str) -> Mapping[str, Any] | None:
    """Return what a token of ours holds, whatever the time; its signature is looked at once, not at each call."""
    for key in signing:
        try:
            decoded = jwt.decode_complete(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=issuer,
                options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError:
            return None
        return MappingProxyType(decoded["payload"]) if decoded["header"].get("typ") == TOKEN_TYPE else None
    return None


def api_person(session: Session, claims: AccessClaims) -> ApiPerson | None:
    """Return the person of an access token as they are now, in one statement; None where they may not come in."""
    row = session.execute(select_person(), whose(claims)).one_or_none()
    return as_api_person(row, claims) if row is not None else None


def as_api_person(row: Row[Any], claims: AccessClaims) -> ApiPerson:
    """Return the person of a row of `select_person`."""
    return ApiPerson(
        id=row.id,
        role=Role(row.role),
        duties=frozenset(map(Duty, row.duties)),
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        phone=row.phone,
        student_number=row.student_number,
        time_zone=row.time_zone,
        created_at=row.created_at,
        family_id=claims.family_id,
    )


def whose(claims: AccessClaims) -> dict[str, UUID]:
    """Return what `select_person` asks for."""
    return {"user_id": claims.user_id, "family_id": claims.family_id}


@cache
def select_person() -> Select[*tuple[Any, ...]]:
    """Select whom an access token names, if they may come in; made once, as every call with a token sends it.

    The sign-in must be theirs and still stand: a token that names another one is worth nothing, even well signed.
    """
    stands = (
        select(func.bool_and(RefreshToken.revoked_at.is_(None)))
        .where(RefreshToken.family_id == bindparam("family_id"), RefreshToken.user_id == bindparam("user_id"))
        .scalar_subquery()
    )
    return select(
        User.id,
        User.role,
        User.duties,
        User.first_name,
        User.last_name,
        User.email,
        User.phone,
        User.student_number,
        User.time_zone,
        User.created_at,
    ).where(User.id == bindparam("user_id"), User.deactivated_at.is_(None), stands)


def _begin(session: Session, user_id: UUID, secret: str, at: datetime) -> RefreshToken | None:
    """Write down the first token of a family, or return None where this secret has begun one before."""
    values = {
        "id": uuid7(),
        "family_id": uuid7(),
        "user_id": user_id,
        "token_hash": _hash(secret),
        "created_at": at,
        "expires_at": at + timedelta(days=REFRESH_DAYS),
    }
    return session.scalar(
        insert(RefreshToken)
        .values(values)
        .on_conflict_do_nothing(index_elements=["token_hash"])
        .returning(RefreshToken)
    )


def _unused(session: Session, secret: str, at: datetime) -> RefreshToken | None:
    """Return the first token of a family that nobody has used yet, while its access token still lasts."""
    return session.scalar(
        select(RefreshToken).where(
            RefreshToken.token_hash == _hash(secret),
            RefreshToken.used_at.is_(None),
            RefreshToken.revoked_at.is_(None),
            RefreshToken.created_at > at - timedelta(minutes=ACCESS_MINUTES),
        )
    )


def _may_sign_in(session: Session, user_id: UUID) -> bool:
    return bool(session.scalar(select(User.deactivated_at.is_(None)).where(User.id == user_id)))


def _succeed(session: Session, row: RefreshToken, secret: str, keys: TokenKeys, at: datetime) -> TokenPair:
    successor_secret = _derive(secret, keys.deriving[0])
    successor = RefreshToken(
        family_id=row.family_id,
        user_id=row.user_id,
        token_hash=_hash(successor_secret),
        created_at=at,
        expires_at=row.expires_at,
    )
    session.add(successor)
    session.flush()
    row.used_at, row.successor_id = at, successor.id
    session.flush()
    return _pair(successor, successor_secret, keys, at)


def _pair(row: RefreshToken, secret: str, keys: TokenKeys, at: datetime) -> TokenPair:
    ends_at = row.created_at + timedelta(minutes=ACCESS_MINUTES)
    claims = {
        "iss": keys.issuer,
        "aud": AUDIENCE,
        "sub": str(row.user_id),
        "family": str(row.family_id),
        "iat": int(row.created_at.timestamp()),
        "exp": int(ends_at.timestamp()),
        "jti": str(row.id),  # a repeat is given the very same token
    }
    token = jwt.encode(claims, keys.signing[0], algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE})
    return TokenPair(token, secret, int((ends_at - at).total_seconds()))


def _claims(claims: Mapping[str, Any], at: datetime) -> AccessClaims | None:
    issued, expires = claims["iat"], claims["exp"]
    if any(not isinstance(moment, int) or isinstance(moment, bool) for moment in (issued, expires)):
        return None
    if not issued - LEEWAY_SECONDS <= at.timestamp() <= expires + LEEWAY_SECONDS:
        return None
    try:
        return AccessClaims(UUID(claims["sub"]), UUID(claims.get("family", "")))
    except (ValueError, AttributeError, TypeError):
        return None


def _derive(secret: str, key: str, *, purpose: str = "successor") -> str:
    digest = hmac.new(key.encode(), f"refresh-{purpose}:{secret}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
