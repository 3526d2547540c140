"""The office's courses: find, create, edit, publish, archive."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.admin import blueprint
from portal.db import current_session, perform
from portal.domain.clock import now
from portal.domain.courses import operations, queries
from portal.domain.courses.models import CourseState
from portal.domain.courses.transitions import CourseStep, can
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.course_forms import CourseForm, ModuleForm
from portal.web.htmx import go_to, respond
from portal.web.once import perform_once
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person


@blueprint.get("/courses")
@requires(Permission.SEE_INSTITUTE)
def courses() -> Response:
    """List courses in every state, by words and state."""
    session, q, given = current_session(), request.args.get("q", "")[:100], request.args.get("state", "")
    state = CourseState(given) if given in set(CourseState) else None
    page = queries.courses(session, q=q, state=state, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/courses.html",
        "courses",
        rows=page.items,
        total=queries.courses_total(session, q=q, state=state),
        previous_url=previous_url,
        next_url=next_url,
        q=q,
        state=state,
        states=list(CourseState),
    )


@blueprint.route("/courses/new", methods=["GET", "POST"])
@requires(Permission.DRAFT_COURSE)
def new_course() -> BaseResponse:
    """Create a course; it is a draft until it is published."""
    form = CourseForm()
    if not form.validate_on_submit():
        return respond("admin/course_form.html", status=422 if form.is_submitted() else 200, form=form, course=None)
    try:
        made = perform_once(operations.draft_course, the_person(), form.course(), at=now())
    except (Invalid, Conflict) as error:
        return respond("admin/course_form.html", status=form.refuse(error), form=form, course=None)
    flash(f"“{form.title.data}” is saved as a draft.", "done")
    return go_to(url_for("admin.course", course_id=made))


@blueprint.get("/courses/<uuid:course_id>")
@requires(Permission.SEE_INSTITUTE)
def course(course_id: UUID) -> Response:
    """Show a course with its intakes and modules, and what can be done with it."""
    return _page(course_id)


@blueprint.route("/courses/<uuid:course_id>/details", methods=["GET", "POST"])
@requires(Permission.PUBLISH_COURSE)
def edit_course(course_id: UUID) -> BaseResponse:
    """Edit what the catalogue says of a course."""
    found = queries.course_for(current_session(), the_person(), course_id)
    form = CourseForm()
    if not form.is_submitted():
        form.show(found)
    if not form.validate_on_submit():
        return respond("admin/course_form.html", status=422 if form.is_submitted() else 200, form=form, course=found)
    try:
        perform(operations.edit_course, the_person(), course_id, form.course(), at=now())
    except (Invalid, Conflict) as error:
        return respond("admin/course_form.html", status=form.refuse(error), form=form, course=found)
    flash("Saved.", "done")
    return go_to(url_for("admin.course", course_id=course_id))


@blueprint.post("/courses/<uuid:course_id>/publication")
@requires(Permission.PUBLISH_COURSE)
def publish_course(course_id: UUID) -> BaseResponse:
    """Put a course into the catalogue."""
    try:
        published = perform(operations.publish_course, the_person(), course_id, at=now())
    except Invalid as error:
        return _page(course_id, status=422, refusal=error)
    flash(f"“{published.title}” is in the catalogue.", "done")
    return go_to(url_for("admin.course", course_id=course_id))


@blueprint.post("/courses/<uuid:course_id>/archiving")
@requires(Permission.PUBLISH_COURSE)
def archive_course(course_id: UUID) -> BaseResponse:
    """Take a course out of the catalogue."""
    archived = perform(operations.archive_course, the_person(), course_id, at=now())
    flash(f"“{archived.title}” is archived. Its intakes go on.", "done")
    return go_to(url_for("admin.course", course_id=course_id))


@blueprint.post("/courses/<uuid:course_id>/modules")
@requires(Permission.PUBLISH_COURSE)
def add_module(course_id: UUID) -> BaseResponse:
    """Add a module at the end of a course."""
    form = ModuleForm()
    if not form.validate_on_submit():
        return _page(course_id, status=422, module_form=form)
    perform_once(operations.add_module, the_person(), course_id, form.title.data or "", at=now())
    return go_to(url_for("admin.course", course_id=course_id) + "#modules")


@blueprint.route("/courses/<uuid:course_id>/modules/<uuid:module_id>/title", methods=["GET", "POST"])
@requires(Permission.PUBLISH_COURSE)
def rename_module(course_id: UUID, module_id: UUID) -> BaseResponse:
    """Give a module another title."""
    found = queries.course_for(current_session(), the_person(), course_id)
    module = queries.module_of(current_session(), course_id, module_id)
    form = ModuleForm(title=module.title)
    if not form.validate_on_submit():
        status = 422 if form.is_submitted() else 200
        return respond("admin/module.html", status=status, form=form, course=found, module=module)
    perform(operations.rename_module, the_person(), module_id, form.title.data or "", at=now())
    return go_to(url_for("admin.course", course_id=course_id) + "#modules")


@blueprint.post("/courses/<uuid:course_id>/modules/<uuid:module_id>/place")
@requires(Permission.PUBLISH_COURSE)
def move_module(course_id: UUID, module_id: UUID) -> BaseResponse:
    """Move a module one place up or down."""
    up = request.form.get("direction") == "up"
    perform(operations.move_module, the_person(), module_id, up=up, at=now())
    return go_to(url_for("admin.course", course_id=course_id) + "#modules")


def _page(
    course_id: UUID, *, status: int = 200, refusal: Invalid | None = None, module_form: ModuleForm | None = None
) -> Response:
    session = current_session()
    found = queries.course_for(session, the_person(), course_id)
    context: dict[str, Any] = {
        "course": found,
        "intakes": queries.intakes_of_course(session, course_id),
        "modules": queries.modules_of(session, course_id),
        "module_form": module_form or ModuleForm(formdata=None),
        "can_publish": can(found.state, CourseStep.PUBLISH),
        "can_archive": can(found.state, CourseStep.ARCHIVE),
        "refusal": refusal,
    }
    return respond("admin/course.html", status=status, **context)
