"""Logs as JSON lines in UTC, one for each request, without secrets.

A line of a request names its route, never its address: addresses may carry the token of an invitation.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import structlog
from flask import Flask, Response, g, has_app_context, has_request_context, request
from sqlalchemy import Engine, event

from portal.domain.watch import tally
from portal.settings import Settings
from portal.web import error_tracking
from portal.web.request_ids import request_id

REDACTED = "[redacted]"
SECRET_NAMES = re.compile(
    r"passw|secret|token|cookie|authori[sz]ation|csrf|api_?key|credential|query_string", re.IGNORECASE
)
HARMLESS_NAMES = frozenset({"token_page"})
SECRETS_IN_TEXT = (
    (re.compile(r"\[parameters: .*?\](?=\n|$)", re.DOTALL), f"[parameters: {REDACTED}]"),
    (re.compile(r"(?i)\b(bearer|basic) [A-Za-z0-9._~+/=-]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b((?:access_|refresh_)?token|password|secret|code)=[^\s&\"']+"), rf"\1={REDACTED}"),
    (re.compile(r"(?i)(//[^/\s:@]+):[^/\s@]+@"), rf"\1:{REDACTED}@"),
    (re.compile(r"/(invitation|reset|kept-form)/[^\s?\"']+"), rf"/\1/{REDACTED}"),  # gunicorn names addresses
)
MAY_HOLD_SECRETS = re.compile(r"[=@ ]|/(invitation|reset|kept-form)/")
"""What each of these patterns asks for; an id, a route or a moment has none of it and is let through at one look."""
SLOW_STATEMENT_MS = 500
LONGEST_STATEMENT = 400  # characters of a slow statement that are logged
HANDLER = "portal"

log = structlog.get_logger("portal.requests")


def register(app: Flask, settings: Settings) -> None:
    """Write every log line of the process as JSON, and one line for each request of this app."""
    configure(settings)
    app.before_request(_start_clock)
    app.after_request(_log_request)


def configure(settings: Settings) -> None:
    """Set up logging of this process: for the web, for jobs and for commands alike."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _name_the_request,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(HANDLER)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    for earlier in [existing for existing in root.handlers if existing.get_name() == HANDLER]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    for chatty in ("werkzeug", "procrastinate", "flask-limiter"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    error_tracking.configure(settings)


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Take secrets out of a line: by the names of its values, and by what their text looks like."""
    return {name: _clean(name, value) for name, value in line.items()}


def _clean(name: str, value: Any) -> Any:
    if _is_secret(name):
        return REDACTED
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), content) for inner, content in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", content) for content in value]
    if isinstance(value, str) and MAY_HOLD_SECRETS.search(value):
        for pattern, replacement in SECRETS_IN_TEXT:
            value = pattern.sub(replacement, value)
    return value


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None and name not in HARMLESS_NAMES


def _name_the_request(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if has_request_context():
        line.setdefault("request_id", request_id())
    return line


def _start_clock() -> None:
    g.started = time.perf_counter()


def _log_request(response: Response) -> Response:
    identity = g.get("identity") or g.get("api_person")
    log.info(
        "request",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1) if "started" in g else None,
        person=str(identity.id) if identity is not None else None,
        statements=g.get("statements", 0),
    )
    return response


@event.listens_for(Engine, "before_cursor_execute")
def _count_statement(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
    context.portal_started = time.perf_counter()
    if has_app_context():
        g.statements = g.get("statements", 0) + 1


@event.listens_for(Engine, "after_cursor_execute")
def _note_slow_statement(
    _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
) -> None:
    milliseconds = (time.perf_counter() - context.portal_started) * 1000
    if milliseconds >= SLOW_STATEMENT_MS:
        route = request.url_rule.rule if has_request_context() and request.url_rule else None
        tally.note_slow_statement(statement, milliseconds, route=route)
        log.warning(
            "slow_statement",
            ms=round(milliseconds, 1),
            route=route,
            statement=statement[:LONGEST_STATEMENT],
        )
