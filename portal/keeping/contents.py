"""What a database holds, told so that two databases can be compared: every row of every table, in one snapshot.

Checksums are the same on every PostgreSQL from 15 on. Columns that the database computes itself are left out: what
they hold may change with its version, and they follow from the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

from portal.domain.audit.sealing import NO_SEAL

SAME_TEXT_EVERYWHERE: tuple[LiteralString, ...] = (
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO'",
    "SET intervalstyle = 'postgres'",
    "SET extra_float_digits = 1",
    "SET bytea_output = 'hex'",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
)
# Tables that are kept: those without a log hold what may be lost, such as cached figures.
KEPT_TABLES = """
SELECT relname, array(SELECT attname FROM pg_attribute
                      WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                      ORDER BY attnum)
FROM pg_class
WHERE relkind = 'r' AND relpersistence = 'p' AND relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
ORDER BY relname
"""
ROWS_AND_CHECKSUM = """
SELECT count(*), coalesce(sum(('x' || left(md5(ROW({columns})::text), 16))::bit(64)::bigint::numeric), 0)::text
FROM {table}
"""
WANTED_FILES = """
SELECT storage_key, size, sha256 FROM files WHERE state IN ('stored', 'attached') ORDER BY storage_key
"""


@dataclass(frozen=True)
class Table:
    """How many rows a table has, and a number that changes with any of them."""

    rows: int
    checksum: str


@dataclass(frozen=True)
class WantedFile:
    """A file whose bytes a row of the database counts on."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class AuditHead:
    """Where the sealed trail ends: all that `portal audit verify --head` needs."""

    position: int
    seal: str

    def __str__(self) -> str:
        return f"{self.position}:{self.seal}"


@dataclass(frozen=True)
class Contents:
    """All that one snapshot holds."""

    migration: str
    tables: dict[str, Table]
    audit: AuditHead


def plain(url: str) -> str:
    """Return a database address as PostgreSQL's own programs read it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@contextmanager
def snapshot(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold one moment of the database for the length of the block, however much is written meanwhile."""
    with psycopg.connect(plain(url), connect_timeout=10, application_name="portal keeping") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for setting in SAME_TEXT_EVERYWHERE:
            connection.execute(setting)
        yield connection


def contents(connection: psycopg.Connection[Any]) -> Contents:
    """Return what the snapshot of this connection holds."""
    return Contents(
        migration=migration_of(connection) or "",
        tables={name: _table(connection, name, columns) for name, columns in _kept_tables(connection)},
        audit=_audit_head(connection),
    )


def wanted_files(connection: psycopg.Connection[Any]) -> list[WantedFile]:
    """Return the files that must be in a backup of this snapshot, in the order of their keys."""
    return [WantedFile(*row) for row in connection.execute(WANTED_FILES)]


def is_empty(connection: psycopg.Connection[Any]) -> bool:
    """Whether the database has no table of anyone's."""
    return not _kept_tables(connection)


def migration_of(connection: psycopg.Connection[Any]) -> str | None:
    """Return the migration that the tables are at; None before the first."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def differences(expected: Contents, found: Contents) -> list[str]:
    """Return what is not the same in two databases, a sentence each."""
    said = []
    for name in sorted(expected.tables.keys() | found.tables.keys()):
        before, after = expected.tables.get(name), found.tables.get(name)
        if before is None or after is None:
            said.append(f"The table {name} is {'new' if before is None else 'missing'}")
        elif before.rows != after.rows:
            said.append(f"{name} has {after.rows:,} rows, {before.rows:,} were expected")
        elif before != after:
            said.append(f"A row of {name} is not what it was")
    if expected.migration != found.migration:
        said.append(f"The tables are at migration {found.migration}, {expected.migration} was expected")
    if expected.audit != found.audit:
        said.append(f"The trail ends at {found.audit}, {expected.audit} was expected")
    return said


def _kept_tables(connection: psycopg.Connection[Any]) -> list[tuple[str, list[str]]]:
    return connection.execute(KEPT_TABLES).fetchall()


def _table(connection: psycopg.Connection[Any], name: str, columns: list[str]) -> Table:
    query = SQL(ROWS_AND_CHECKSUM).format(
        columns=SQL(", ").join(map(Identifier, columns)), table=Identifier("public", name)
    )
    row = connection.execute(query).fetchone()
    return Table(*row) if row else Table(0, "0")


def _audit_head(connection: psycopg.Connection[Any]) -> AuditHead:
    row = connection.execute("SELECT position, seal FROM audit_seals ORDER BY position DESC LIMIT 1").fetchone()
    return AuditHead(*row) if row else AuditHead(0, NO_SEAL)
