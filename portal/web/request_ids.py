"""One short id for each request: in its log lines, on its error page, in the answer's `X-Request-ID`."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, current_app, g, request

from portal.domain.audit.origin import clear_origin, set_origin
from portal.web.visitors import caller_address

HEADER = "X-Request-ID"
ACCEPTABLE = re.compile(r"[A-Za-z0-9_-]{8,64}")


def register(app: Flask) -> None:
    """Name every request before its view runs, and say the name in the answer."""
    app.before_request(_name_request)
    app.teardown_request(lambda _error: clear_origin())
    app.after_request(_say_name)


def request_id() -> str:
    """Return the id of this request. A proxy's own is kept only where a trusted proxy stands in front."""
    if "request_id" not in g:
        told = request.headers.get(HEADER, "")
        trusted = current_app.config["SETTINGS"].trusted_proxies > 0 and ACCEPTABLE.fullmatch(told)
        g.request_id = told if trusted else secrets.token_hex(6)
    name: str = g.request_id
    return name


def _name_request() -> None:
    address = caller_address()
    set_origin(str(address) if address else None, request_id())  # entries of the audit trail say where they came from


def _say_name(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    return response
