"""Sign-ins, lockouts and refusals, newest first, for those who guard the portal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Row, cast, select
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Session

from portal.domain.accounts.models import SecurityEvent, User
from portal.domain.audit.queries import contains
from portal.domain.keyset import Keyset, Page, paged

PAGE_SIZE = 50


@dataclass(frozen=True, kw_only=True)
class SecurityEventFilter:
    """What a reader looks for; what is empty does not narrow."""

    who: str = ""
    kind: str = ""
    address: str = ""
    """An address or a network, such as 197.251.0.0/24."""
    since: datetime | None = None
    until: datetime | None = None


def security_events_like(
    session: Session, wanted: SecurityEventFilter, *, cursor: Keyset | None = None, size: int = PAGE_SIZE
) -> Page[Row[Any]]:
    """Return one page of security events, newest first."""
    statement = select(
        SecurityEvent.id,
        SecurityEvent.at,
        SecurityEvent.kind,
        SecurityEvent.user_id,
        SecurityEvent.address,
        SecurityEvent.user_agent,
        SecurityEvent.request_id,
        SecurityEvent.details,
        User.name.label("who"),
    ).outerjoin(User, User.id == SecurityEvent.user_id)
    if wanted.who.strip():
        statement = statement.where(contains(User.search_text, wanted.who))
    if wanted.kind.strip():
        statement = statement.where(SecurityEvent.kind == wanted.kind.strip())
    if wanted.address.strip():
        statement = statement.where(SecurityEvent.address.op("<<=")(cast(wanted.address.strip(), INET)))
    if wanted.since:
        statement = statement.where(SecurityEvent.at >= wanted.since)
    if wanted.until:
        statement = statement.where(SecurityEvent.at < wanted.until)
    return paged(
        session, statement, sort=SecurityEvent.at, key=SecurityEvent.id, cursor=cursor, size=size, descending=True
    )


def is_network(text: str) -> bool:
    """Return whether a text is an address or a network to look for."""
    try:
        ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return True
