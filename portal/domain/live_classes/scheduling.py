"""Scheduling, moving and cancelling live classes; the database refuses clashes, this says with what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.models import User
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from portal.domain.live_classes import clashes
from portal.domain.live_classes.clashes import Slot
from portal.domain.live_classes.locks import hold_timetables
from portal.domain.live_classes.meeting_links import checked_meeting_link
from portal.domain.live_classes.models import LiveClass, LiveClassState, Room
from portal.domain.live_classes.transitions import Step, state_after
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor, Permission

SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=8)
LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_REASON = 120, 5_000, 500


@dataclass(frozen=True, kw_only=True)
class ScheduleClass:
    intake_id: UUID
    trainer_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    room_id: UUID | None = None
    meeting_url: str | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class MoveClass:
    """A new time, a new place, or both."""

    live_class_id: UUID
    starts_at: datetime
    ends_at: datetime
    room_id: UUID | None = None
    meeting_url: str | None = None


def schedule_class(session: Session, actor: Actor, command: ScheduleClass, *, at: datetime) -> LiveClass:
    """Put a class into the timetable and tell those concerned; refuse what is past or clashes."""
    _refuse_strangers(session, actor, command.intake_id)
    title = _checked_title(command.title)
    _refuse_impossible_time(command.starts_at, command.ends_at, at)
    hold_timetables(session, command.trainer_id, command.room_id, command.intake_id)
    _refuse_other_trainers(session, command.intake_id, command.trainer_id)
    room, meeting_url = _checked_place(session, command.room_id, command.meeting_url)
    scheduled = LiveClass(
        intake_id=command.intake_id,
        trainer_id=command.trainer_id,
        title=title,
        description=_at_most(command.description, LONGEST_DESCRIPTION, "description"),
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        room_id=room.id if room else None,
        meeting_url=meeting_url,
        created_by=actor.person_id,
        created_at=at,
        updated_at=at,
    )
    with _clashes_explained(session, actor, _slot_of(scheduled)):
        session.add(scheduled)
        session.flush()
    audit.record(session, actor, "live-class:schedule", scheduled, after=_trail_of(scheduled), at=at)
    key, place = f"class-scheduled:{scheduled.id}", _place_words(room, meeting_url)
    _tell(session, actor, scheduled, NotificationKind.CLASS_SCHEDULED, key, at, place=place)
    db.changed(session, "live-classes")
    return scheduled


def move_class(session: Session, actor: Actor, command: MoveClass, *, at: datetime) -> LiveClass:
    """Give a class that has not begun a new time or place and tell those concerned; refuse a clash."""
    _refuse_impossible_time(command.starts_at, command.ends_at, at)
    found = _class_to_change(session, actor, command.live_class_id, command.room_id)
    if found.state != LiveClassState.SCHEDULED or found.starts_at <= at:
        raise Conflict("Only a class that has not begun can be moved.")
    room, meeting_url = _checked_place(session, command.room_id, command.meeting_url, kept=found.room_id)
    before, was_at = _trail_of(found), found.starts_at
    moved = Slot(
        intake_id=found.intake_id,
        trainer_id=found.trainer_id,
        room_id=room.id if room else None,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
    )
    if moved == _slot_of(found) and meeting_url == found.meeting_url:
        return found
    with _clashes_explained(session, actor, moved, besides=found.id):
        found.starts_at, found.ends_at = moved.starts_at, moved.ends_at
        found.room_id, found.meeting_url = moved.room_id, meeting_url
        found.sequence, found.updated_at = found.sequence + 1, at
        session.flush()
    audit.record(session, actor, "live-class:move", found, before=before, after=_trail_of(found), at=at)
    key, place = f"class-moved:{found.id}:{found.sequence}", _place_words(room, meeting_url)
    _tell(session, actor, found, NotificationKind.CLASS_MOVED, key, at, place=place, was_at=was_at.isoformat())
    db.changed(session, "live-classes")
    return found


def cancel_class(session: Session, actor: Actor, live_class_id: UUID, *, reason: str, at: datetime) -> LiveClass:
    """Take a class out of the timetable, with a reason, and tell those concerned; its time is free again."""
    reason = _at_most(reason, LONGEST_REASON, "reason")
    if not reason:
        raise Invalid("Say why the class is cancelled.", fields={"reason": "Students read this in their message."})
    found = _class_to_change(session, actor, live_class_id)
    before = _trail_of(found)
    found.state = state_after(found.state, Step.CANCEL)
    found.cancelled_at, found.reason = at, reason
    found.sequence, found.updated_at = found.sequence + 1, at
    session.flush()
    audit.record(session, actor, "live-class:cancel", found, before=before, after=_trail_of(found), at=at)
    key = f"class-cancelled:{found.id}"
    _tell(session, actor, found, NotificationKind.CLASS_CANCELLED, key, at, reason=reason)
    db.changed(session, "live-classes")
    return found


def _refuse_strangers(session: Session, actor: Actor, intake_id: UUID) -> None:
    if actor.may(Permission.MANAGE_INTAKES):
        if session.get(Intake, intake_id) is None:
            raise NotFound
    elif not _teaches(session, intake_id, actor.person_id):
        raise NotFound


def _teaches(session: Session, intake_id: UUID, user_id: UUID) -> bool:
    named = select(IntakeTrainer.user_id).where(IntakeTrainer.intake_id == intake_id, IntakeTrainer.user_id == user_id)
    return session.scalar(named) is not None


def _refuse_other_trainers(session: Session, intake_id: UUID, trainer_id: UUID) -> None:
    teaching = (
        select(User.id)
        .join(IntakeTrainer, IntakeTrainer.user_id == User.id)
        .where(IntakeTrainer.intake_id == intake_id, User.id == trainer_id, User.deactivated_at.is_(None))
    )
    if session.scalar(teaching) is None:
        raise Invalid(
            "Only a trainer of the intake can teach its classes.",
            fields={"trainer_id": "Choose a trainer who is named for this intake."},
        )


def _checked_title(text: str) -> str:
    title = _at_most(" ".join(text.split()), LONGEST_TITLE, "title")
    if not title:
        raise Invalid("Give the class a title.", fields={"title": "What is the class about?"})
    return title


def _at_most(text: str, longest: int, field: str) -> str:
    text = text.strip()
    if len(text) > longest:
        raise Invalid("This text is too long.", fields={field: f"At most {longest:,} characters."})
    return text


def _refuse_impossible_time(starts_at: datetime, ends_at: datetime, at: datetime) -> None:
    if starts_at.tzinfo is None or ends_at.tzinfo is None:
        raise TypeError("classes have aware times")
    if starts_at <= at:
        still_to_come = "Choose a time that is still to come."
        raise Invalid("A class cannot be put into the past.", fields={"starts_at": still_to_come})
    if not SHORTEST <= ends_at - starts_at <= LONGEST:
        raise Invalid("A class takes 15 minutes to 8 hours.", fields={"minutes": "Choose 15 minutes to 8 hours."})


def _checked_place(
    session: Session, room_id: UUID | None, meeting_url: str | None, *, kept: UUID | None = None
) -> tuple[Room | None, str | None]:
    """Return room and link; a class needs one of them. A room closed meanwhile may be kept, not newly chosen."""
    room = session.get(Room, room_id) if room_id else None
    if room_id and (room is None or (room.closed_at is not None and room.id != kept)):
        raise Invalid("This room is not in use.", fields={"room_id": "Choose another room."})
    link = checked_meeting_link(meeting_url) if meeting_url and meeting_url.strip() else None
    if room is None and link is None:
        words = "Choose a room, or give a meeting link."
        raise Invalid("A class needs a place.", fields={"room_id": words, "meeting_url": words})
    return room, link


@contextmanager
def _clashes_explained(session: Session, actor: Actor, slot: Slot, *, besides: UUID | None = None) -> Iterator[None]:
    """Do this up to a savepoint: when the database refuses it, undo it and read what is in the way."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        if db.constraint_of(error) not in clashes.CONSTRAINTS:
            raise
        raise clashes.refusal(session, actor, slot, besides=besides) from error


