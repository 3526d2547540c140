"""Figures and lists that many people ask for, kept for a minute at most and shared by all workers.

A value is kept under the name of the data it is made of. What an operation changes it names with `db.changed`,
and after its commit everything kept under that name is dropped. Values are JSON, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any, TypeVar, cast

import structlog
from cachelib.serializers import BaseSerializer
from flask import Flask, current_app
from flask_caching import Cache
from flask_caching.backends.base import BaseCache
from flask_caching.backends.rediscache import RedisCache
from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from portal import db
from portal.settings import Settings
from portal.web.stored_state import cache_entries, store_away

log = structlog.get_logger(__name__)

T = TypeVar("T")

LONGEST_SECONDS = 60  # a figure may be this old where nobody said that it changed
PREFIX = "portal:cache:"
KEPT = select(cache_entries.c.value).where(  # made once: public pages send it
    cache_entries.c.key == bindparam("key"), cache_entries.c.expires_at > func.clock_timestamp()
)


def cached(name: str, key: str, ttl: int, make: Callable[[], T]) -> T:
    """Return the value kept under this name and key, or make it and keep it for `ttl` seconds."""
    if not 0 < ttl <= LONGEST_SECONDS:
        raise ValueError(f"a value is kept for 1 to {LONGEST_SECONDS} seconds")
    store, full_key = _store(), f"{name}:{key}"
    kept = _get(store, full_key)
    if kept is not None:
        value: T = kept[0]
        return value
    made = make()
    _set(store, full_key, [made], ttl)  # in a list, so that None can be kept as well
    return made


def register(app: Flask, settings: Settings) -> None:
    """Keep values in PostgreSQL, or in Redis where it is set, and drop those whose data changed."""
    cache = Cache(
        config={
            "CACHE_TYPE": f"{__name__}.{(RedisStore if settings.redis_url else PostgresStore).__name__}",
            "CACHE_REDIS_URL": settings.redis_url,
            "CACHE_KEY_PREFIX": PREFIX,
            "CACHE_DEFAULT_TIMEOUT": LONGEST_SECONDS,
            "CACHE_SERIALIZER": JsonSerializer if settings.redis_url else None,
        }
    )
    cache.init_app(app)
    store = cast(PostgresStore | RedisStore, cache.cache)
    app.extensions["portal_cache"] = store
    db.on_change(store.drop_names)


class JsonSerializer(BaseSerializer):
    """Keeps values as JSON: what is read back can never run."""

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        return json.dumps(value).encode()

    def loads(self, bvalue: bytes | None) -> Any:
        return None if bvalue is None else json.loads(bvalue)


class PostgresStore(BaseCache):
    """Flask-Caching's back end on one UNLOGGED table."""

    @classmethod
    def factory(cls, _app: Flask, _config: dict[str, Any], _args: list[Any], _kwargs: dict[str, Any]) -> PostgresStore:
        return cls(default_timeout=LONGEST_SECONDS)

    def get(self, key: str) -> Any:
        return db.current_session().execute(KEPT, {"key": key}).scalar_one_or_none()

    def set(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool:
        lifetime = timeout if isinstance(timeout, timedelta) else timedelta(seconds=timeout or self.default_timeout)
        new = insert(cache_entries).values(
            key=key, name=_name_of(key), value=value, expires_at=func.clock_timestamp() + lifetime
        )
        statement = new.on_conflict_do_update(
            index_elements=["key"], set_={"value": new.excluded.value, "expires_at": new.excluded.expires_at}
        )
        db.release_connection()  # one request never holds two
        with db.single_statement() as connection:
            connection.execute(statement)
        return True

    def delete(self, key: str) -> bool:
        with db.single_statement() as connection:
            gone = connection.execute(
                delete(cache_entries).where(cache_entries.c.key == key).returning(cache_entries.c.key)
            ).all()
        return bool(gone)

    def has(self, key: str) -> bool:
        return self.get(key) is not None

    def clear(self) -> bool:
        with db.single_statement() as connection:
            connection.execute(delete(cache_entries))
        return True

    @staticmethod
    def drop_names(names: AbstractSet[str]) -> None:
        """Forget everything made of this data."""
        try:
            with db.single_statement() as connection:
                connection.execute(delete(cache_entries).where(cache_entries.c.name.in_(sorted(names))))
        except SQLAlchemyError:  # the change is committed: old figures end by themselves within a minute
            log.exception("cache_away")


class RedisStore(RedisCache):
    """Flask-Caching's Redis back end, which can also forget by name."""

    def drop_names(self, names: AbstractSet[str]) -> None:
        """Forget everything made of this data."""
        try:
            for name in names:
                keys = list(self._write_client.scan_iter(match=f"{PREFIX}{name}:*"))
                if keys:
                    self._write_client.delete(*keys)
        except store_away():
            log.exception("cache_away")


def _get(store: BaseCache, key: str) -> Any:
    try:
        return store.get(key)
    except store_away():
        log.exception("cache_away")
        return None


def _set(store: BaseCache, key: str, value: Any, ttl: int) -> None:
    try:
        store.set(key, value, timeout=ttl)
    except store_away():
        log.exception("cache_away")


def _store() -> BaseCache:
    store: BaseCache = current_app.extensions["portal_cache"]
    return store


def _name_of(key: str) -> str:
    return key.split(":", 1)[0]
