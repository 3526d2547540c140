"""Whether the portal lives, whether it can serve, and, for whoever runs it, how it is doing."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import structlog
from alembic.script import ScriptDirectory
from flask import Response, current_app, jsonify
from sqlalchemy import make_url

from portal.adapters import disk
from portal.adapters.storage import StorageError, StorageFull
from portal.blueprints.health import blueprint
from portal.domain.permissions import Permission
from portal.settings import Settings
from portal.web.access import public, requires
from portal.web.extensions import engine_of
from portal.web.uploads import the_storage

log = structlog.get_logger(__name__)

DATABASE_SECONDS = 2  # an answer of the check itself must come within 3
MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
STARTED = time.time()


@dataclass(frozen=True)
class Finding:
    """What one check found: fit to serve or not, one word for machines, and the rest for whoever runs the portal."""

    fit: bool
    state: str
    details: Mapping[str, Any]


@blueprint.get("/api/health/live")
@public
def live() -> Response:
    """This process answers; it says nothing of what it depends on."""
    return jsonify(status="alive")


@blueprint.get("/api/health/ready")
@public
def ready() -> tuple[Response, int]:
    """Every dependency answers, and so may the portal be sent people."""
    findings = examine()
    fit = all(finding.fit for finding in findings.values())
    states = {name: finding.state for name, finding in findings.items()}
    return jsonify(status="ready" if fit else "not ready", checks=states), 200 if fit else 503


@blueprint.get("/api/health/detailed")
@requires(Permission.SEE_SYSTEM, polled=True)
def detailed() -> tuple[Response, int]:
    """All that is known, for the admin who runs the portal."""
    findings = examine()
    fit = all(finding.fit for finding in findings.values())
    pool: Any = engine_of(current_app).pool
    body = {
        "status": "ready" if fit else "not ready",
        "checks": {name: {"state": finding.state, **finding.details} for name, finding in findings.items()},
        "process": {
            "id": os.getpid(),
            "python": platform.python_version(),
            "up_seconds": int(time.time() - STARTED),
            "connections_in_use": pool.checkedout(),
            "connections_idle": pool.checkedin(),
        },
    }
    return jsonify(body), 200 if fit else 503


def examine() -> dict[str, Finding]:
    """Return what every check finds; none of them raises."""
    settings: Settings = current_app.config["SETTINGS"]
    return {**_database(settings), **_storage(settings), **_disk(settings)}


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


@cache
def newest_migration() -> str | None:
    """Return the migration this code was written for."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _storage(_settings: Settings) -> dict[str, Finding]:
    """Say whether bytes can be kept; where there is no room for them, text still is taken and nobody turned away."""
    started = time.perf_counter()
    try:
        the_storage().check()
    except StorageFull as error:
        return {"storage": Finding(True, "full", {"error": str(error)})}
    except StorageError as error:
        log.warning("storage_not_ready", error=str(error))
        return {"storage": Finding(False, "not writable", {"error": str(error)})}
    return {"storage": Finding(True, "ok", {"ms": round((time.perf_counter() - started) * 1000, 1)})}


def _disk(settings: Settings) -> dict[str, Finding]:
    """Say how full the disk is; a full one refuses videos, not people, so that this alone turns nobody away."""
    try:
        places = (settings.portal_home, the_storage().receiving)
        fill = max((disk.fill_of(place) for place in places), key=lambda found: found.share)
    except OSError as error:
        return {"disk": Finding(False, "unknown", {"error": str(error.strerror)})}
    state = "full" if fill.full else "filling up" if fill.filling_up else "ok"
    return {"disk": Finding(True, state, {"free_bytes": fill.free_bytes, "used_percent": round(fill.share * 100, 1)})}
