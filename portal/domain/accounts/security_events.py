"""Security events: sign-ins, waits, refusals, each a row for those who guard the portal."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.domain.accounts.models import SecurityEvent
from portal.domain.accounts.visitors import Visitor

LONGEST_USER_AGENT = 400  # what is longer identifies nothing and only fills the table


class SecurityEventKind(StrEnum):
    SIGNED_IN = "signed-in"
    SIGN_IN_FAILED = "sign-in-failed"
    SIGN_IN_MADE_TO_WAIT = "sign-in-made-to-wait"
    SIGNED_OUT = "signed-out"
    PASSWORD_CONFIRMED = "password-confirmed"  # noqa: S105 - a kind of event
    CONFIRMATION_FAILED = "confirmation-failed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a kind of event
    RESET_ASKED = "reset-asked"
    CODE_REFUSED = "code-refused"
    SESSIONS_ENDED = "sessions-ended"
    WAIT_LIFTED = "wait-lifted"
    REFRESH_TOKEN_REUSED = "refresh-token-reused"  # noqa: S105 - a kind of event
    ACCESS_REFUSED = "access-refused"
    LIMIT_REACHED = "limit-reached"


def record(
    session: Session,
    kind: SecurityEventKind,
    /,
    *,
    visitor: Visitor,
    at: datetime,
    user_id: UUID | None = None,
    **details: Any,
) -> None:
    """Write down what happened. What was typed is never among the details."""
    session.add(
        SecurityEvent(
            at=at,
            kind=kind,
            user_id=user_id,
            address=visitor.address,
            user_agent=visitor.user_agent[:LONGEST_USER_AGENT].replace("\0", ""),
            request_id=visitor.request_id,
            details=details,
        )
    )
