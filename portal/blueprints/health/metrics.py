"""Figures for Prometheus, for whoever holds the token and for the admin who runs the portal."""

from __future__ import annotations

import hmac

from flask import Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from portal.blueprints.health import blueprint
from portal.domain.permissions import Permission
from portal.web import metrics
from portal.web.access import public
from portal.web.sessions import current_identity


@blueprint.get("/metrics")
@public  # a machine has no session: its token is checked here
def figures() -> Response:
    """Return all figures of all workers."""
    identity = current_identity()
    if not _holds_the_token() and (identity is None or not identity.may(Permission.SEE_SYSTEM)):
        abort(403)
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _holds_the_token() -> bool:
    wanted = current_app.config["SETTINGS"].metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(wanted) and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), wanted.encode())
