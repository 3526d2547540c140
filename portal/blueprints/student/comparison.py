"""Two attempts of a student next to one another."""

from __future__ import annotations

from uuid import UUID

from flask import Response

from portal.blueprints.student import blueprint
from portal.db import current_session
from portal.domain.assignments import queries
from portal.domain.assignments.queries.attempts import Attempt
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.sessions import the_person
from portal.web.side_by_side import Side, chosen_two, side_by_side


@blueprint.get("/assignments/<uuid:assignment_id>/comparison")
@requires(Permission.SUBMIT_ASSIGNMENT)
def comparison(assignment_id: UUID) -> Response:
    """What changed from one attempt to another: text, files, links, mark and feedback."""
    session, student_id = current_session(), the_person().person_id
    page = queries.assignment_for(session, student_id, assignment_id)
    attempts = queries.attempts_of(session, student_id, assignment_id)[::-1]
    compared = {}
    if len(attempts) > 1:
        two = chosen_two(attempts, lambda attempt: attempt.id, (attempts[-2], attempts[-1]))
        compared = side_by_side(*map(_side, two))
    return respond("student/comparison.html", "comparison", assignment=page, attempts=attempts, **compared)


def _side(attempt: Attempt) -> Side:
    mark = attempt.shown
    return Side(
        id=attempt.id,
        attempt=attempt.attempt,
        state=attempt.state,
        number=attempt.number,
        submitted_at=attempt.submitted_at,
        late=attempt.late,
        text=attempt.text,
        links=attempt.links,
        files=attempt.files,
        points=attempt.mark,
        mark_note=mark.penalty_reason if mark else "",
        feedback=mark.feedback if mark else "",
    )
