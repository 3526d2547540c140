"""Every error as a page, as a fragment, or as the API's JSON: a sentence for people, and the request's id.

Handlers raise a `DomainError` or call `flask.abort`; nothing else in the portal builds an error answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, make_response, request
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, SecurityError, TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from portal import db
from portal.domain.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Gone,
    Invalid,
    Locked,
    NoRoom,
    NotFound,
    TooLarge,
    Unavailable,
)
from portal.web import limits, refusals, request_ids, watching
from portal.web.htmx import previous_address, respond

log = structlog.get_logger(__name__)

STATUSES: dict[type[DomainError], int] = {
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    Invalid: 422,
    Locked: 423,
    Unavailable: 503,
    NoRoom: 507,
}
SENTENCES = {
    400: "The portal could not read that request. Go back, reload the page and try again.",
    401: "Sign in first.",
    403: "You may not do that. If you think you should, ask the office.",
    404: "There is nothing at this address for you.",
    405: "That cannot be done at this address.",
    409: "That cannot be done as things stand.",
    413: "That is larger than this page accepts.",
    415: "The portal does not accept that kind of content here.",
    416: "That part of the file does not exist.",
    422: "Something in what you sent is not right.",
    429: "That was too often in a short time. Wait a moment, then try again.",
    500: "Something went wrong on our side. What you did before is safe; please try again.",
    503: "The portal cannot answer right now. Nothing is lost; please try again in a moment.",
}
EXPIRED_FORM = "This page was open for too long to be sent. Go back, reload it and send it again."
FOR_SCRIPTS = "/uploads/"  # asked for by scripts of ours, which show the sentence alone
PAGES = frozenset({400, 403, 404, 409, 413, 422, 429, 500, 503})  # the other codes borrow the page of 400 or 500
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
RETRY_SECONDS = 5  # after which to ask again when something is away
KEPT_HEADERS = frozenset({"Allow", "Content-Range", "Retry-After", "WWW-Authenticate"})


def register(app: Flask) -> None:
    """Answer every kind of error in one place."""
    request_ids.register(app)
    app.before_request_funcs.setdefault(None, []).insert(0, _refuse_when_nobody_can_be_known)
    app.register_error_handler(DomainError, _answer_refusal)
    app.register_error_handler(HTTPException, _answer_http)
    for error in DATABASE_AWAY:
        app.register_error_handler(error, _answer_database_away)
    app.register_error_handler(DataError, _answer_impossible_value)
    app.register_error_handler(500, _answer_failure)


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a refusal."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 422)


def error_answer(
    status: int,
    message: str | None = None,
    *,
    fields: Mapping[str, str] | None = None,
    items: Iterable[Mapping[str, Any]] | None = None,
    retry_after: int | None = None,
    limit_bytes: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error in the form the caller understands: JSON below `/api/`, words for scripts, else a page."""
    sentence = message or SENTENCES.get(status) or SENTENCES[500 if status >= 500 else 400]
    if request.path.startswith("/api/"):
        answer = _as_json(status, sentence, list(items or _field_errors(fields or {})), retry_after)
    elif request.path.startswith(FOR_SCRIPTS):
        answer = Response(sentence, status, mimetype="text/plain")
    else:
        answer = _as_page(
            status,
            sentence,
            message=message,
            retry_after=retry_after,
            limit_bytes=limit_bytes,
            back_url=previous_address(),
        )
    answer.headers.update(headers or {})
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _refuse_when_nobody_can_be_known() -> None:
    """Raise what kept the session from telling who asks, before anything treats the person as a visitor."""
    failure: Exception | None = g.pop("identity_failure", None)
    if failure is not None:
        raise failure


def _answer_refusal(error: DomainError) -> Response:
    status = status_of(error)
    if status == 403:
        refusals.note_access_refused("rule")
    return error_answer(
        status, error.message, fields=error.fields, retry_after=RETRY_SECONDS if status in {423, 503} else None
    )


