"""A student asks for more time, from the deadline itself, or takes a day as of right."""

from __future__ import annotations

from uuid import UUID

from flask import flash, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import RadioField

from portal.blueprints.student import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.extensions import (
    LONGEST_REASON,
    TOO_LATE,
    AskExtension,
    ask_extension,
    automatic_left,
    in_words,
    may_ask,
    take_automatic,
    withdraw_request,
)
from portal.domain.assignments.queries.extensions import extensions_of
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.forms import LongTextField, SelectChoice, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.once import KeyedForm, perform_once
from portal.web.sessions import the_person

PROPOSED = (24, 48, 72, 168)  # hours a student may ask for


class ExtensionForm(KeyedForm):
    """How much more time, and why."""

    hours = RadioField(
        "How much more time", choices=[SelectChoice(str(hours), in_words(hours)) for hours in PROPOSED], default="48"
    )
    reason = LongTextField("Why", [required(), at_most(LONGEST_REASON)])


@blueprint.get("/assignments/<uuid:assignment_id>/extensions")
@requires(Permission.SUBMIT_ASSIGNMENT)
def extensions(assignment_id: UUID) -> BaseResponse:
    """What was asked for and given at one assignment, and the forms to ask and to take."""
    return _show(assignment_id, ExtensionForm(formdata=None))


@blueprint.post("/assignments/<uuid:assignment_id>/extensions")
@requires(Permission.SUBMIT_ASSIGNMENT)
def ask_for_extension(assignment_id: UUID) -> BaseResponse:
    """Ask the trainer for more time."""
    queries.assignment_for(current_session(), the_person().person_id, assignment_id)
    form = ExtensionForm()
    if not form.validate():
        return _show(assignment_id, form, 422)
    command = AskExtension(assignment_id=assignment_id, hours=int(form.hours.data), reason=form.reason.data or "")
    try:
        perform_once(ask_extension, the_person(), command, at=now())
    except Invalid as refusal:
        return _show(assignment_id, form, form.refuse(refusal))
    except Conflict as refusal:  # there may be no form to stand in any more
        return _show(assignment_id, form, 409, refusal.message)
    flash("Asked. You are told as soon as your trainer answers; until then your date stays as it is.", "done")
    return go_to(url_for("student.assignment", assignment_id=assignment_id))


@blueprint.post("/assignments/<uuid:assignment_id>/extensions/automatic")
@requires(Permission.SUBMIT_ASSIGNMENT)
def take_extension(assignment_id: UUID) -> BaseResponse:
    """Take a day more, which needs nobody's answer."""
    queries.assignment_for(current_session(), the_person().person_id, assignment_id)
    try:
        perform_once(take_automatic, the_person(), assignment_id, at=now())
    except Conflict as refusal:
        return _show(assignment_id, ExtensionForm(formdata=None), 409, refusal.message)
    flash("You have a day more.", "done")
    return go_to(url_for("student.assignment", assignment_id=assignment_id))


@blueprint.post("/extensions/<uuid:extension_id>/withdrawal")
@requires(Permission.SUBMIT_ASSIGNMENT)
def withdraw_extension(extension_id: UUID) -> BaseResponse:
    """Take back what was asked for."""
    assignment_id = perform(withdraw_request, the_person(), extension_id, at=now())
    flash("Taken back: your trainer is not asked any more.", "done")
    return go_to(url_for("student.extensions", assignment_id=assignment_id))


def _show(assignment_id: UUID, form: ExtensionForm, status: int = 200, problem: str = "") -> BaseResponse:
    session, student_id, at = current_session(), the_person().person_id, now()
    page = queries.assignment_for(session, student_id, assignment_id)
    return respond(
        "student/extensions.html",
        status=status,
        assignment=page,
        extensions=extensions_of(session, student_id, assignment_id),
        left=automatic_left(session, page.enrolment_id),
        may_ask=may_ask(page.due_at, at),
        too_late=TOO_LATE,
        in_words=in_words,
        form=form,
        problem=problem,
    )
