"""What somebody typed while their session ended, or before the password was asked for again: kept, and shown to
the same person and nobody else when they have proved who they are.

The form proves by its CSRF token that it comes from a page of that session. It is kept on the server, for two hours;
the browser is given only a random key, and the key opens nothing for another person. Passwords are never kept.
The table is one that a crash of the database may empty, like every cache: a kept form is a kindness, not a record.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask, current_app, g, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from portal import db
from portal.domain.accounts.models import UserSession
from portal.domain.accounts.tokens import new_token, token_hash
from portal.domain.clock import now
from portal.web.access import access_of, asks_for_password, is_stale, send_to
from portal.web.htmx import page_address
from portal.web.sessions import Identity, cookie_name, current_identity
from portal.web.stored_state import cache_entries

KEPT_FOR = timedelta(hours=2)
LARGEST = 512 * 1024  # characters of all fields together
NEVER_KEPT = frozenset({"password", "current", "repeat"})


@dataclass(frozen=True)
class KeptForm:
    """A form as it was sent, and the page it was typed on."""

    action: str
    page: str
    fields: list[tuple[str, str]]
    files: list[str]
    """Names of files that came with it: they have to be chosen again."""


def register(app: Flask) -> None:
    """Look at every form before access and the CSRF check do, which would send its sender away without it."""
    app.before_request(_keep_what_is_interrupted)


def ask_for_password() -> BaseResponse | None:
    """Ask for the password again before what was just sent is done, and keep it; None if it was given lately.

    For a view of which only some forms matter so much; a view of which all do is `fresh`.
    """
    identity = current_identity()
    if identity is None or not is_stale(identity):
        return None
    return send_to("auth.confirm_password", back_to=_keep(identity.person_id))


def kept_form(session: Session, key: str, user_id: UUID, *, at: datetime) -> KeptForm | None:
    """Return what this key names, if it is this person's."""
    statement = select(cache_entries.c.value).where(
        cache_entries.c.key == _row_key(key), cache_entries.c.expires_at > at
    )
    value: Any = session.execute(statement).scalar_one_or_none()
    if value is None or value["user_id"] != str(user_id):
        return None
    fields = [(name, text) for name, text in value["fields"]]
    return KeptForm(action=value["action"], page=value["page"], fields=fields, files=value["files"])


def _keep_what_is_interrupted() -> BaseResponse | None:
    if request.method != "POST" or request.endpoint is None:
        return None
    access = access_of(current_app.view_functions[request.endpoint])
    if access is None or access.public or access.bearer or access.by_script:
        return None
    identity = current_identity()
    if identity is not None:
        return _keep_until_confirmed(identity) if asks_for_password(access, identity) else None
    return _keep_until_signed_in()


def _keep_until_confirmed(identity: Identity) -> BaseResponse | None:
    if not hmac.compare_digest(_csrf_secret_sent(), identity.csrf_token):
        return None  # not a form of ours: access asks for the password, and nothing is kept
    return send_to("auth.confirm_password", back_to=_keep(identity.person_id))


def _keep_until_signed_in() -> BaseResponse | None:
    ended = _ended_session()
    if ended is None:
        return None  # access sends them to sign in
    g.was_signed_in = True  # so that a form with large files is read to its end, for the words in it
    if not hmac.compare_digest(_csrf_secret_sent(), ended.csrf_token):
        return None
    return send_to("auth.sign_in", back_to=_keep(ended.user_id))


def _ended_session() -> Row[UUID, str] | None:
    """Return person and CSRF secret of the session whose cookie this browser still has."""
    cookie = request.cookies.get(cookie_name(current_app), "")
    if not cookie or len(cookie) > 100:
        return None
    statement = select(UserSession.user_id, UserSession.csrf_token).where(UserSession.token_hash == token_hash(cookie))
    row = db.current_session().execute(statement).one_or_none()
    db.release_connection()
    return row


def _csrf_secret_sent() -> str:
    sent = request.form.get("csrf_token") or request.headers.get("X-CSRFToken", "")
    try:
        return str(URLSafeTimedSerializer(current_app.secret_key or "", salt="wtf-csrf-token").loads(sent))
    except BadData:
        return ""


def _keep(user_id: UUID) -> str | None:
    """Keep this request's form and return where it is shown; None if there is nothing in it that may be kept."""
    fields = [(name, text) for name, text in request.form.items(multi=True) if name != "csrf_token"]
    if not fields or NEVER_KEPT & dict(fields).keys() or sum(len(text) for _, text in fields) > LARGEST:
        return None
    key = new_token()
    value = {
        "user_id": str(user_id),
        "action": request.full_path.rstrip("?"),
        "page": page_address(),
        "fields": fields,
        "files": [file.filename for file in request.files.values() if file.filename],
    }
    with db.transaction() as session:
        row = {"key": _row_key(key), "name": "kept-form", "value": value, "expires_at": now() + KEPT_FOR}
        session.execute(insert(cache_entries).values(row))
    return url_for("auth.kept_form", key=key)


def _row_key(key: str) -> str:
    return f"kept-form:{token_hash(key)}"
