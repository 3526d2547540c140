"""What the marks of an assignment say together, who has handed in nothing, and reminding them."""

from __future__ import annotations

from uuid import UUID

from flask import Response, flash, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.missing import remind_of_work
from portal.domain.assignments.queries.figures import figures_of
from portal.domain.clock import now
from portal.domain.errors import Conflict
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.formats import plural
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person


@blueprint.get("/assignments/<uuid:assignment_id>/figures")
@requires(Permission.MARK_SUBMISSION)
def assignment_figures(assignment_id: UUID) -> Response:
    """How the marks are spread, how much was late, what was chosen by criterion, and who has handed in nothing."""
    session = current_session()
    page = queries.assignment_set_by(session, the_person().person_id, assignment_id)
    return respond("trainer/figures.html", assignment=page, **vars(figures_of(session, page)))


@blueprint.post("/assignments/<uuid:assignment_id>/reminders")
@requires(Permission.MARK_SUBMISSION)
def remind(assignment_id: UUID) -> BaseResponse:
    """Remind those who have handed in nothing, once a day at most."""
    try:
        told = perform(remind_of_work, the_person(), assignment_id, at=now())
        words = f"{plural(told, 'student')} reminded." if told else "All of them were reminded today already."
        flash(words, "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("trainer.assignment_figures", assignment_id=assignment_id))
