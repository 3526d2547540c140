"""Enrolments: find, enrol by hand, suspend, resume, withdraw, and say until when access lasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField
from wtforms.validators import Optional

from portal.blueprints.admin import blueprint
from portal.db import current_session, perform
from portal.domain.accounts import queries as accounts
from portal.domain.clock import now
from portal.domain.courses import queries as courses
from portal.domain.enrolments import queries
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.enrolments.transitions import EnrolmentStep, can
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.onboarding import operations
from portal.domain.onboarding.operations import LONGEST_REASON
from portal.domain.permissions import Permission, Role
from portal.web.access import requires
from portal.web.forms import LocalDateTimeField, PortalForm, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person

FOUND_PEOPLE = 8  # as many as are compared at a glance


class EnrolForm(PortalForm):
    user_id = HiddenField("Student", [required("Choose a student.")])
    reason = TextField("Reason", [required(), at_most(LONGEST_REASON)])

    @property
    def person_id(self) -> UUID:
        """Return who is to be enrolled; what is no id is nobody."""
        try:
            return UUID(self.user_id.data or "")
        except ValueError:
            raise NotFound from None


class ReasonForm(PortalForm):
    reason = TextField("Reason", [required(), at_most(LONGEST_REASON)])


class AccessForm(PortalForm):
    access_until = LocalDateTimeField("Access until", [Optional()])


@blueprint.get("/enrolments")
@requires(Permission.SEE_INSTITUTE)
def enrolments() -> Response:
    """List enrolments, the latest first, by words and state."""
    session, q, given = current_session(), request.args.get("q", "")[:100], request.args.get("state", "")
    state = EnrolmentState(given) if given in set(EnrolmentState) else None
    page = queries.enrolments(session, q=q, state=state, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/enrolments.html",
        "enrolments",
        rows=page.items,
        total=queries.enrolments_total(session, q=q, state=state),
        previous_url=previous_url,
        next_url=next_url,
        q=q,
        state=state,
        states=list(EnrolmentState),
    )


@blueprint.get("/intakes/<uuid:intake_id>/enrolments/new")
@requires(Permission.MANAGE_ENROLMENTS)
def enrol(intake_id: UUID) -> Response:
    """Find the student to enrol in an intake by hand, then say why."""
    form = EnrolForm(formdata=None, data={"user_id": request.args.get("person", "")})
    return _enrol_page(intake_id, form)


@blueprint.post("/intakes/<uuid:intake_id>/enrolments")
@requires(Permission.MANAGE_ENROLMENTS)
def enrol_by_hand(intake_id: UUID) -> BaseResponse:
    """Enrol the chosen student; a full intake says so."""
    form = EnrolForm()
    if not form.validate_on_submit():
        return _enrol_page(intake_id, form, status=422)
    try:
        perform(operations.enrol_by_hand, the_person(), intake_id, form.person_id, form.reason.data or "", at=now())
    except (Invalid, Conflict) as error:
        return _enrol_page(intake_id, form, status=form.refuse(error))
    flash("The student is enrolled and has been told.", "done")
    return go_to(url_for("admin.intake", intake_id=intake_id))


@blueprint.get("/enrolments/<uuid:enrolment_id>")
@requires(Permission.SEE_INSTITUTE)
def enrolment(enrolment_id: UUID) -> Response:
    """Show one enrolment and what can be done with it."""
    return _page(enrolment_id)


@blueprint.post("/enrolments/<uuid:enrolment_id>/withdrawal")
@requires(Permission.MANAGE_ENROLMENTS)
def withdraw(enrolment_id: UUID) -> BaseResponse:
    """End an enrolment and free its seat."""
    return _step(enrolment_id, operations.withdraw, "The enrolment is withdrawn and the seat is free.")


@blueprint.post("/enrolments/<uuid:enrolment_id>/suspension")
@requires(Permission.MANAGE_ENROLMENTS)
def suspend(enrolment_id: UUID) -> BaseResponse:
    """Close an enrolment for a while; the seat is kept."""
    return _step(enrolment_id, operations.suspend, "The enrolment is suspended. The seat is kept.")


@blueprint.post("/enrolments/<uuid:enrolment_id>/resumption")
@requires(Permission.MANAGE_ENROLMENTS)
def resume(enrolment_id: UUID) -> BaseResponse:
    """End a suspension."""
    return _step(enrolment_id, operations.resume, "The enrolment is active again.")


@blueprint.post("/enrolments/<uuid:enrolment_id>/access")
@requires(Permission.MANAGE_ENROLMENTS)
def set_access(enrolment_id: UUID) -> BaseResponse:
    """Say until when this enrolment opens what is newly released; an empty field is without an end."""
    form = AccessForm()
    if not form.validate_on_submit():
        return _page(enrolment_id, status=422, access_form=form)
    perform(operations.set_access_until, the_person(), enrolment_id, form.access_until.data, at=now())
    flash("Saved.", "done")
    return go_to(url_for("admin.enrolment", enrolment_id=enrolment_id))


def _step(enrolment_id: UUID, operation: Callable[..., Enrolment], done: str) -> BaseResponse:
    form = ReasonForm()
    if not form.validate_on_submit():
        return _page(enrolment_id, status=422, reason_form=form)
    try:
        perform(operation, the_person(), enrolment_id, form.reason.data or "", at=now())
    except (Invalid, Conflict) as error:
        return _page(enrolment_id, status=form.refuse(error), reason_form=form)
    flash(done, "done")
    return go_to(url_for("admin.enrolment", enrolment_id=enrolment_id))


def _page(
    enrolment_id: UUID,
    *,
    status: int = 200,
    reason_form: ReasonForm | None = None,
    access_form: AccessForm | None = None,
) -> Response:
    found = queries.enrolment(current_session(), enrolment_id)
    context: dict[str, Any] = {
        "enrolment": found,
        "reason_form": reason_form or ReasonForm(formdata=None),
        "access_form": access_form or AccessForm(formdata=None, data={"access_until": found.access_until}),
        "steps_open": {step.value for step in EnrolmentStep if can(found.state, step)},
    }
    return respond("admin/enrolment.html", status=status, **context)


def _enrol_page(intake_id: UUID, form: EnrolForm, *, status: int = 200) -> Response:
    session, q = current_session(), request.values.get("q", "")[:100]
    chosen = accounts.person(session, form.person_id, at=now()) if form.user_id.data else None
    people = accounts.people(session, q=q, role=Role.STUDENT, size=FOUND_PEOPLE).items if q and chosen is None else ()
    return respond(
        "admin/enrol.html",
        "people",
        status=status,
        intake=courses.intake(session, intake_id),
        form=form,
        q=q,
        people=people,
        chosen=chosen,
    )
