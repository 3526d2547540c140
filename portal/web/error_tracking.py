"""Errors told to Sentry, or to what speaks its protocol, where `SENTRY_DSN` is set; to nobody elsewhere.

What is sent is made anew of what is known to be harmless: the kind of error, where in the code, the route or job and
the number that stands in the log. The words of an exception stay in the log, for they may hold what somebody typed;
addresses, cookies, forms, tokens and people are never part of it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from flask import has_request_context, request

from portal.domain.watch import tally
from portal.settings import Settings
from portal.web.request_ids import request_id

SAME_ERROR_EVERY_SECONDS = 60.0  # a database that is away fails hundreds of requests, and one report says so
MOST_REMEMBERED = 500
KEPT = ("event_id", "timestamp", "platform", "level", "environment", "server_name", "logger", "sdk")
KEPT_OF_A_FRAME = ("module", "function", "filename", "lineno", "in_app", "context_line")
OURS = "portal."  # of our own modules; the framework's lines, which name addresses, are called `portal`

_reported: dict[tuple[Any, ...], float] = {}
_changing = threading.Lock()


def configure(settings: Settings) -> None:
    """Have every error that is logged reported, where the settings name somebody to report it to."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # here, because it takes longer to load than logging itself, and few set an address for it
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.environment,
        default_integrations=False,  # each of the others adds something of a request, of people or of the machine
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None),
            ExcepthookIntegration(),
            AtexitIntegration(callback=lambda *_: None),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=report_of,
    )


def report_of(event: Any, hint: Any) -> Any:
    """Return what may be told of an error; None where the same one was told a moment ago."""
    report = {name: event[name] for name in KEPT if name in event}
    errors = [_error(value) for value in (event.get("exception") or {}).get("values") or []]
    words = _words(hint.get("log_record"), report.get("logger", ""))
    report["tags"] = _tags()
    if errors:
        report["exception"] = {"values": errors}
    if words:
        report["logentry"] = {"message": words}
    places = tuple((error["type"], *_last_place(error)) for error in errors)
    return report if _is_new(places or (words,)) else None


def _error(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": "Its words stand in the log.",
        "mechanism": {name: (value.get("mechanism") or {}).get(name) for name in ("type", "handled")},
        "stacktrace": {"frames": [{name: frame.get(name) for name in KEPT_OF_A_FRAME} for frame in frames]},
    }


def _words(record: Any, logger: str) -> str:
    """Return what a log line of ours is called, without its values; of another library's nothing."""
    if record is None or not logger.startswith(OURS):
        return ""
    said = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
    return str(said)


def _tags() -> dict[str, str]:
    if has_request_context():
        return {"route": request.url_rule.rule if request.url_rule else "nowhere", "request_id": request_id()}
    bound = structlog.contextvars.get_contextvars()
    return {"route": tally.route_at_work(), "job": str(bound.get("job", ""))}


def _last_place(error: dict[str, Any]) -> tuple[Any, Any]:
    frames = error["stacktrace"]["frames"]
    return (frames[-1]["module"], frames[-1]["lineno"]) if frames else (None, None)


def _is_new(what: tuple[Any, ...]) -> bool:
    now = time.monotonic()
    with _changing:
        if now - _reported.get(what, -SAME_ERROR_EVERY_SECONDS) < SAME_ERROR_EVERY_SECONDS:
            return False
        if len(_reported) >= MOST_REMEMBERED:
            _reported.clear()
        _reported[what] = now
    return True
