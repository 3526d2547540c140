"""What this process noted and has not written down yet: counted in its memory, written in batches.

A request pays for a few additions; no statement is its own. Whoever finds the time come writes for all, after its
answer, in a short transaction. What cannot be written now is kept for the next time, up to a bound.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from traceback import walk_tb

from sqlalchemy.exc import SQLAlchemyError

from portal import db
from portal.domain.clock import now
from portal.domain.watch.histogram import bound_of
from portal.domain.watch.models import FaultKind
from portal.domain.watch.noted import Amount, Noted, NotedFault
from portal.domain.watch.operations import write
from portal.domain.watch.statements import fingerprint, without_values

SPAN_SECONDS = 600  # an hour is six of them, and a day's rows are few
WRITE_EVERY_SECONDS = 15.0
WRITE_URGENT_SECONDS = 1.0  # what is slow or failed is wanted at once, and a storm of it must not write at each

log = logging.getLogger(__name__)

_route: ContextVar[str] = ContextVar("watched_route", default="")


_noted = Noted()
_changing = threading.Lock()
_writing = threading.Lock()
_last_written = time.monotonic()


def note_duration(method: str, route: str, milliseconds: float) -> None:
    """Count an answer of a route (or a job, whose method is `JOB`) and how long it took."""
    span = int(time.time()) // SPAN_SECONDS * SPAN_SECONDS
    with _changing:
        _noted.add_bar((span, method, route, bound_of(milliseconds)), Amount(1, round(milliseconds)))


def note_slow_statement(statement: str, milliseconds: float, *, route: str | None = None) -> None:
    """Note a statement that took long, without its values; `route` is the job at work where none is given."""
    plain = without_values(statement)
    at = now()
    key = (at.date(), fingerprint(plain), route or _route.get(), plain)
    with _changing:
        _noted.add_statement(key, Amount(1, round(milliseconds), at))


def note_fault(kind: FaultKind, error: BaseException | None, *, route: str, reference: str) -> None:
    """Note that a request or a job failed: the kind of error and where it came from, never its words."""
    name = type(error).__name__ if error else "unknown"
    fault = NotedFault(now(), kind, route, name, _source_of(error), reference)
    with _changing:
        _noted.add_fault(fault)


@contextmanager
def at_work_on(route: str) -> Iterator[None]:
    """Say what is being done, for the statements in it: a job, for a request knows its route by itself."""
    token = _route.set(route)
    try:
        yield
    finally:
        _route.reset(token)


def route_at_work() -> str:
    """Return the job that is being done; nothing in a request or a command."""
    return _route.get()


def write_down_if_due() -> None:
    """Write down what was noted if the time has come and nobody else is at it. Never raises what the database does."""
    waited = time.monotonic() - _last_written
    if waited >= (WRITE_URGENT_SECONDS if _noted.urgent else WRITE_EVERY_SECONDS):
        write_down()


def write_down() -> None:
    """Write down what was noted, unless another thread is at it."""
    if not _writing.acquire(blocking=False):
        return
    try:
        _write_down()
    finally:
        _writing.release()


def forget() -> None:
    """Drop what was noted and not written down."""
    _take()


def _write_down() -> None:
    global _last_written
    _last_written = time.monotonic()
    noted = _take()
    if not noted:
        return
    try:
        with db.session_scope():
            db.perform(write, noted)
    except SQLAlchemyError as error:
        log.warning("What was noted of the portal's running is kept for later: %s", type(error).__name__)
        _give_back(noted)


def _take() -> Noted:
    global _noted
    with _changing:
        taken, _noted = _noted, Noted()
    return taken


def _give_back(noted: Noted) -> None:
    with _changing:
        _noted.add(noted)


def _source_of(error: BaseException | None) -> str:
    """Return the innermost place of our own code that an error passed, such as `portal.domain.files.operations:61`."""
    found = ""
    for frame, line in walk_tb(error.__traceback__ if error else None):
        module = frame.f_globals.get("__name__", "")
        if module.startswith("portal."):
            found = f"{module}:{line}"
    return found
