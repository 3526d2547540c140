"""The student's first page: what to do now, what is due, the next class, the latest marks."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.student import blueprint
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.reports.student_overview import student_overview
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.sessions import the_person


@blueprint.get("/")
@requires(Permission.STUDY)
def dashboard() -> ResponseReturnValue:
    """Show what matters to this student now."""
    overview = student_overview(db.current_session(), the_person().person_id, at=now())
    return respond("student/dashboard.html", overview=overview)
