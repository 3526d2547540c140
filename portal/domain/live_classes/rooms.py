"""The rooms classes meet in: opening them, closing them, listing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal import db
from portal.domain.audit import operations as audit
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from portal.domain.live_classes.locks import hold_timetables
from portal.domain.live_classes.models import LiveClass, LiveClassState, Room
from portal.domain.permissions import Actor, Permission

LONGEST_NAME = 80


@dataclass(frozen=True)
class AddRoom:
    name: str
    capacity: int | None = None


@dataclass(frozen=True)
class RoomRow:
    id: UUID
    name: str
    capacity: int | None
    closed_at: datetime | None
    classes_ahead: int


def add_room(session: Session, actor: Actor, command: AddRoom, *, at: datetime) -> Room:
    """Add a room; the name of a closed one opens that one again."""
    _refuse_others(actor)
    name = " ".join(command.name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid("Give the room a name.", fields={"name": f"A name has 1 to {LONGEST_NAME} characters."})
    if command.capacity is not None and command.capacity < 1:
        raise Invalid("A room has at least one seat.", fields={"capacity": "Give a whole number from 1."})
    room = session.scalar(select(Room).where(func.lower(Room.name) == name.lower()).with_for_update())
    if room is not None and room.closed_at is None:
        raise _taken(room.name)
    if room is None:
        room = _new_room(session, name)
    room.name, room.capacity, room.closed_at = name, command.capacity, None
    audit.record(session, actor, "room:add", room, after={"name": name, "capacity": command.capacity}, at=at)
    return room


def close_room(session: Session, actor: Actor, room_id: UUID, *, at: datetime) -> Room:
    """Take a room out of use; refused while classes are still to meet in it."""
    _refuse_others(actor)
    hold_timetables(session, room_id)
    room = session.scalar(select(Room).where(Room.id == room_id).with_for_update())
    if room is None:
        raise NotFound
    if room.closed_at is not None:
        return room
    ahead = session.scalars(select(func.count()).where(_still_to_meet_in(room_id, at))).one()
    if ahead:
        classes = "1 class is" if ahead == 1 else f"{ahead} classes are"
        raise Conflict(f"{classes} still to meet in {room.name}. Move or cancel them first, then close the room.")
    room.closed_at = at
    audit.record(session, actor, "room:close", room, before={"closed_at": None}, after={"closed_at": at}, at=at)
    return room


def rooms(session: Session, *, at: datetime) -> list[RoomRow]:
    """Return all rooms, those in use first, each with the number of classes still to meet in it."""
    ahead = select(func.count()).where(_still_to_meet_in(Room.id, at)).scalar_subquery()
    statement = select(Room.id, Room.name, Room.capacity, Room.closed_at, ahead).order_by(
        Room.closed_at.isnot(None), Room.name
    )
    return [RoomRow(*row) for row in session.execute(statement)]


def _refuse_others(actor: Actor) -> None:
    if not actor.may(Permission.MANAGE_INTAKES):
        raise Forbidden("Rooms are kept by the registrar.")


def _new_room(session: Session, name: str) -> Room:
    try:
        with session.begin_nested():
            room = Room(name=name)
            session.add(room)
            session.flush()
    except IntegrityError as error:
        if db.constraint_of(error) != "uq_rooms_name":
            raise
        raise _taken(name) from error
    return room


def _taken(name: str) -> Conflict:
    return Conflict(f"There is a room called {name} already.", fields={"name": "Another room has this name."})


def _still_to_meet_in(room_id: UUID | InstrumentedAttribute[UUID], at: datetime) -> ColumnElement[bool]:
    ahead = LiveClass.state.in_((LiveClassState.SCHEDULED, LiveClassState.LIVE))
    return and_(LiveClass.room_id == room_id, LiveClass.ends_at > at, ahead)
