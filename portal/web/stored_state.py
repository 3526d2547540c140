"""What the web remembers for a moment in PostgreSQL, shared by all workers: rate-limit counters and cached figures.

Both tables are UNLOGGED: they cost no write-ahead log, and a crash of the database may empty them.
Where Redis is set it takes their place.
"""

from __future__ import annotations

import sys

from sqlalchemy import JSON, Column, DateTime, Index, Integer, Table, Text
from sqlalchemy.exc import SQLAlchemyError

from portal.db import Base

limit_counters = Table(
    "limit_counters",
    Base.metadata,
    Column("key", Text, primary_key=True),
    Column("hits", Integer, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_limit_counters_expires_at", "expires_at"),
    prefixes=["UNLOGGED"],
)

cache_entries = Table(
    "cache_entries",
    Base.metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),  # of the data the value is made of: what `db.changed` says
    Column("value", JSON(none_as_null=False), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_cache_entries_name", "name"),
    Index("ix_cache_entries_expires_at", "expires_at"),
    prefixes=["UNLOGGED"],
)


def store_away() -> tuple[type[Exception], ...]:
    """Return what is raised where the store does not answer: PostgreSQL, or Redis if that is what was loaded."""
    redis = sys.modules.get("redis")
    return (SQLAlchemyError, redis.RedisError) if redis else (SQLAlchemyError,)
