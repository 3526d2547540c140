"""A student answers the notes on their work, ticks what is put right, and hears what was said."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.student import blueprint
from portal.blueprints.student.assignments import show_assignment
from portal.blueprints.student.review import review_of
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.queries.students import AssignmentPage
from portal.domain.assignments.reviewing import answer_note, tick_note
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import go_to, is_htmx, respond
from portal.web.send_file import send_stored
from portal.web.sessions import the_person


@blueprint.post("/assignments/<uuid:assignment_id>/notes/<uuid:note_id>/answers")
@requires(Permission.SUBMIT_ASSIGNMENT)
def answer_on_note(assignment_id: UUID, note_id: UUID) -> BaseResponse:
    """Answer a note; where that is refused, what was typed is shown again."""
    page = _load(assignment_id)
    text, key = request.form.get("text", "").strip(), request.form.get("key", "")
    try:
        perform(answer_note, the_person(), note_id, text=text, key=f"{key}:{note_id}", at=now())
    except (Invalid, Conflict) as refusal:
        why = next(iter(refusal.fields.values()), refusal.message)
        return _show(page, 422, refused_answer={"note": note_id, "text": text, "why": why})
    return _done(page)


@blueprint.post("/assignments/<uuid:assignment_id>/notes/<uuid:note_id>/tick")
@requires(Permission.SUBMIT_ASSIGNMENT)
def tick_on_note(assignment_id: UUID, note_id: UUID) -> BaseResponse:
    """Mark a note as done, or as open again."""
    page = _load(assignment_id)
    perform(tick_note, the_person(), note_id, done=request.form.get("done") == "yes", at=now())
    return _done(page)


@blueprint.get("/notes/<uuid:note_id>/voice")
@requires(Permission.SUBMIT_ASSIGNMENT)
def voice_of_note(note_id: UUID) -> Response:
    """A note as it was said."""
    return send_stored(queries.voice_of(current_session(), the_person(), note_id), inline=True)


@blueprint.get("/submissions/<uuid:submission_id>/files/<uuid:file_id>/copies/<copy>")
@requires(Permission.SUBMIT_ASSIGNMENT)
def submission_copy(submission_id: UUID, file_id: UUID, copy: str) -> Response:
    """A small copy of a file that the student handed in."""
    file = queries.own_copy(current_session(), the_person().person_id, submission_id, file_id, copy)
    return send_stored(file, inline=True)


def _load(assignment_id: UUID) -> AssignmentPage:
    return queries.assignment_for(current_session(), the_person().person_id, assignment_id)


def _show(page: AssignmentPage, status: int, **more: Any) -> Response:
    if not is_htmx():
        return show_assignment(page, status=status, **more)
    attempts = queries.attempts_of(current_session(), the_person().person_id, page.id)
    return respond("student/assignment.html", "notes", status=status, **(review_of(page, attempts) | more))


def _done(page: AssignmentPage) -> BaseResponse:
    """Show the notes as they are now."""
    if is_htmx():
        return _show(page, 200)
    attempt = request.args.get("attempt", type=int)
    return go_to(url_for("student.assignment", assignment_id=page.id, attempt=attempt, _anchor="notes"))