def _slot_of(live_class: LiveClass) -> Slot:
    return Slot(
        intake_id=live_class.intake_id,
        trainer_id=live_class.trainer_id,
        room_id=live_class.room_id,
        starts_at=live_class.starts_at,
        ends_at=live_class.ends_at,
    )


def _class_to_change(session: Session, actor: Actor, live_class_id: UUID, new_room_id: UUID | None = None) -> LiveClass:
    """Return the class, locked after the timetables it touches, if this person may change it."""
    needs = session.execute(
        select(LiveClass.trainer_id, LiveClass.intake_id, LiveClass.room_id).where(LiveClass.id == live_class_id)
    ).one_or_none()
    if needs is None:
        raise NotFound
    if not actor.may(Permission.MANAGE_INTAKES) and actor.person_id != needs.trainer_id:
        _refuse_those_who_only_see_it(session, actor, needs.intake_id)
    hold_timetables(session, needs.trainer_id, needs.intake_id, needs.room_id, new_room_id)
    found = select(LiveClass).where(LiveClass.id == live_class_id).with_for_update()
    return session.scalars(found.execution_options(populate_existing=True)).one()


def _refuse_those_who_only_see_it(session: Session, actor: Actor, intake_id: UUID) -> None:
    if _teaches(session, intake_id, actor.person_id):
        return
    if actor.may(Permission.SEE_INSTITUTE):
        raise Forbidden("Classes are changed by their trainers and by the registrar.")
    raise NotFound


def _trail_of(live_class: LiveClass) -> dict[str, Any]:
    """What the trail keeps of a class: that it has a link, not the link, which lets anyone in."""
    return {
        "title": live_class.title,
        "starts_at": live_class.starts_at,
        "ends_at": live_class.ends_at,
        "trainer_id": live_class.trainer_id,
        "room_id": live_class.room_id,
        "online": live_class.meeting_url is not None,
        "state": live_class.state or LiveClassState.SCHEDULED,
        "reason": live_class.reason or "",
    }


def _place_words(room: Room | None, meeting_url: str | None) -> str:
    if room is None:
        return "online"
    return f"{room.name} and online" if meeting_url else room.name


def _tell(
    session: Session, actor: Actor, live_class: LiveClass, kind: NotificationKind, key: str, at: datetime, **data: Any
) -> None:
    """Tell the students of the intake, and the trainer unless it was their own doing."""
    course = session.scalars(
        select(Course.title).join(Intake, Intake.course_id == Course.id).where(Intake.id == live_class.intake_id)
    ).one()
    enrolled = session.scalars(
        select(Enrolment.user_id).where(
            Enrolment.intake_id == live_class.intake_id,
            Enrolment.state.in_((EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED)),
        )
    ).all()
    data |= {
        "course": course,
        "title": live_class.title,
        "starts_at": live_class.starts_at.isoformat(),
        "ends_at": live_class.ends_at.isoformat(),
    }
    path = f"/student/live-classes/{live_class.id}"
    notifications.tell(session, enrolled, kind, key=key, at=at, path=path, **data)
    if live_class.trainer_id != actor.id:
        path = f"/trainer/live-classes/{live_class.id}"
        notifications.tell(session, [live_class.trainer_id], kind, key=key, at=at, path=path, **data)
