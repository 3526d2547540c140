"""Whether the portal lives, whether it can serve, and, for whoever runs it, how it is doing."""

from __future__ import annotations

import os
import platform
import time
from typing import Any

from flask import Response, current_app, jsonify

from portal.blueprints.health import blueprint
from portal.domain.permissions import Permission
from portal.keeping.vital_signs import Finding, examine
from portal.web.access import public, requires
from portal.web.extensions import engine_of
from portal.web.uploads import the_storage

STARTED = time.time()


@blueprint.get("/api/health/live")
@public
def live() -> Response:
    """This process answers; it says nothing of what it depends on."""
    return jsonify(status="alive")


@blueprint.get("/api/health/ready")
@public
def ready() -> tuple[Response, int]:
    """Every dependency answers, and so may the portal be sent people."""
    findings = _examine()
    fit = all(finding.fit for finding in findings.values())
    states = {name: finding.state for name, finding in findings.items()}
    return jsonify(status="ready" if fit else "not ready", checks=states), 200 if fit else 503


@blueprint.get("/api/health/detailed")
@requires(Permission.SEE_SYSTEM, polled=True)
def detailed() -> tuple[Response, int]:
    """All that is known, for the admin who runs the portal."""
    findings = _examine()
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


def _examine() -> dict[str, Finding]:
    return examine(current_app.config["SETTINGS"], the_storage())
