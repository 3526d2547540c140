"""The trainer's first page: what to do now, work waiting for marks, the next classes, the intakes taught."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.trainer import blueprint
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.reports.trainer_overview import trainer_overview
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.sessions import the_person


@blueprint.get("/")
@requires(Permission.TEACH)
def dashboard() -> ResponseReturnValue:
    """Show what matters to this trainer now."""
    overview = trainer_overview(db.current_session(), the_person().person_id, at=now())
    return respond("trainer/dashboard.html", overview=overview)
