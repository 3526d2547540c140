"""A trainer's courses and intakes: drafting a course, its modules, and the students of each intake."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.clock import now
from portal.domain.courses import operations, queries
from portal.domain.enrolments import queries as enrolments
from portal.domain.errors import Conflict, Forbidden, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.course_forms import CourseForm
from portal.web.htmx import go_to, respond
from portal.web.once import perform_once
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person
from portal.web.today import institutes_day


@blueprint.get("/courses")
@requires(Permission.DRAFT_COURSE)
def courses() -> Response:
    """List the courses this trainer has drafted, and the intakes they teach."""
    session, person = current_session(), the_person()
    return respond(
        "trainer/courses.html",
        drafts=queries.drafts_of(session, person.person_id),
        intakes=queries.intakes_of_trainer(session, person.person_id, today=institutes_day()),
    )


@blueprint.route("/courses/new", methods=["GET", "POST"])
@requires(Permission.DRAFT_COURSE)
def new_course() -> BaseResponse:
    """Draft a course; the office publishes it."""
    form = CourseForm()
    if not form.validate_on_submit():
        return _course_page(form, 422 if form.is_submitted() else 200)
    try:
        made = perform_once(operations.draft_course, the_person(), form.course(), at=now())
    except (Invalid, Conflict) as error:
        return _course_page(form, form.refuse(error))
    flash("The draft is saved. An admin publishes it when it is ready.", "done")
    return go_to(url_for("trainer.course", course_id=made))


@blueprint.route("/courses/<uuid:course_id>", methods=["GET", "POST"])
@requires(Permission.DRAFT_COURSE)
def course(course_id: UUID) -> BaseResponse:
    """Show a course this trainer drafted or teaches; while it is their draft, edit it."""
    session, person, form = current_session(), the_person(), CourseForm()
    found = queries.course_for(session, person, course_id)
    context = {
        "course": found,
        "may_edit": queries.may_edit(person, found),
        "modules": queries.modules_of(session, course_id),
    }
    if not form.is_submitted():
        form.show(found)
    if not form.validate_on_submit():
        return _course_page(form, 422 if form.is_submitted() else 200, **context)
    try:
        perform(operations.edit_course, person, course_id, form.course(), at=now())
    except (Invalid, Conflict, Forbidden) as error:
        return _course_page(form, form.refuse(error), **context)
    flash("Saved.", "done")
    return go_to(url_for("trainer.course", course_id=course_id))


@blueprint.get("/intakes")
@requires(Permission.TEACH)
def intakes() -> Response:
    """List the intakes this person teaches."""
    today = institutes_day()
    own = queries.intakes_of_trainer(current_session(), the_person().person_id, today=today)
    return respond("trainer/intakes.html", intakes=own, today=today)


@blueprint.get("/intakes/<uuid:intake_id>")
@requires(Permission.TEACH)
def intake(intake_id: UUID) -> Response:
    """Show an intake this person teaches, with its students."""
    session, q = current_session(), request.args.get("q", "")[:100]
    found = queries.intake_taught_by(session, the_person().person_id, intake_id)
    page = enrolments.students_of(session, intake_id, q=q, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "trainer/intake.html",
        "students",
        intake=found,
        students=page.items,
        q=q,
        previous_url=previous_url,
        next_url=next_url,
    )


def _course_page(form: CourseForm, status: int, **context: Any) -> Response:
    known: dict[str, Any] = {"course": None, "may_edit": True, "modules": []}
    return respond("trainer/course.html", status=status, form=form, **(known | context))
