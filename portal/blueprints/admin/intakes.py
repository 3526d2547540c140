"""Intakes: find, make, edit, name trainers, and see who is in them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import DateField, IntegerField, SelectMultipleField
from wtforms.validators import NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from portal.blueprints.admin import blueprint
from portal.db import current_session, perform
from portal.domain.clock import now
from portal.domain.courses import intakes as operations
from portal.domain.courses import queries
from portal.domain.courses.intakes import APPLICATION_FEE_PESEWAS, IntakeDescription
from portal.domain.courses.models import Intake
from portal.domain.enrolments import queries as enrolments
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.forms import MoneyField, PortalForm, SelectChoice, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.once import KeyedForm, perform_once
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person
from portal.web.today import institutes_day

MOST_SEATS = 1000


class TrainersField(SelectMultipleField):
    """Boxes to tick, one for each person who can teach."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def offer(self, people: list[queries.TrainerChoice]) -> None:
        self.choices = [SelectChoice(str(person.id), person.name) for person in people]

    @property
    def ids(self) -> list[UUID]:
        return [UUID(value) for value in self.data or []]


class IntakeForm(KeyedForm):
    title = TextField("Name", [required(), at_most(60)])
    starts_on = DateField("First day", [required()])
    ends_on = DateField("Last day", [required()])
    application_deadline = DateField("Applications until", [required()])
    seats = IntegerField("Seats", [required(), NumberRange(1, MOST_SEATS, f"An intake has 1 to {MOST_SEATS:,} seats.")])
    price_pesewas = MoneyField("Price", [required()])
    application_fee_pesewas = MoneyField("Application fee", [required()], default=APPLICATION_FEE_PESEWAS)

    def intake(self) -> IntakeDescription:
        """Return what was typed as the operation takes it."""
        typed: dict[str, Any] = self.data
        return IntakeDescription(**{field.name: typed[field.name] for field in fields(IntakeDescription)})


class NewIntakeForm(IntakeForm):
    trainers = TrainersField("Trainers")


class TrainersForm(PortalForm):
    trainers = TrainersField("Trainers")


@blueprint.get("/intakes")
@requires(Permission.SEE_INSTITUTE)
def intakes() -> Response:
    """List intakes, the latest to start first; past ones on request."""
    session, q, past = current_session(), request.args.get("q", "")[:100], "past" in request.args
    today = institutes_day()
    since = None if past else today
    page = queries.intakes(session, q=q, running_on=since, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/intakes.html",
        "intakes",
        rows=page.items,
        total=queries.intakes_total(session, q=q, running_on=since),
        previous_url=previous_url,
        next_url=next_url,
        q=q,
        past=past,
        today=today,
    )


@blueprint.route("/courses/<uuid:course_id>/intakes/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_INTAKES)
def new_intake(course_id: UUID) -> BaseResponse:
    """Make an intake of a course and name its trainers."""
    session = current_session()
    course = queries.course_for(session, the_person(), course_id)
    form = NewIntakeForm()
    form.trainers.offer(queries.possible_trainers(session))
    if not form.is_submitted():
        form.price_pesewas.data = course.price_pesewas
    context: dict[str, Any] = {"form": form, "course": course, "intake": None}
    if not form.validate_on_submit():
        return respond("admin/intake_form.html", status=422 if form.is_submitted() else 200, **context)
    try:
        made = perform_once(
            operations.make_intake, the_person(), course_id, form.intake(), trainer_ids=form.trainers.ids, at=now()
        )
    except (Invalid, Conflict) as error:
        return respond("admin/intake_form.html", status=form.refuse(error), **context)
    flash(f"{form.title.data} is made.", "done")
    return go_to(url_for("admin.intake", intake_id=made))


@blueprint.get("/intakes/<uuid:intake_id>")
@requires(Permission.SEE_INSTITUTE)
def intake(intake_id: UUID) -> Response:
    """Show an intake with its seats, trainers and students."""
    session, q = current_session(), request.args.get("q", "")[:100]
    found = queries.intake(session, intake_id)
    page = enrolments.enrolments(session, q=q, intake_id=intake_id, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/intake.html",
        "students",
        intake=found,
        rows=page.items,
        previous_url=previous_url,
        next_url=next_url,
        q=q,
        today=institutes_day(),
    )


@blueprint.route("/intakes/<uuid:intake_id>/details", methods=["GET", "POST"])
@requires(Permission.MANAGE_INTAKES)
def edit_intake(intake_id: UUID) -> BaseResponse:
    """Edit dates, seats and price of an intake."""
    session = current_session()
    found = session.get(Intake, intake_id)
    if found is None:
        raise NotFound
    form = IntakeForm(obj=found)
    course = queries.course_for(session, the_person(), found.course_id)
    context: dict[str, Any] = {"form": form, "course": course, "intake": found}
    if not form.validate_on_submit():
        return respond("admin/intake_form.html", status=422 if form.is_submitted() else 200, **context)
    try:
        perform(operations.edit_intake, the_person(), intake_id, form.intake(), at=now())
    except (Invalid, Conflict) as error:
        return respond("admin/intake_form.html", status=form.refuse(error), **context)
    flash("Saved.", "done")
    return go_to(url_for("admin.intake", intake_id=intake_id))


@blueprint.route("/intakes/<uuid:intake_id>/trainers", methods=["GET", "POST"])
@requires(Permission.MANAGE_INTAKES)
def name_trainers(intake_id: UUID) -> BaseResponse:
    """Say who teaches an intake."""
    session = current_session()
    found = queries.intake(session, intake_id)
    form = TrainersForm()
    form.trainers.offer(queries.possible_trainers(session))
    if not form.is_submitted():
        form.trainers.data = [str(user_id) for user_id in queries.trainers_of(session, intake_id)]
    if not form.validate_on_submit():
        status = 422 if form.is_submitted() else 200
        return respond("admin/intake_trainers.html", status=status, form=form, intake=found)
    try:
        perform(operations.name_trainers, the_person(), intake_id, form.trainers.ids, at=now())
    except Invalid as error:
        return respond("admin/intake_trainers.html", status=form.refuse(error), form=form, intake=found)
    flash("Saved.", "done")
    return go_to(url_for("admin.intake", intake_id=intake_id))
