"""Refusals as security events: who was kept from what, and who asked too often.

Written in a short transaction of its own, after that of the request was rolled back, so that the refusal of an
operation cannot take its own trace away. What was typed is never part of it.
"""

from __future__ import annotations

import structlog
from flask import g, request
from sqlalchemy.exc import SQLAlchemyError

from portal import db
from portal.domain.accounts import security_events
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.clock import now
from portal.domain.permissions import Actor
from portal.web import limits
from portal.web.visitors import the_visitor

log = structlog.get_logger(__name__)


def note_access_refused(reason: str) -> None:
    """Write down that somebody was kept from what they asked for: `permission`, `rule` or `form token`."""
    kind = SecurityEventKind.ACCESS_REFUSED
    if _person() is not None or limits.is_first_this_minute("refused", kind, _route()):
        _note(kind, reason=reason)


def note_limit_reached() -> None:
    """Write down that a limit was reached, once a minute for each caller: a flood must not fill the table."""
    kind = SecurityEventKind.LIMIT_REACHED
    if limits.is_first_this_minute("refused", kind):
        _note(kind)


def _note(kind: SecurityEventKind, **details: str) -> None:
    person = _person()
    try:
        db.close_session()  # rolls back what a refused request left open
        with db.session_scope():
            db.perform(
                security_events.record,
                kind,
                visitor=the_visitor(),
                user_id=person.id if person else None,
                at=now(),
                method=request.method,
                route=_route(),
                **details,
            )
    except SQLAlchemyError:  # the answer is the refusal all the same
        log.exception("refusal_not_noted", kind=kind)


def _person() -> Actor | None:
    person: Actor | None = g.get("identity") or g.get("api_person")
    return person


def _route() -> str:
    """Return the rule of this request's address, never the address itself, which may carry a secret."""
    return request.url_rule.rule if request.url_rule else ""
