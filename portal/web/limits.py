"""How often somebody may ask: pages by session or address, the API by person or address, secrets by failures.

Counters are shared by all workers: one row and one statement a request in PostgreSQL, or Redis where it is set.
Where they cannot be reached, pages are answered all the same; sign-ins and the API's writes are refused.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from flask import Flask, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import RateLimiter
from redis.exceptions import RedisError
from sqlalchemy import Integer, bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.dml import ReturningInsert
from werkzeug.exceptions import TooManyRequests

from portal import db
from portal.domain.errors import Unavailable
from portal.domain.permissions import Actor, Role
from portal.settings import Settings
from portal.web.stored_state import limit_counters

log = structlog.get_logger(__name__)

PAGES_A_MINUTE = 600
WINDOW_MINUTES = 15
API_CALLS = {Role.ADMIN: 500, Role.TRAINER: 200, Role.STUDENT: 100}
API_CALLS_OF_AN_ADDRESS = 200
API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS = 50
FAILURES = 50
ONCE_A_MINUTE = parse("1 per minute")
EXEMPT = ("/static/", "/api/health/", "/metrics")
API = "/api/v1/"  # counted by `check_api_call` once it is known who calls
STORE_AWAY = (SQLAlchemyError, RedisError)
IPV6_NETWORK = 64  # bits that one household has; the rest is free to change


def _count() -> ReturningInsert[int]:
    """Return the statement that counts under a key, and begins anew where the window is over."""
    moment = func.clock_timestamp()
    seconds = func.make_interval(0, 0, 0, 0, 0, 0, bindparam("seconds", type_=Integer))
    new = insert(limit_counters).values(
        key=bindparam("counted"), hits=bindparam("amount", type_=Integer), expires_at=moment + seconds
    )
    over = limit_counters.c.expires_at <= moment
    return new.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "hits": case((over, new.excluded.hits), else_=limit_counters.c.hits + new.excluded.hits),
            "expires_at": case((over, new.excluded.expires_at), else_=limit_counters.c.expires_at),
        },
    ).returning(limit_counters.c.hits)


COUNT = _count()  # made once: every request sends it


class PostgresCounters(Storage):
    """Fixed windows in one UNLOGGED table, counted by one upsert in a short transaction of its own."""

    STORAGE_SCHEME = ["portal-postgresql"]  # noqa: RUF012 - read once by the library

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with db.single_statement() as connection:
            hits: int = connection.execute(COUNT, {"counted": key, "amount": amount, "seconds": expiry}).scalar_one()
        return hits

    def get(self, key: str) -> int:
        return self._live(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._live(key)[1]

    def check(self) -> bool:
        with db.session_scope() as session:
            session.execute(select(1))
        return True

    def clear(self, key: str) -> None:
        with db.single_statement() as connection:
            connection.execute(delete(limit_counters).where(limit_counters.c.key == key))

    def reset(self) -> int | None:
        with db.single_statement() as connection:
            removed = connection.execute(delete(limit_counters).returning(limit_counters.c.key)).all()
        return len(removed)

    def _live(self, key: str) -> tuple[int, float]:
        """Return hits and end, in seconds since 1970, of the window of a key; of none there is nothing to wait for."""
        statement = select(limit_counters.c.hits, limit_counters.c.expires_at).where(
            limit_counters.c.key == key, limit_counters.c.expires_at > func.clock_timestamp()
        )
        with db.session_scope() as session:
            row = session.execute(statement).one_or_none()
        return (row.hits, row.expires_at.timestamp()) if row else (0, time.time())


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
    limiter.request_filter(_is_not_a_page)
    limiter.init_app(app)
    app.before_request(_count_addresses_that_do_not_exist)
    app.extensions["limits"] = limiter


def check_api_call(*, public_read: bool) -> None:
    """Count a call of the API against its person, or its address where nobody is known; raise above the limit."""
    person: Actor | None = g.get("api_person")
    if person is not None:
        _hit(API_CALLS[person.role or Role.STUDENT], WINDOW_MINUTES, "api", f"person:{person.id}")
    elif public_read:
        _hit(API_CALLS_OF_AN_ADDRESS, WINDOW_MINUTES, "api", f"address:{address()}")
    else:
        _hit(API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS, WINDOW_MINUTES, "api-closed", f"address:{address()}")


def check_failures(what: str) -> None:
    """Raise if this address failed too often at `what` lately, such as `sign-in`; a secret is checked only after."""
    limiter, item = _limiter(), _limit(FAILURES, WINDOW_MINUTES)
    try:
        if not limiter.test(item, "failures", what, address()):
            raise _too_often(item, "failures", what, address())
    except STORE_AWAY as error:
        log.exception("limits_away")
        raise Unavailable("Signing in is not possible right now. Please try again in a moment.") from error


def count_failure(what: str) -> None:
    """Count a wrong secret against this address."""
    try:
        _limiter().hit(_limit(FAILURES, WINDOW_MINUTES), "failures", what, address())
    except STORE_AWAY:
        log.exception("limits_away")


def is_first_this_minute(*key: str) -> bool:
    """Return whether this caller has not been counted under `key` in this minute; False where nobody can count."""
    person: Actor | None = g.get("api_person")
    who = f"person:{person.id}" if person is not None else _who()
    try:
        return bool(_limiter().hit(ONCE_A_MINUTE, *key, who))
    except STORE_AWAY:
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


def _is_not_a_page() -> bool:
    return request.path.startswith((*EXEMPT, API))


def _count_addresses_that_do_not_exist() -> None:
    """Count what the library does not: it knows limits of views only."""
    if request.endpoint is None and not request.path.startswith(EXEMPT):
        _hit(PAGES_A_MINUTE, 1, "nowhere", _who())


def _who() -> str:
    """Return whose pages are counted together: a session's, else an address's."""
    identity = g.get("identity")
    return f"session:{identity.session_id}" if identity is not None else f"address:{address()}"


def _hit(amount: int, minutes: int, *key: str) -> None:
    item = _limit(amount, minutes)
    try:
        within = _limiter().hit(item, *key)
        refusal = None if within else _too_often(item, *key)
    except STORE_AWAY as error:
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
