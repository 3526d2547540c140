"""Questions about live classes, each asked for one person: a student, a trainer, the office.

A meeting link is in no row: `meeting.py` gives it to a student in its time, `staff_class` to those who hold the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, bindparam, func, or_, select, true
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import CURRENT, Enrolment, EnrolmentState
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, paged
from portal.domain.live_classes.models import LiveClass, LiveClassState, Room
from portal.domain.permissions import Actor, Permission


@dataclass(frozen=True)
class Whose:
    """Whose classes are meant: made by `of_student`, `of_trainer`, `of_staff` or `everyone`."""

    condition: ColumnElement[bool]
    """Made once for everybody; it names the person as the parameter `person_id`."""
    person_id: UUID | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"person_id": self.person_id}


@dataclass(frozen=True)
class ClassRow:
    """A class as calendars and lists show it."""

    id: UUID
    title: str
    state: str
    starts_at: datetime
    ends_at: datetime
    course: str
    intake: str
    trainer: str
    room: str | None
    online: bool
    kind: str
    course_id: UUID
    intake_id: UUID

    @property
    def place(self) -> str:
        """Return where it meets, in words."""
        if self.room is None:
            return "Online"
        return f"{self.room}, and online" if self.online else self.room


@dataclass(frozen=True)
class StudentClass(ClassRow):
    """A class as one student of its intake sees it."""

    description: str
    reason: str
    enrolment_state: str
    access_until: datetime | None


@dataclass(frozen=True)
class StaffClass(ClassRow):
    """A class as those see it who hold it or may change it."""

    description: str
    reason: str
    trainer_id: UUID
    room_id: UUID | None
    meeting_url: str | None
    students: int
    changeable: bool
    """Whether this person may move or cancel it, by role; its state and the clock may still refuse."""


@dataclass(frozen=True)
class IntakeChoice:
    id: UUID
    course: str
    title: str


@dataclass(frozen=True)
class Choice:
    id: UUID
    name: str


def of_student(student_id: UUID) -> Whose:
    """The classes of the intakes this student is or was enrolled in."""
    return Whose(_of_a_student(), student_id)


def of_trainer(trainer_id: UUID) -> Whose:
    """The classes this person holds, and all others of the intakes they are a trainer of."""
    return Whose(_of_a_trainer(), trainer_id)


def everyone() -> Whose:
    """All classes of the institute."""
    return Whose(_of_everyone())


def of_staff(actor: Actor) -> Whose:
    """All classes for an admin, those of a trainer otherwise."""
    return everyone() if actor.may(Permission.SEE_INSTITUTE) else of_trainer(actor.person_id)


def classes_between(session: Session, whose: Whose, first: datetime, until: datetime) -> list[ClassRow]:
    """Return the classes that begin in this span of time, in order; cancelled ones too: nobody should wait."""
    rows = read(session, _between(whose.condition), whose.parameters | {"first": first, "until": until})
    return [ClassRow(*row) for row in rows]


def upcoming(
    session: Session, whose: Whose, *, at: datetime, cursor: Keyset | None = None, size: int = 25
) -> Page[ClassRow]:
    """Return a page of the classes that are not over, the next first."""
    statement = class_rows(whose.condition).where(LiveClass.ends_at > at).params(whose.parameters)
    return _page(session, statement, cursor=cursor, size=size, descending=False)


def past(
    session: Session, whose: Whose, *, at: datetime, cursor: Keyset | None = None, size: int = 25
) -> Page[ClassRow]:
    """Return a page of the classes that are over, the latest first."""
    statement = class_rows(whose.condition).where(LiveClass.ends_at <= at).params(whose.parameters)
    return _page(session, statement, cursor=cursor, size=size, descending=True)


def next_classes(session: Session, whose: Whose, *, at: datetime, most: int = 3) -> list[ClassRow]:
    """Return the classes that are on now or come next."""
    rows = read(session, _next(whose.condition), whose.parameters | {"at": at, "most": most})
    return [ClassRow(*row) for row in rows]


def class_of_student(session: Session, student_id: UUID, live_class_id: UUID) -> StudentClass:
    """Return a class of an intake this student is enrolled in, without its link; raise `NotFound` otherwise."""
    statement = (
        class_rows(LiveClass.id == live_class_id)
        .join(Enrolment, Enrolment.intake_id == LiveClass.intake_id)
        .where(Enrolment.user_id == student_id, among(Enrolment.state, CURRENT))
        .add_columns(LiveClass.description, LiveClass.reason, Enrolment.state, Enrolment.access_until)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return StudentClass(*row)


def class_of_staff(session: Session, actor: Actor, live_class_id: UUID) -> StaffClass:
    """Return a class this person holds or oversees, with its link; raise `NotFound` otherwise."""
    students = (
        select(func.count())
        .where(
            Enrolment.intake_id == LiveClass.intake_id,
            among(Enrolment.state, (EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED)),
        )
        .scalar_subquery()
    )
    changeable = everyone() if actor.may(Permission.MANAGE_INTAKES) else of_trainer(actor.person_id)
    statement = (
        class_rows(of_staff(actor).condition)
        .where(LiveClass.id == live_class_id)
        .add_columns(
            LiveClass.description,
            LiveClass.reason,
            LiveClass.trainer_id,
            LiveClass.room_id,
            LiveClass.meeting_url,
            students,
            changeable.condition,
        )
    )
    row = session.execute(statement, {"person_id": actor.person_id}).one_or_none()
    if row is None:
        raise NotFound
    return StaffClass(*row)


def intakes_to_schedule_for(session: Session, actor: Actor, *, at: datetime) -> list[IntakeChoice]:
    """Return the intakes for which this person may schedule classes: those taught, or all for the registrar."""
    statement = _intakes_of(actor).where(Intake.ends_on >= at.date())
    return [IntakeChoice(*row) for row in session.execute(statement)]


def intake_to_schedule_for(session: Session, actor: Actor, intake_id: UUID) -> IntakeChoice:
    """Return one of those intakes; raise `NotFound` if this person may not schedule its classes."""
    row = session.execute(_intakes_of(actor).where(Intake.id == intake_id)).one_or_none()
    if row is None:
        raise NotFound
    return IntakeChoice(*row)


def trainers_of(session: Session, intake_id: UUID) -> list[Choice]:
    """Return who may hold the classes of an intake."""
    statement = (
        select(User.id, _full_name())
        .join(IntakeTrainer, IntakeTrainer.user_id == User.id)
        .where(IntakeTrainer.intake_id == intake_id, User.deactivated_at.is_(None))
        .order_by(User.sort_key, User.id)
    )
    return [Choice(*row) for row in session.execute(statement)]


def rooms_in_use(session: Session, *, besides: UUID | None = None) -> list[Choice]:
    """Return the rooms a class may meet in, and the one it has already."""
    open_or_kept = or_(Room.closed_at.is_(None), Room.id == besides)
    statement = select(Room.id, Room.name).where(open_or_kept).order_by(Room.name)
    return [Choice(*row) for row in session.execute(statement)]


def class_rows(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Return the statement that reads exactly the columns of `ClassRow`."""
    return (
        select(
            LiveClass.id,
            LiveClass.title,
            LiveClass.state,
            LiveClass.starts_at,
            LiveClass.ends_at,
            Course.title.label("course"),
            Intake.title.label("intake"),
            _full_name().label("trainer"),
            Room.name.label("room"),
            LiveClass.meeting_url.isnot(None).label("online"),
            LiveClass.kind,
            Intake.course_id,
            LiveClass.intake_id,
        )
        .join(Intake, Intake.id == LiveClass.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(User, User.id == LiveClass.trainer_id)
        .outerjoin(Room, Room.id == LiveClass.room_id)
        .where(condition)
    )


# Made once, when they are first asked: making a statement takes as long as running it.


@cache
def _between(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    in_time = (LiveClass.starts_at >= bindparam("first"), LiveClass.starts_at < bindparam("until"))
    return class_rows(condition).where(*in_time).order_by(LiveClass.starts_at, LiveClass.id)


@cache
def _next(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    ahead = (LiveClass.ends_at > bindparam("at"), LiveClass.state != LiveClassState.CANCELLED)
    rows = class_rows(condition).where(*ahead).order_by(LiveClass.starts_at, LiveClass.id)
    return rows.limit(bindparam("most"))


@cache
def _of_a_student() -> ColumnElement[bool]:
    is_in = (Enrolment.user_id == bindparam("person_id"), among(Enrolment.state, CURRENT))
    return LiveClass.intake_id.in_(select(Enrolment.intake_id).where(*is_in))


@cache
def _of_a_trainer() -> ColumnElement[bool]:
    taught = select(IntakeTrainer.intake_id).where(IntakeTrainer.user_id == bindparam("person_id"))
    return or_(LiveClass.trainer_id == bindparam("person_id"), LiveClass.intake_id.in_(taught))


@cache
def _of_everyone() -> ColumnElement[bool]:
    return true()


def _intakes_of(actor: Actor) -> Select[*tuple[Any, ...]]:
    statement = (
        select(Intake.id, Course.title, Intake.title)
        .join(Course, Course.id == Intake.course_id)
        .order_by(Course.sort_key, Intake.starts_on, Intake.id)
    )
    if actor.may(Permission.MANAGE_INTAKES):
        return statement
    taught = select(IntakeTrainer.intake_id).where(IntakeTrainer.user_id == actor.person_id)
    return statement.where(Intake.id.in_(taught))


def _full_name() -> ColumnElement[str]:
    return func.concat_ws(" ", User.first_name, User.last_name, type_=String())


def _page(
    session: Session, statement: Select[*tuple[Any, ...]], *, cursor: Keyset | None, size: int, descending: bool
) -> Page[ClassRow]:
    return paged(
        session,
        statement,
        sort=LiveClass.starts_at,
        key=LiveClass.id,
        cursor=cursor,
        size=size,
        descending=descending,
    ).into(ClassRow)
