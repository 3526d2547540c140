"""What somebody typed while their session ended: kept until the same person signs in again, shown to nobody else.

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

from flask import Flask, Response, current_app, g, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from portal import db
from portal.domain.accounts.models import UserSession
from portal.domain.accounts.tokens import new_token, token_hash
from portal.domain.clock import now
from portal.web.access import access_of, ask_to_sign_in
from portal.web.htmx import go_to, is_htmx, page_address
from portal.web.sessions import cookie_name
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
    """Look at what ended sessions send. Must come before access and the CSRF check, which know live ones only."""
    app.before_request(_keep_what_an_ended_session_sends)


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


def _keep_what_an_ended_session_sends() -> BaseResponse | None:
    if request.method != "POST" or request.endpoint is None or g.get("identity") is not None:
        return None
    access = access_of(current_app.view_functions[request.endpoint])
    if access is None or access.public or access.bearer:
        return None
    user_id = _sender()
    if user_id is None:
        return None  # access sends them to sign in
    fields = [(name, text) for name, text in request.form.items(multi=True) if name != "csrf_token"]
    if not fields or NEVER_KEPT & dict(fields).keys() or sum(len(text) for _, text in fields) > LARGEST:
        return ask_to_sign_in()
    key = _keep(user_id, fields)
    address = url_for("auth.sign_in", next=url_for("auth.kept_form", key=key))
    return Response(status=401, headers={"HX-Redirect": address}) if is_htmx() else go_to(address)


def _sender() -> UUID | None:
    """Return whose ended session sent this, if its CSRF token proves that the form is from that session."""
    cookie = request.cookies.get(cookie_name(current_app), "")
    if not cookie or len(cookie) > 100:
        return None
    statement = select(UserSession.user_id, UserSession.csrf_token).where(UserSession.token_hash == token_hash(cookie))
    row = db.current_session().execute(statement).one_or_none()
    db.release_connection()
    if row is None or not hmac.compare_digest(_csrf_secret_sent(), row.csrf_token):
        return None
    user_id: UUID = row.user_id
    return user_id


def _csrf_secret_sent() -> str:
    sent = request.form.get("csrf_token") or request.headers.get("X-CSRFToken", "")
    try:
        return str(URLSafeTimedSerializer(current_app.secret_key or "", salt="wtf-csrf-token").loads(sent))
    except BadData:
        return ""


def _keep(user_id: UUID, fields: list[tuple[str, str]]) -> str:
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
    return key


def _row_key(key: str) -> str:
    return f"kept-form:{token_hash(key)}"
