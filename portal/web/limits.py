"""How often somebody may ask: pages by session or address, the API by person or address, secrets by failures.

Counters are shared by all workers: in PostgreSQL, or Redis where it is set. In PostgreSQL somebody who is known is
counted by the very statement that finds them. Where counters cannot be reached, pages are answered all the same;
sign-ins and the API's writes are refused.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from flask import Flask, Request, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse
from limits.strategies import RateLimiter
from werkzeug.exceptions import TooManyRequests

from portal.domain.errors import Unavailable
from portal.domain.permissions import Actor, Role
from portal.settings import Settings
from portal.web.counters import Counted, PostgresCounters
from portal.web.stored_state import store_away

log = structlog.get_logger(__name__)

PAGES_A_MINUTE = 600
WINDOW_MINUTES = 15
API_CALLS = {Role.ADMIN: 500, Role.TRAINER: 200, Role.STUDENT: 100}
API_CALLS_OF_AN_ADDRESS = 200
API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS = 50
FAILURES = 50
ONCE_A_MINUTE = parse("1 per minute")
EXEMPT = ("/static/", "/api/health/", "/metrics")
UPLOADS_STARTED = 20  # by one person in a minute; the pieces of one are not counted
PIECES = frozenset({"HEAD", "PATCH", "POST", "OPTIONS"})
UPLOADS = ("/uploads/", "/api/v1/uploads/")  # by a page's cookie, by a program's token
API = "/api/v1/"  # counted by `check_api_call` once it is known who calls
IPV6_NETWORK = 64  # bits that one household has; the rest is free to change


class TooOften(TooManyRequests):
    """A limit of ours was passed; `retry_after` is whole seconds."""


def register(app: Flask, settings: Settings) -> None:
    """Count every page, and keep the counters where the API and sign-in find them."""
    limiter = Limiter(
        _who,
        storage_uri=_store_of(settings),
        strategy="fixed-window",
        application_limits=[f"{PAGES_A_MINUTE * _factor(settings)} per minute"],
        swallow_errors=True,  # pages go on where the counters are away
        key_prefix="page",
    )
    limiter.request_filter(_is_not_for_the_library)
    limiter.init_app(app)
    app.before_request(_count_page)
    app.extensions["limits"] = limiter


def are_counted_with_the_person(app: Flask, asked: Request) -> bool:
    """Return whether the statement that finds the person of a request counts it as well."""
    counted = not asked.path.startswith(EXEMPT) and not _is_piece(asked)
    return counted and not app.config["SETTINGS"].redis_url


def check_api_call(*, public_read: bool) -> None:
    """Count a call of the API against its person, or its address where nobody is known; raise above the limit."""
    person: Actor | None = g.get("api_person")
    if person is not None and _is_piece(request):
        return
    if person is not None and g.get("api_calls") is not None:
        _refuse_beyond(API_CALLS[person.role or Role.STUDENT], g.api_calls)
    elif person is not None:
        _hit(API_CALLS[person.role or Role.STUDENT], WINDOW_MINUTES, "api", f"person:{person.id}")
    elif public_read:
        _hit(API_CALLS_OF_AN_ADDRESS, WINDOW_MINUTES, "api", f"address:{address()}")
    else:
        _hit(API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS, WINDOW_MINUTES, "api-closed", f"address:{address()}")


def check_upload_started(person: Actor) -> None:
    """Count an upload that this person begins; raise above the limit."""
    _hit(UPLOADS_STARTED, 1, "uploads", f"person:{person.id}")


def check_failures(what: str) -> None:
    """Raise if this address failed too often at `what` lately, such as `sign-in`; a secret is checked only after."""
    limiter, item = _limiter(), _limit(FAILURES, WINDOW_MINUTES)
    try:
        if not limiter.test(item, "failures", what, address()):
            raise _too_often(item, "failures", what, address())
    except store_away() as error:
        log.exception("limits_away")
        raise Unavailable("Signing in is not possible right now. Please try again in a moment.") from error


def count_failure(what: str) -> None:
    """Count a wrong secret against this address."""
    try:
        _limiter().hit(_limit(FAILURES, WINDOW_MINUTES), "failures", what, address())
    except store_away():
        log.exception("limits_away")


def is_first_this_minute(*key: str) -> bool:
    """Return whether this caller has not been counted under `key` in this minute; False where nobody can count."""
    person: Actor | None = g.get("api_person")
    who = f"person:{person.id}" if person is not None else _who()
    try:
        return bool(_limiter().hit(ONCE_A_MINUTE, *key, who))
    except store_away():
        log.exception("limits_away")
        return False


def address() -> str:
    """Return whose line a request comes from: the address, of IPv6 the network that one household has."""
    try:
        parsed = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if isinstance(parsed, IPv6Address):
        return str(ip_network(f"{parsed}/{IPV6_NETWORK}", strict=False))
    return str(parsed)


def seconds_to_wait(error: TooManyRequests) -> int:
    """Return how long to wait after this refusal."""
    if isinstance(error, RateLimitExceeded):
        current = current_app.extensions["limits"].current_limit
        return _seconds_until(current.reset_at) if current else 60
    return int(error.retry_after) if isinstance(error.retry_after, int) else 60


def _store_of(settings: Settings) -> str:
    address = settings.redis_url or f"{PostgresCounters.STORAGE_SCHEME[0]}://"
    return f"redis+{address}" if address.startswith("unix:") else address


def _is_not_for_the_library() -> bool:
    return request.path.startswith((*EXEMPT, API)) or _is_piece(request) or _pages_of_this_session() is not None


def _is_piece(asked: Request) -> bool:
    """Return whether this goes on with an upload; what begins or cancels one is counted like a page."""
    of_one = next((asked.path.removeprefix(door) for door in UPLOADS if asked.path.startswith(door)), "/")
    return "/" not in of_one and asked.method in PIECES


def _count_page() -> None:
    """Count what the library does not: pages of a session, and addresses that do not exist."""
    pages = _pages_of_this_session()
    if pages is not None:
        _refuse_beyond(PAGES_A_MINUTE, pages)
    elif request.endpoint is None and not request.path.startswith(EXEMPT):
        _hit(PAGES_A_MINUTE, 1, "nowhere", _who())


def _pages_of_this_session() -> Counted | None:
    """Return how many pages were asked for in this minute, where finding the session has counted them."""
    identity = g.get("identity")
    return identity.pages if identity is not None else None


def _refuse_beyond(amount: int, counted: Counted) -> None:
    if counted.hits > amount * _factor(current_app.config["SETTINGS"]):
        raise TooOften(retry_after=_seconds_until(counted.until.timestamp()))


def _who() -> str:
    """Return whose pages are counted together: a session's, else an address's."""
    identity = g.get("identity")
    return f"session:{identity.session_id}" if identity is not None else f"address:{address()}"


def _hit(amount: int, minutes: int, *key: str) -> None:
    item = _limit(amount, minutes)
    try:
        within = _limiter().hit(item, *key)
        refusal = None if within else _too_often(item, *key)
    except store_away() as error:
        log.exception("limits_away")
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return
        raise Unavailable("The portal cannot take this right now. Nothing was changed; please try again.") from error
    if refusal is not None:
        raise refusal


def _limit(amount: int, minutes: int) -> RateLimitItem:
    return parse(f"{amount * _factor(current_app.config['SETTINGS'])} per {minutes} minutes")


def _factor(settings: Settings) -> int:
    return max(1, settings.limits_factor)


def _too_often(item: RateLimitItem, *key: str) -> TooOften:
    return TooOften(retry_after=_seconds_until(_limiter().get_window_stats(item, *key).reset_time))


def _seconds_until(moment: float) -> int:
    return max(1, math.ceil(moment - time.time()))


def _limiter() -> RateLimiter:
    limiter: RateLimiter = current_app.extensions["limits"].limiter
    return limiter
