"""What the supervisor asks the database itself, because loading the portal takes longer than the question."""

from __future__ import annotations

import hashlib

import psycopg

from portal.cli.checkout import ROOT
from portal.cli.terminal import RunError


def check_answering(address: str) -> None:
    """Raise, with one line for the person at the terminal, if no database answers there."""
    _rows(address, "SELECT 'here'")


def state_of_tables(address: str) -> str:
    """Return a text that changes when the migrations change or the database is not where they brought it."""
    migrations = hashlib.sha256()
    for path in sorted((ROOT / "migrations").rglob("*.py")):
        migrations.update(path.name.encode() + path.read_bytes())
    versions = _rows(address, "SELECT version_num FROM alembic_version ORDER BY 1")
    return f"{migrations.hexdigest()} {' '.join(versions)}"


def has_people(address: str) -> bool:
    """Whether anybody is in the portal."""
    return bool(_rows(address, "SELECT 'somebody' FROM users LIMIT 1"))


def has_admin(address: str) -> bool:
    """Whether somebody can administer the portal and let others in."""
    return bool(_rows(address, "SELECT 'one' FROM users WHERE role = 'admin' AND deactivated_at IS NULL LIMIT 1"))


def _rows(address: str, query: str) -> list[str]:
    """Return the first column; nothing where there is no such table yet."""
    try:
        with psycopg.connect(address.replace("+psycopg", "", 1), connect_timeout=5) as connection:
            return [str(row[0]) for row in connection.execute(query.encode())]
    except psycopg.errors.UndefinedTable:
        return []
    except psycopg.OperationalError as error:
        why = str(error).strip().splitlines()[0]
        raise RunError(f"The database of DATABASE_URL does not answer: {why}") from None
