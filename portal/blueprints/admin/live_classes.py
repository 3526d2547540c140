"""All classes of the institute, by week or as a list."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.admin import blueprint
from portal.domain.clock import now
from portal.domain.live_classes import queries
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.timetable import timetable


@blueprint.get("/live-classes")
@requires(Permission.SEE_INSTITUTE)
def live_classes() -> ResponseReturnValue:
    """Show everybody's week, or the classes to come or past as a list."""
    shown = timetable(db.current_session(), queries.everyone(), "trainer.live_class", at=now())
    return respond("admin/live_classes.html", "timetable", timetable=shown)
