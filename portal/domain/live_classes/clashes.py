"""Which classes stand in the way of one: the same trainer, room or intake at the same time, said in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.courses.models import Course, Intake
from portal.domain.errors import Conflict
from portal.domain.live_classes.models import LiveClass, LiveClassKind, LiveClassState, Room
from portal.domain.notifications.kinds import span
from portal.domain.permissions import Actor

CONSTRAINTS = frozenset({"ex_live_classes_trainer", "ex_live_classes_room", "ex_live_classes_intake"})
MOST_TOLD = 3  # of the classes in the way; whoever clashes with more needs another day, not a list


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Who and what a class needs, and when."""

    intake_id: UUID
    trainer_id: UUID
    room_id: UUID | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class ClashingClass:
    """A class in the way, and what it shares with the one that was refused."""

    title: str
    course: str
    trainer: str
    room: str | None
    starts_at: datetime
    ends_at: datetime
    same_trainer: bool
    same_room: bool


def clashes_with(session: Session, slot: Slot, *, besides: UUID | None = None) -> list[ClashingClass]:
    """Return the classes that need the same trainer, room or intake within this time, the earliest first."""
    same_trainer = LiveClass.trainer_id == slot.trainer_id
    same_room = LiveClass.room_id == slot.room_id if slot.room_id else LiveClass.id.is_(None)
    same_intake = and_(LiveClass.intake_id == slot.intake_id, LiveClass.kind == LiveClassKind.CLASS)
    statement = (
        select(
            LiveClass.title,
            Course.title,
            func.concat_ws(" ", User.first_name, User.last_name),
            Room.name,
            LiveClass.starts_at,
            LiveClass.ends_at,
            same_trainer,
            same_room.is_(True),
        )
        .join(Intake, Intake.id == LiveClass.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(User, User.id == LiveClass.trainer_id)
        .outerjoin(Room, Room.id == LiveClass.room_id)
        .where(
            LiveClass.state != LiveClassState.CANCELLED,
            LiveClass.starts_at < slot.ends_at,
            LiveClass.ends_at > slot.starts_at,
            or_(same_trainer, same_room, same_intake),
        )
        .order_by(LiveClass.starts_at, LiveClass.id)
        .limit(MOST_TOLD)
    )
    if besides is not None:
        statement = statement.where(LiveClass.id != besides)
    return [ClashingClass(*row) for row in session.execute(statement)]


def refusal(session: Session, actor: Actor, slot: Slot, *, besides: UUID | None = None) -> Conflict:
    """Return the refusal that names what is in the way, in the clock of whoever asked. Read after the rollback."""
    found = clashes_with(session, slot, besides=besides)
    if not found:
        return Conflict("The timetable changed at this very moment. Nothing was saved; please try again.")
    zone = ZoneInfo(session.scalar(select(User.time_zone).where(User.id == actor.id)) or "UTC")
    fields: dict[str, str] = {}
    for clash in found:
        fields.setdefault("room_id" if clash.same_room and not clash.same_trainer else "starts_at", said(clash, zone))
    return Conflict(said(found[0], zone), fields=fields)


def said(clash: ClashingClass, zone: ZoneInfo) -> str:
    """Return what is in the way as a sentence: whose, which class, when."""
    if clash.same_trainer:
        whose = f"{clash.trainer} teaches"
    elif clash.same_room:
        whose = f"{clash.room} is taken: {clash.trainer} teaches"
    else:
        whose = f"The same intake already has a class: {clash.trainer} teaches"
    time = span(clash.starts_at.isoformat(), clash.ends_at.isoformat(), zone)
    return f"{whose} “{clash.title}” ({clash.course}) on {time}."