def _answer_http(error: HTTPException) -> BaseResponse | HTTPException:
    if error.code is None or error.code < 400 or error.response is not None:
        return error  # an answer that somebody made on purpose
    status = error.code
    message, headers = _sentence_of(error), _headers_of(error)
    if isinstance(error, SecurityError):
        return _plain(status, f"Open the portal at {current_app.config['SETTINGS'].portal_url}.")
    _note_refusal(error)
    return error_answer(
        status,
        message,
        items=_schema_errors(error),
        retry_after=_retry_after(error),
        limit_bytes=request.max_content_length if status == 413 else None,
        headers=headers,
    )


def _note_refusal(error: HTTPException) -> None:
    if isinstance(error, CSRFError):
        refusals.note_access_refused("form token")
    elif error.code == 403:
        refusals.note_access_refused("permission")
    elif isinstance(error, TooManyRequests):
        refusals.note_limit_reached()


def _answer_database_away(error: Exception) -> Response:
    """Say that the portal is away for a moment, without asking the database for anything more."""
    watching.failed_because_of(error)
    log.error("database_away", error=type(error).__name__, exc_info=error)
    db.close_session()
    return error_answer(503, retry_after=RETRY_SECONDS)


def _answer_impossible_value(error: DataError) -> Response:
    """Refuse a value that no column can hold, such as text with a NUL character in an address."""
    log.warning("impossible_value", error=type(error.orig).__name__)
    db.close_session()
    return error_answer(400)


def _answer_failure(error: HTTPException) -> Response:
    original = getattr(error, "original_exception", None)
    if isinstance(original, DATABASE_AWAY):
        return _answer_database_away(original)
    return error_answer(500)


def _sentence_of(error: HTTPException) -> str | None:
    """Return the sentence a view gave with its `abort`; the library's own words are not for people."""
    if isinstance(error, CSRFError):
        return EXPIRED_FORM
    given = vars(error).get("description")
    return given if isinstance(given, str) and given != type(error).description and error.code != 500 else None


def _headers_of(error: HTTPException) -> dict[str, str]:
    told = dict(getattr(error, "data", {}).get("headers") or {})
    return told | {name: value for name, value in error.get_headers() if name in KEPT_HEADERS}


def _retry_after(error: HTTPException) -> int | None:
    if isinstance(error, TooManyRequests):
        return limits.seconds_to_wait(error)
    return RETRY_SECONDS if error.code == 503 else None


def _schema_errors(error: HTTPException) -> list[dict[str, Any]]:
    """Return what an API schema found, `{location: {field: [messages]}}`, as the documented list."""
    found = []
    for location, fields in (getattr(error, "data", {}).get("messages") or {}).items():
        for path, messages in (fields if isinstance(fields, Mapping) else {"": fields}).items():
            texts = messages if isinstance(messages, list) else [messages]
            found += [{"type": "field", "msg": str(text), "path": str(path), "location": location} for text in texts]
    return found


def _field_errors(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"type": "field", "msg": text, "path": name, "location": "body"} for name, text in fields.items()]


def _as_json(status: int, message: str, errors: list[Any], retry_after: int | None) -> Response:
    body: dict[str, Any] = {"success": False, "message": message, "errors": errors}
    if status == 429:
        body["retryAfter"] = retry_after
    return make_response(jsonify(body), status)


def _as_page(status: int, sentence: str, **context: Any) -> Response:
    page = status if status in PAGES else 500 if status >= 500 else 400
    given = {name: value for name, value in context.items() if value is not None}
    try:
        return respond(f"errors/{page}.html", "error", status=status, **given)
    except Exception:  # an error page that fails must not hide the error
        log.exception("error_page_failed", status=status)
        return _plain(status, sentence)


def _plain(status: int, message: str) -> Response:
    """Return a page that needs nothing: no template, no address, no session."""
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{status}</title></head>'
        f"<body><main><h1>{escape(message)}</h1><p>Reference: {request_ids.request_id()}</p></main></body></html>"
    )
    return Response(body, status, mimetype="text/html")
