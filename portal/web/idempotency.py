"""Answers kept by Idempotency-Key, so that a client may repeat a POST whose answer it never saw.

(The Idempotency-Key HTTP header field, draft-ietf-httpapi-idempotency-key-header, section 2.)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from flask import Response, current_app, request
from sqlalchemy import ForeignKey, Index, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal import db
from portal.db import Base, PrimaryKey, uuid7
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.web.bearer import caller
from portal.web.uploads import sha256_of

P = ParamSpec("P")

HEADER = "Idempotency-Key"
TAKEOVER_SECONDS = 120  # after that, the worker that held the first request is gone
KEY_PATTERN = r"[!-~]{1,200}"


class IdempotentRequest(Base):
    __tablename__ = "idempotent_requests"

    id: Mapped[PrimaryKey]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    key: Mapped[str]
    fingerprint: Mapped[str]
    """SHA-256 of method, path and body: the same key with another body is refused."""
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    """Null while the first request is still at work."""
    body: Mapped[dict[str, Any] | None]
    location: Mapped[str | None]

    __table_args__ = (
        Index("uq_idempotent_requests_user_id_key", "user_id", "key", unique=True, postgresql_nulls_not_distinct=True),
        Index("ix_idempotent_requests_created_at", "created_at"),
    )


def idempotent(view: Callable[P, Any]) -> Callable[P, Any]:
    """Answer a repeat of this call, by the same person with the same key and body, as the first was answered."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Any:
        key = key_of_request()
        if key is None:
            return view(*args, **kwargs)
        person_id, fingerprint = caller().person_id, fingerprint_of_call()
        kept = db.perform(_claim, person_id, key, fingerprint, at=now())
        if kept is not None:
            return _replay(kept)
        try:
            response = current_app.make_response(view(*args, **kwargs))
        except Exception:
            db.perform(_give_up, person_id, key)
            raise
        db.perform(_keep, person_id, key, response)
        return response

    return answer


def key_of_request() -> str | None:
    """Return the client's key of this request, if it gave one; refuse what is no key."""
    key = request.headers.get(HEADER)
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise Invalid("Idempotency-Key has 1 to 200 visible characters.", fields={HEADER: "Not a usable key."})
    return key


def name_of_request() -> str:
    """Return what makes this request one, however often it is sent: a short name of the client's key, or a new one."""
    sent = request.headers.get(HEADER)
    return f"api:{uuid5(NAMESPACE_OID, sent) if sent else uuid4()}"


def fingerprint_of_form(*, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of method, path and all fields and files of this request, whatever parted them on the way."""
    digest = _digest()
    for name, value in sorted((name or "", value) for name, value in request.form.items(multi=True)):
        if name not in without:
            digest.update(json.dumps([name, value]).encode())
    for name, file in request.files.items(multi=True):
        digest.update(json.dumps([name, file.filename, sha256_of(file)]).encode())
    return digest.hexdigest()


def fingerprint_of_call() -> str:
    """Return the SHA-256 of method, path and body of this request."""
    if request.mimetype == "multipart/form-data":
        return fingerprint_of_form()
    digest = _digest()
    digest.update(request.get_data())
    return digest.hexdigest()


def _digest() -> hashlib._Hash:
    return hashlib.sha256(f"{request.method} {request.path}\n".encode())


def _claim(session: Session, user_id: UUID, key: str, fingerprint: str, *, at: datetime) -> IdempotentRequest | None:
    """Return the answer that is kept for this key, or None where this request is the one to give it."""
    claimed = session.execute(
        insert(IdempotentRequest)
        .values(id=uuid7(), user_id=user_id, key=key, fingerprint=fingerprint, created_at=at)
        .on_conflict_do_nothing()
        .returning(IdempotentRequest.id)
    ).first()
    if claimed:
        return None
    kept = session.scalars(select(IdempotentRequest).where(_is(user_id, key)).with_for_update()).one()
    if kept.fingerprint != fingerprint:
        raise Invalid(
            "This Idempotency-Key was used for another request.", fields={HEADER: "Used for another request."}
        )
    if kept.status is not None:
        return kept
    if at - kept.created_at < timedelta(seconds=TAKEOVER_SECONDS):
        raise Conflict("The first request with this Idempotency-Key is still at work. Try again in a moment.")
    kept.created_at = at
    return None


def _replay(kept: IdempotentRequest) -> Response:
    response = Response(json.dumps(kept.body), status=kept.status, mimetype="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    if kept.location:
        response.headers["Location"] = kept.location
    return response


def _keep(session: Session, user_id: UUID, key: str, response: Response) -> None:
    session.execute(
        update(IdempotentRequest)
        .where(_is(user_id, key))
        .values(status=response.status_code, body=response.get_json(), location=response.headers.get("Location"))
    )


def _give_up(session: Session, user_id: UUID, key: str) -> None:
    session.execute(delete(IdempotentRequest).where(_is(user_id, key), IdempotentRequest.status.is_(None)))


def _is(user_id: UUID, key: str) -> Any:
    return (IdempotentRequest.user_id == user_id) & (IdempotentRequest.key == key)
