"""The rooms classes meet in: listed for every admin, added and closed by the registrar."""

from __future__ import annotations

from uuid import UUID

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import IntegerField
from wtforms.validators import NumberRange, Optional

from portal import db
from portal.blueprints.admin import blueprint
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.live_classes import rooms as operations
from portal.domain.live_classes.rooms import AddRoom
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.forms import PortalForm, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person

PAGE = "admin/rooms.html"
MOST_SEATS = 10_000


class RoomForm(PortalForm):
    name = TextField("Name", [required(), at_most(operations.LONGEST_NAME)])
    capacity = IntegerField("Seats", [Optional(), NumberRange(1, MOST_SEATS, "Give a whole number from 1.")])


@blueprint.get("/rooms")
@requires(Permission.SEE_INSTITUTE)
def rooms() -> ResponseReturnValue:
    """List the rooms with what is still to happen in each."""
    return respond(PAGE, rooms=operations.rooms(db.current_session(), at=now()), form=RoomForm())


@blueprint.post("/rooms")
@requires(Permission.MANAGE_INTAKES)
def add_room() -> ResponseReturnValue:
    """Add a room, or open a closed one of that name again."""
    form = RoomForm()
    if not form.validate_on_submit():
        return respond(PAGE, status=422, rooms=operations.rooms(db.current_session(), at=now()), form=form)
    try:
        room = db.perform(
            operations.add_room, the_person(), AddRoom(form.name.data or "", form.capacity.data), at=now()
        )
    except (Conflict, Invalid) as error:
        status = form.refuse(error)
        return respond(PAGE, status=status, rooms=operations.rooms(db.current_session(), at=now()), form=form)
    flash(f"{room.name} can be chosen for classes.", "done")
    return go_to(url_for("admin.rooms"))


@blueprint.post("/rooms/<uuid:room_id>/closure")
@requires(Permission.MANAGE_INTAKES)
def close_room(room_id: UUID) -> ResponseReturnValue:
    """Take a room out of use, unless classes are still to meet in it."""
    try:
        room = db.perform(operations.close_room, the_person(), room_id, at=now())
        flash(f"{room.name} is closed; its past classes keep its name.", "done")
    except Conflict as error:
        flash(error.message, "problem")
    return go_to(url_for("admin.rooms"))
