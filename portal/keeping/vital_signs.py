"""Whether what the portal stands on is there: database, migrations, storage, disk. Asked by the web and the doctor."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import structlog
from sqlalchemy import make_url

from portal.adapters import disk
from portal.adapters.storage import Storage, StorageError, StorageFull
from portal.settings import Settings

log = structlog.get_logger(__name__)

DATABASE_SECONDS = 2  # an answer of the check itself must come within 3
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@dataclass(frozen=True)
class Finding:
    """What one check found: fit to serve or not, one word for machines, and the rest for whoever runs the portal."""

    fit: bool
    state: str
    details: Mapping[str, Any]


def examine(settings: Settings, storage: Storage) -> dict[str, Finding]:
    """Return what every check finds; none of them raises."""
    return {**_database(settings), **_storage(storage), **_disk(settings, storage)}


def _database(settings: Settings) -> dict[str, Finding]:
    """Ask on a fresh connection: one of the pool may belong to a server that is gone, or wait for one that hangs."""
    url = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    started = time.perf_counter()
    try:
        with psycopg.connect(
            url,
            connect_timeout=DATABASE_SECONDS,
            application_name="portal health",
            options=f"-c statement_timeout={DATABASE_SECONDS * 1000}",
            autocommit=True,
        ) as connection:
            version, migration = _ask(connection)
    except psycopg.Error as error:
        log.warning("database_not_ready", error=type(error).__name__)
        away = Finding(False, "away", {"error": type(error).__name__})
        return {"database": away, "migrations": Finding(False, "unknown", {})}
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    wanted = newest_migration()
    return {
        "database": Finding(True, "ok", {"ms": milliseconds, "version": version}),
        "migrations": Finding(
            migration == wanted, "ok" if migration == wanted else "behind", {"applied": migration, "newest": wanted}
        ),
    }


def _ask(connection: psycopg.Connection[Any]) -> tuple[str, str | None]:
    row = connection.execute("SELECT current_setting('server_version'), to_regclass('alembic_version')").fetchone()
    if row is None or row[1] is None:
        return (row[0] if row else "", None)
    applied = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0], applied[0] if applied else None


def migrations_known() -> list[str]:
    """Return every migration that this code has, the newest first."""
    from alembic.script import ScriptDirectory  # large: only commands ask for all of them

    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]


@cache
def newest_migration() -> str | None:
    """Return the migration this code was written for, as the files themselves say: the one that none comes after."""
    written = "\n".join(file.read_text() for file in sorted(MIGRATIONS.glob("versions/*.py")))
    after = {
        name: set(re.findall(rf'^{name} = "(\w+)"', written, re.MULTILINE)) for name in ("revision", "down_revision")
    }
    return next(iter(after["revision"] - after["down_revision"]), None)


def _storage(storage: Storage) -> dict[str, Finding]:
    """Say whether bytes can be kept; where there is no room for them, text still is taken and nobody turned away."""
    started = time.perf_counter()
    try:
        storage.check()
    except StorageFull as error:
        return {"storage": Finding(True, "full", {"error": str(error)})}
    except StorageError as error:
        log.warning("storage_not_ready", error=str(error))
        return {"storage": Finding(False, "not writable", {"error": str(error)})}
    return {"storage": Finding(True, "ok", {"ms": round((time.perf_counter() - started) * 1000, 1)})}


def _disk(settings: Settings, storage: Storage) -> dict[str, Finding]:
    """Say how full the disk is; a full one refuses videos, not people, so that this alone turns nobody away."""
    try:
        places = (settings.portal_home, storage.receiving)
        fill = max((disk.fill_of(place) for place in places), key=lambda found: found.share)
    except OSError as error:
        return {"disk": Finding(False, "unknown", {"error": str(error.strerror)})}
    state = "full" if fill.full else "filling up" if fill.filling_up else "ok"
    return {"disk": Finding(True, state, {"free_bytes": fill.free_bytes, "used_percent": round(fill.share * 100, 1)})}
