"""Who is signed in: one row per session, found by the hash of an opaque cookie, with its person, in one statement.

Two cookies. The sign-in cookie carries a random id and nothing else. Flask's own signed cookie exists only
when a visitor's form or a flash message needs it, and says nothing of who somebody is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask, Request, Response, g, has_request_context, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import UserMixin
from sqlalchemy import DateTime, bindparam, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal import db
from portal.domain.accounts.models import SessionLevel, User, UserSession
from portal.domain.accounts.names import Named
from portal.domain.accounts.sessions import live
from portal.domain.accounts.tokens import token_hash
from portal.domain.clock import now
from portal.domain.notifications.models import Notification
from portal.domain.permissions import Actor, Duty, Role
from portal.web import limits
from portal.web.counters import Counted, Finder

ACTIVITY_EVERY = timedelta(minutes=1)  # how often at most `last_seen_at` is written
COOKIELESS = ("/static/", "/api/v1/", "/api/health/live", "/api/health/ready", "/webhooks/")

# made once: every page of a signed-in person sends it
SESSION_AND_PERSON = Finder(
    select(
        UserSession.id,
        UserSession.csrf_token,
        UserSession.shared_computer,
        UserSession.reauthenticated_at,
        UserSession.last_seen_at,
        User.id.label("user_id"),
        User.role,
        User.duties,
        User.first_name,
        User.last_name,
        User.email,
        User.student_number,
        User.time_zone,
        select(func.count())
        .where(Notification.user_id == User.id, Notification.read_at.is_(None))
        .scalar_subquery()
        .label("unread"),
    )
    .join(User, User.id == UserSession.user_id)
    .where(
        UserSession.token_hash == bindparam("token_hash"),
        UserSession.level == SessionLevel.FULL,
        *live(bindparam("moment", type_=DateTime(timezone=True))),
        User.deactivated_at.is_(None),
    ),
    "page/session:",
    seconds=60,
)


@dataclass(frozen=True, kw_only=True)
class Identity(Named, Actor, UserMixin):
    """The signed-in person as a request knows them: Flask-Login's `current_user`, and the actor of operations."""

    first_name: str
    last_name: str
    email: str | None
    student_number: str | None
    time_zone: str
    session_id: UUID
    csrf_token: str
    shared_computer: bool
    reauthenticated_at: datetime
    last_seen_at: datetime
    unread: int
    """Notifications not read yet, for the bell."""
    pages: Counted | None
    """How many pages this session asked for in this minute, where finding it has counted them."""

    def get_id(self) -> str:
        return str(self.id)


class PortalSession(SecureCookieSession):
    """Flask's session: flash messages, and the CSRF secret of a visitor. A signed-in person's secret is in the row."""

    row_token: str | None = None


class PortalSessionInterface(SecureCookieSessionInterface):
    session_class = PortalSession

    def open_session(self, app: Flask, request: Request) -> PortalSession | None:
        if request.path.startswith(COOKIELESS):
            g.identity = None
            return PortalSession()
        session = super().open_session(app, request)
        try:
            counted = limits.are_counted_with_the_person(app, request)
            g.identity = load_identity(request.cookies.get(cookie_name(app)), counted=counted)
        except (DBAPIError, PoolTimeout) as error:  # raised again where there is a session for the error page
            g.identity, g.identity_failure = None, error
        if isinstance(session, PortalSession) and g.identity is not None:
            session.row_token = g.identity.csrf_token
            modified = session.modified
            session["csrf_token"] = g.identity.csrf_token
            session.modified = modified
        return session if isinstance(session, PortalSession) else None

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        if request.path.startswith(COOKIELESS):
            return
        row_token = session.row_token
        if row_token is not None and session.get("csrf_token") == row_token:
            modified = session.modified
            del session["csrf_token"]
            session.modified = modified
        super().save_session(app, session, response)


def current_identity() -> Identity | None:
    """Return the person of this request, or None for a visitor."""
    return g.get("identity") if has_request_context() else None


def the_person() -> Identity:
    """Return the signed-in person; views behind `@requires` and `@signed_in` always have one."""
    identity = current_identity()
    if identity is None:
        raise RuntimeError("this view is public: nobody is signed in")
    return identity


def cookie_name(app: Flask) -> str:
    """Return the name of the sign-in cookie; over TLS a prefix binds it to this host."""
    return "__Host-portal" if app.config["SESSION_COOKIE_SECURE"] else "portal"


def load_identity(cookie: str | None, *, counted: bool = False) -> Identity | None:
    """Return the person whose live session this cookie names, read in one statement; the connection is given back."""
    if not cookie or len(cookie) > 100:
        return None
    row, pages = SESSION_AND_PERSON.find({"token_hash": token_hash(cookie), "moment": now()}, counted=counted)
    if row is None:
        return None
    return Identity(
        id=row.user_id,
        role=Role(row.role),
        duties=frozenset(map(Duty, row.duties)),
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        student_number=row.student_number,
        time_zone=row.time_zone,
        session_id=row.id,
        csrf_token=row.csrf_token,
        shared_computer=row.shared_computer,
        reauthenticated_at=row.reauthenticated_at,
        last_seen_at=row.last_seen_at,
        unread=row.unread,
        pages=pages,
    )


def note_activity(identity: Identity) -> None:
    """Write down that the person is here, at most once a minute; it keeps the session from ending idle."""
    at = now()
    if at - identity.last_seen_at < ACTIVITY_EVERY:
        return
    with db.transaction() as session:
        session.execute(update(UserSession).where(UserSession.id == identity.session_id).values(last_seen_at=at))


def set_sign_in_cookie(app: Flask, response: Any, token: str, *, shared_computer: bool, expires_at: datetime) -> None:
    """Give the browser its sign-in cookie; on a shared computer it ends with the browser."""
    response.set_cookie(
        cookie_name(app),
        token,
        expires=None if shared_computer else expires_at,
        path="/",
        secure=app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def clear_sign_in_cookie(app: Flask, response: Any) -> None:
    """Take the sign-in cookie back."""
    response.delete_cookie(
        cookie_name(app), path="/", secure=app.config["SESSION_COOKIE_SECURE"], httponly=True, samesite="Lax"
    )
