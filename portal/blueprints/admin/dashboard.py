"""The state of the institute: figures that lead to their rows and refresh themselves, and how it moves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue

from portal import db
from portal.adapters.disk import Fill, fill_of
from portal.blueprints.admin import blueprint
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.reports.institute_overview import institute_overview
from portal.web.access import requires
from portal.web.cache import cached
from portal.web.formats import short_day
from portal.web.htmx import respond, unchanged
from portal.web.sessions import the_person
from portal.web.uploads import the_storage

PAGE = "admin/dashboard.html"
KEPT_SECONDS = 15  # every admin's open page asks as often; one of them pays for the figures
CHARTS = ("hand_ins", "enrolments", "sign_ins")


@blueprint.get("/")
@requires(Permission.SEE_INSTITUTE)
def dashboard() -> ResponseReturnValue:
    """Show the state of the institute."""
    return respond(PAGE, disk=_disk_to_warn_of(), **_figures())


@blueprint.get("/figures")
@requires(Permission.SEE_INSTITUTE, polled=True)
def dashboard_figures() -> ResponseReturnValue:
    """Answer the open page: the figures anew, or nothing while they are as they were."""
    figures = _figures()
    if request.args.get("seen") == figures["seen"]:
        return unchanged()
    return respond(PAGE, "figures", disk=_disk_to_warn_of(), **figures)


def _disk_to_warn_of() -> Fill | None:
    """Return the disk of the files where it fills up, for those who can do something about it."""
    if not the_person().may(Permission.SEE_SYSTEM):
        return None
    try:
        fill = fill_of(the_storage().receiving)
    except OSError:
        return None  # readiness says that the store is away
    return fill if fill.filling_up else None


def _figures() -> dict[str, Any]:
    overview = cached("live-classes", "institute", KEPT_SECONDS, _overview)
    charts = {name: [(short_day(date.fromisoformat(day)), number) for day, number in overview[name]] for name in CHARTS}
    seen = hashlib.sha256(json.dumps(overview, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "overview": overview,
        "charts": charts,
        "seen": seen,
        "poll_seconds": KEPT_SECONDS,
        "as_moment": datetime.fromisoformat,
        "as_day": date.fromisoformat,
    }


def _overview() -> dict[str, Any]:
    return asdict(institute_overview(db.current_session(), current_app.config["SETTINGS"].time_zone, at=now()))
