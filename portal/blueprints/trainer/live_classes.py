"""Live classes as those see them who hold them: the week, one class, scheduling, moving, cancelling."""

from __future__ import annotations

from uuid import UUID

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.trainer import blueprint
from portal.blueprints.trainer.live_class_forms import CancelForm, ScheduleForm, TimeAndPlaceForm, time_and_place_of
from portal.domain.clock import now
from portal.domain.errors import Conflict, Forbidden, Invalid
from portal.domain.live_classes import queries, scheduling
from portal.domain.live_classes.phases import phase_of
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import go_to, respond
from portal.web.once import perform_once
from portal.web.sessions import the_person
from portal.web.timetable import timetable

SCHEDULE = "trainer/live_class_form.html"
MOVE = "trainer/live_class_move.html"
CANCEL = "trainer/live_class_cancel.html"


@blueprint.get("/live-classes")
@requires(Permission.TEACH)
def live_classes() -> ResponseReturnValue:
    """Show the week of a trainer, or the classes to come or past as a list."""
    shown = timetable(db.current_session(), queries.of_trainer(the_person().person_id), "trainer.live_class", at=now())
    return respond("trainer/live_classes.html", "timetable", timetable=shown)


@blueprint.get("/live-classes/<uuid:live_class_id>")
@requires(Permission.TEACH)
def live_class(live_class_id: UUID) -> ResponseReturnValue:
    """Show a class with its meeting link to those who hold or oversee it."""
    found = queries.class_of_staff(db.current_session(), the_person(), live_class_id)
    phase = phase_of(found.state, found.starts_at, found.ends_at, now())
    return respond("trainer/live_class.html", found=found, phase=phase)


@blueprint.get("/live-classes/new")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def new_live_class() -> ResponseReturnValue:
    """Ask for which intake the class is; where there is only one, it is that."""
    intakes = queries.intakes_to_schedule_for(db.current_session(), the_person(), at=now())
    if len(intakes) == 1:
        return go_to(url_for("trainer.live_class_form", intake_id=intakes[0].id))
    return respond("trainer/live_class_intake.html", intakes=intakes)


@blueprint.get("/live-classes/new/<uuid:intake_id>")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def live_class_form(intake_id: UUID) -> ResponseReturnValue:
    """Show the form in which a class of this intake is scheduled."""
    intake = queries.intake_to_schedule_for(db.current_session(), the_person(), intake_id)
    return respond(SCHEDULE, intake=intake, form=_schedule_form(intake_id))


@blueprint.post("/live-classes/new/<uuid:intake_id>")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def schedule_live_class(intake_id: UUID) -> ResponseReturnValue:
    """Schedule a class; a clash is explained beside the fields."""
    intake = queries.intake_to_schedule_for(db.current_session(), the_person(), intake_id)
    form = _schedule_form(intake_id)
    if not form.validate_on_submit():
        return respond(SCHEDULE, status=422, intake=intake, form=form)
    try:
        made = perform_once(scheduling.schedule_class, the_person(), form.schedule_for(intake_id), at=now())
    except (Conflict, Invalid) as error:
        return respond(SCHEDULE, status=form.refuse(error), intake=intake, form=form)
    flash(f"“{form.title.data}” is in the timetable, and its students are told.", "done")
    return go_to(url_for("trainer.live_class", live_class_id=made))


@blueprint.get("/live-classes/<uuid:live_class_id>/time-and-place")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def move_form(live_class_id: UUID) -> ResponseReturnValue:
    """Show the form in which a class gets a new time or place."""
    found = _changeable(live_class_id)
    return respond(MOVE, found=found, form=_move_form(found))


@blueprint.post("/live-classes/<uuid:live_class_id>/time-and-place")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def move_live_class(live_class_id: UUID) -> ResponseReturnValue:
    """Move a class; a clash is explained beside the fields."""
    found = _changeable(live_class_id)
    form = _move_form(found)
    if not form.validate_on_submit():
        return respond(MOVE, status=422, found=found, form=form)
    try:
        moved = db.perform(scheduling.move_class, the_person(), form.move_of(live_class_id), at=now())
    except (Conflict, Invalid) as error:
        return respond(MOVE, status=form.refuse(error), found=found, form=form)
    flash(f"“{moved.title}” was moved, and its students are told.", "done")
    return go_to(url_for("trainer.live_class", live_class_id=live_class_id))


@blueprint.get("/live-classes/<uuid:live_class_id>/cancellation")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def cancel_form(live_class_id: UUID) -> ResponseReturnValue:
    """Ask why a class is cancelled, and say what that does."""
    return respond(CANCEL, found=_changeable(live_class_id), form=CancelForm())


@blueprint.post("/live-classes/<uuid:live_class_id>/cancellation")
@requires(Permission.SCHEDULE_LIVE_CLASS)
def cancel_live_class(live_class_id: UUID) -> ResponseReturnValue:
    """Cancel a class with a reason."""
    found = _changeable(live_class_id)
    form = CancelForm()
    if not form.validate_on_submit():
        return respond(CANCEL, status=422, found=found, form=form)
    try:
        db.perform(scheduling.cancel_class, the_person(), live_class_id, reason=form.reason.data or "", at=now())
    except (Conflict, Invalid) as error:
        return respond(CANCEL, status=form.refuse(error), found=found, form=form)
    flash(f"“{found.title}” is cancelled, and its students are told.", "done")
    return go_to(url_for("trainer.live_class", live_class_id=live_class_id))


def _schedule_form(intake_id: UUID) -> ScheduleForm:
    session, form = db.current_session(), ScheduleForm()
    form.offer_trainers(queries.trainers_of(session, intake_id), the_person().person_id)
    form.offer_rooms(queries.rooms_in_use(session))
    return form


def _changeable(live_class_id: UUID) -> queries.StaffClass:
    found = queries.class_of_staff(db.current_session(), the_person(), live_class_id)
    if not found.changeable:
        raise Forbidden("Classes are changed by their trainers and by the registrar.")
    return found


def _move_form(found: queries.StaffClass) -> TimeAndPlaceForm:
    form = time_and_place_of(found)
    form.offer_rooms(queries.rooms_in_use(db.current_session(), besides=found.room_id))
    return form
