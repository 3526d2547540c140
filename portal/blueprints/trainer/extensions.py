"""A trainer answers requests for more time, and gives it to many at once."""

from __future__ import annotations

from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import IntegerField
from wtforms.validators import NumberRange

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.extensions import (
    HOURS_IN_WORDS,
    LONGEST_HOURS,
    LONGEST_REASON,
    Decision,
    decide_extension,
    give_extensions,
    in_words,
)
from portal.domain.assignments.queries.extensions import (
    extension_request,
    extension_requests,
    students_with_dates,
)
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.formats import plural
from portal.web.forms import LongTextField, PortalForm, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.once import KeyedForm, perform_once
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person


class HoursForm(PortalForm):
    """How much more time."""

    hours = IntegerField("Hours more", [required(), NumberRange(1, LONGEST_HOURS, HOURS_IN_WORDS)])


class GiveForm(HoursForm, KeyedForm):
    """The same, for those who are ticked."""


class DecisionForm(HoursForm):
    """The same, with a word to the student."""

    answer = LongTextField("A word to the student", [at_most(LONGEST_REASON)])


@blueprint.get("/extensions")
@requires(Permission.SET_ASSIGNMENT)
def extensions() -> Response:
    """The requests for more time of all intakes the trainer teaches: those that wait, or those that were answered."""
    answered = request.args.get("state") == "answered"
    page = extension_requests(current_session(), the_person().person_id, answered=answered, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "trainer/extensions.html",
        page=page,
        answered=answered,
        in_words=in_words,
        previous_url=previous_url,
        next_url=next_url,
    )


@blueprint.get("/extensions/<uuid:extension_id>")
@requires(Permission.SET_ASSIGNMENT)
def extension(extension_id: UUID) -> BaseResponse:
    """One request, to be granted or refused."""
    return _show(extension_id)


@blueprint.post("/extensions/<uuid:extension_id>/decision")
@requires(Permission.SET_ASSIGNMENT)
def decide(extension_id: UUID) -> BaseResponse:
    """Grant or refuse a request."""
    extension_request(current_session(), the_person().person_id, extension_id)
    refused = request.form.get("decision") == "refuse"
    form = DecisionForm()
    if not form.validate() and not (refused and set(form.errors) == {"hours"}):
        return _show(extension_id, form, 422)
    decision = Decision(
        extension_id=extension_id, hours=None if refused else form.hours.data, answer=form.answer.data or ""
    )
    try:
        made = perform(decide_extension, the_person(), decision, at=now())
    except Invalid as error:
        return _show(extension_id, form, form.refuse(error))
    except Conflict as error:  # the form is not shown any more
        return _show(extension_id, form, 409, error.message)
    said = "Refused" if refused else f"{in_words(made.hours)} more granted"
    flash(f"{said}; the student is told.", "done")
    return go_to(url_for("trainer.extensions"))


@blueprint.get("/assignments/<uuid:assignment_id>/extensions")
@requires(Permission.SET_ASSIGNMENT)
def dates_of_students(assignment_id: UUID) -> BaseResponse:
    """The students of an assignment with their own due dates, to give more time to some or all."""
    return _show_students(assignment_id, GiveForm(formdata=None, hours=24))


@blueprint.post("/assignments/<uuid:assignment_id>/extensions")
@requires(Permission.SET_ASSIGNMENT)
def give(assignment_id: UUID) -> BaseResponse:
    """Give those who were ticked so many hours more."""
    queries.assignment_set_by(current_session(), the_person().person_id, assignment_id)
    form = GiveForm()
    if not form.validate():
        return _show_students(assignment_id, form, 422)
    try:
        number = perform_once(give_extensions, the_person(), assignment_id, _ticked(), form.hours.data or 0, at=now())
    except (Invalid, Conflict) as error:
        return _show_students(assignment_id, form, form.refuse(error))
    flash(f"{in_words(form.hours.data or 0)} more for {plural(int(number), 'student')}; they are told.", "done")
    return go_to(url_for("trainer.dates_of_students", assignment_id=assignment_id))


def _ticked() -> list[UUID]:
    """Return the enrolments that were ticked; what is no id is nobody's."""
    ids = []
    for text in request.form.getlist("ids"):
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids


def _show(extension_id: UUID, form: DecisionForm | None = None, status: int = 200, problem: str = "") -> BaseResponse:
    asked = extension_request(current_session(), the_person().person_id, extension_id)
    form = form or DecisionForm(formdata=None, hours=asked.hours)
    return respond("trainer/extension.html", status=status, asked=asked, form=form, in_words=in_words, problem=problem)


def _show_students(assignment_id: UUID, form: GiveForm, status: int = 200) -> BaseResponse:
    session = current_session()
    page = queries.assignment_set_by(session, the_person().person_id, assignment_id)
    return respond(
        "trainer/dates_of_students.html",
        status=status,
        assignment=page,
        students=students_with_dates(session, assignment_id),
        ticked=set(_ticked()),
        form=form,
        in_words=in_words,
    )
