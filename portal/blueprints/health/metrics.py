"""Figures for Prometheus, for whoever holds the token and for the admin who runs the portal."""

from __future__ import annotations

import hmac

import structlog
from flask import Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.adapters.disk import Fill, fill_of
from portal.blueprints.health import blueprint
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.reports.running import Running, what_goes_on
from portal.keeping.vital_signs import examine
from portal.settings import Settings
from portal.web import gauges, metrics
from portal.web.access import public
from portal.web.extensions import probe_engine_of
from portal.web.gauges import Snapshot
from portal.web.sessions import current_identity
from portal.web.uploads import the_storage

log = structlog.get_logger(__name__)


@blueprint.get("/metrics")
@public  # a machine has no session: its token is checked here
def figures() -> Response:
    """Return the figures that all workers counted, and what goes on in the portal now; never fails for the latter."""
    identity = current_identity()
    if not _holds_the_token() and (identity is None or not identity.may(Permission.SEE_SYSTEM)):
        abort(403)
    return Response(metrics.exposition() + gauges.exposition(_snapshot()), content_type=CONTENT_TYPE_LATEST)


def _snapshot() -> Snapshot:
    settings: Settings = current_app.config["SETTINGS"]
    findings = examine(settings, the_storage())
    return Snapshot(
        fit={name: finding.fit for name, finding in findings.items()},
        running=_what_goes_on(settings) if findings["database"].fit else None,
        disk=_disk(),
        last_backup_at=gauges.last_backup_at(settings.portal_home),
    )


def _what_goes_on(settings: Settings) -> Running | None:
    try:
        with Session(probe_engine_of(current_app)) as session:
            return what_goes_on(session, settings.time_zone, at=now())
    except SQLAlchemyError as error:
        log.warning("figures_left_out", error=type(error).__name__)
        return None


def _disk() -> Fill | None:
    try:
        return fill_of(the_storage().receiving)
    except OSError:
        return None  # the check of the store says that it is away


def _holds_the_token() -> bool:
    wanted = current_app.config["SETTINGS"].metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(wanted) and scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), wanted.encode())
