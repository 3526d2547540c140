"""Making and editing intakes, and naming who teaches them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.models import User
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, CourseState, Intake, IntakeTrainer
from portal.domain.courses.seats import lock_intake
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from portal.domain.permissions import Actor, Permission, Role

APPLICATION_FEE_PESEWAS = 10_000  # GHS 100, where nothing else is said


@dataclass(frozen=True, kw_only=True)
class IntakeDescription:
    """When a course runs, for how many, at what price."""

    title: str
    starts_on: date
    ends_on: date
    application_deadline: date
    seats: int
    price_pesewas: int | None = None
    """None: the course's price."""
    application_fee_pesewas: int = APPLICATION_FEE_PESEWAS


def make_intake(
    session: Session,
    actor: Actor,
    course_id: UUID,
    command: IntakeDescription,
    *,
    trainer_ids: Iterable[UUID] = (),
    at: datetime,
) -> Intake:
    """Add a run of a course, with those who teach it."""
    _refuse_others(actor)
    course = session.get(Course, course_id)
    if course is None:
        raise NotFound
    if course.state == CourseState.ARCHIVED:
        raise Conflict("This course is archived. Publish it again before it gets another intake.")
    values = _checked(command, course.price_pesewas)
    intake = Intake(course_id=course_id, created_at=at, **values)
    session.add(intake)
    _flush_unique(session)
    trainers = _named(session, intake, trainer_ids)
    audit.record(session, actor, "intake:make", intake, after=values | {"trainers": trainers}, at=at)
    db.changed(session, "catalogue")
    return intake


def edit_intake(session: Session, actor: Actor, intake_id: UUID, command: IntakeDescription, *, at: datetime) -> Intake:
    """Change dates, seats or price of an intake; refuse fewer seats than are taken."""
    _refuse_others(actor)
    intake = lock_intake(session, intake_id)
    values = _checked(command, intake.price_pesewas)
    if values["seats"] < intake.seats_taken:
        sentence = f"{_seats(intake.seats_taken)} taken: there can be no fewer seats than that."
        raise Conflict(sentence, fields={"seats": sentence})
    before = {name: getattr(intake, name) for name in values}
    for name, value in values.items():
        setattr(intake, name, value)
    _flush_unique(session)
    audit.record(session, actor, "intake:edit", intake, before=before, after=values, at=at)
    db.changed(session, "catalogue")
    return intake


def name_trainers(
    session: Session, actor: Actor, intake_id: UUID, user_ids: Iterable[UUID], *, at: datetime
) -> list[UUID]:
    """Have exactly these people teach an intake; return them."""
    _refuse_others(actor)
    intake = lock_intake(session, intake_id)
    own = IntakeTrainer.intake_id == intake_id
    before = sorted(session.scalars(select(IntakeTrainer.user_id).where(own)))
    session.execute(delete(IntakeTrainer).where(own))
    after = _named(session, intake, user_ids)
    if after != before:
        audit.record(
            session, actor, "intake:name-trainers", intake,
            before={"trainers": before}, after={"trainers": after}, at=at,
        )  # fmt: skip
        db.changed(session, "catalogue", "submissions")
    return after


def _refuse_others(actor: Actor) -> None:
    if not actor.may(Permission.MANAGE_INTAKES):
        raise Forbidden("Only admins with the registrar or content duty manage intakes.")


def _named(session: Session, intake: Intake, user_ids: Iterable[UUID]) -> list[UUID]:
    """Write down who teaches an intake; refuse anybody who is no trainer or admin, or is away."""
    wanted = sorted(set(user_ids))
    statement = select(User.id).where(
        User.id.in_(wanted), User.role.in_([Role.TRAINER, Role.ADMIN]), User.deactivated_at.is_(None)
    )
    if len(session.scalars(statement).all()) != len(wanted):
        sentence = "Only active trainers and admins can teach an intake."
        raise Invalid(sentence, fields={"trainers": sentence})
    session.add_all(IntakeTrainer(intake_id=intake.id, user_id=user_id) for user_id in wanted)
    session.flush()
    return wanted


def _checked(command: IntakeDescription, usual_price: int) -> dict[str, Any]:
    title = " ".join(command.title.split())
    problems: dict[str, str] = {}
    if not title:
        problems["title"] = "Say what tells this intake from the others, such as January 2027."
    if command.ends_on <= command.starts_on:
        problems["ends_on"] = "The last day comes after the first."
    if command.application_deadline > command.ends_on:
        problems["application_deadline"] = "Applications close before the intake ends."
    if command.seats < 1:
        problems["seats"] = "An intake has at least one seat."
    if problems:
        raise Invalid("Please check the intake.", fields=problems)
    price = usual_price if command.price_pesewas is None else command.price_pesewas
    return {
        "title": title,
        "starts_on": command.starts_on,
        "ends_on": command.ends_on,
        "application_deadline": command.application_deadline,
        "seats": command.seats,
        "price_pesewas": price,
        "application_fee_pesewas": command.application_fee_pesewas,
    }


def _flush_unique(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if db.constraint_of(error) == "uq_intakes_course_id_title":
            sentence = "This course has an intake of that name already."
            raise Conflict(sentence, fields={"title": sentence}) from error
        raise


def _seats(number: int) -> str:
    return "1 seat is" if number == 1 else f"{number} seats are"
