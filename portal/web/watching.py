"""How long every route takes and what fails, noted for the page that shows it to whoever runs the portal.

The figures of all processes are rows (`portal.domain.watch`); a process writes its own down after an answer, when the
time has come.
"""

from __future__ import annotations

import time

from flask import Flask, Response, g, got_request_exception, request

from portal.domain.watch import tally
from portal.domain.watch.models import FaultKind
from portal.web.request_ids import request_id

NOWHERE = "nowhere"
"""The route of addresses that do not exist."""


def register(app: Flask) -> None:
    """Note every answer of this app."""
    app.after_request(_note_answer)
    got_request_exception.connect(_note_failure, app)


def route_of_request() -> str:
    """Return the rule of this request's address, never the address itself: anyone may invent many."""
    return request.url_rule.rule if request.url_rule else NOWHERE


def failed_because_of(error: BaseException) -> None:
    """Say what kept this request from its answer, where that is answered kindly."""
    g.failure = error


def _note_answer(response: Response) -> Response:
    if "begun_at" in g:
        tally.note_duration(request.method, route_of_request(), (time.perf_counter() - g.begun_at) * 1000)
    failure: BaseException | None = g.get("failure")
    if failure is not None or response.status_code == 500:
        tally.note_fault(FaultKind.REQUEST, failure, route=route_of_request(), reference=request_id())
    response.call_on_close(tally.write_down_if_due)  # the person has the answer by then
    return response


def _note_failure(_app: Flask, exception: BaseException, **_: object) -> None:
    failed_because_of(exception)
