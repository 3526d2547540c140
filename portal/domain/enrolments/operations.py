"""Rows of enrolments, begun and brought from state to state. `onboarding` calls these, with the seat and the money."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import db
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake, Material
from portal.domain.enrolments.access import open_materials
from portal.domain.enrolments.models import CURRENT, Enrolment, EnrolmentState
from portal.domain.enrolments.transitions import ENDED, EnrolmentStep, state_after
from portal.domain.errors import Conflict, NotFound
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

ALREADY = "This person is enrolled in this intake already."


def begin(session: Session, actor: Actor, intake_id: UUID, user_id: UUID, reason: str, *, at: datetime) -> Enrolment:
    """Enrol a person who has a seat; a second click meets the unique index and is refused."""
    current = select(Enrolment.id).where(
        Enrolment.intake_id == intake_id, Enrolment.user_id == user_id, Enrolment.state.in_(CURRENT)
    )
    if session.scalar(current) is not None:
        raise Conflict(ALREADY)
    enrolment = Enrolment(
        intake_id=intake_id,
        user_id=user_id,
        state=EnrolmentState.ACTIVE,
        enrolled_at=at,
        enrolled_by=actor.id,
        reason=reason,
        created_at=at,
    )
    session.add(enrolment)
    try:
        session.flush()
    except IntegrityError as error:
        if db.constraint_of(error) == "uq_enrolments_intake_id_user_id_current":
            raise Conflict(ALREADY) from error
        raise
    return enrolment


def take_step(
    session: Session, actor: Actor, enrolment: Enrolment, step: EnrolmentStep, reason: str, *, at: datetime
) -> None:
    """Bring a locked enrolment to the state this step leads to, and write it down."""
    before, after = enrolment.state, state_after(enrolment.state, step)
    enrolment.state = after
    enrolment.reason = reason
    if after in ENDED and enrolment.ended_at is None:
        enrolment.ended_at = at
    audit.record(
        session,
        actor,
        f"enrolment:{step}",
        enrolment,
        for_user=enrolment.user_id,
        before={"state": before},
        after={"state": after, "reason": reason},
        at=at,
    )


def lock_enrolment(session: Session, enrolment_id: UUID) -> Enrolment:
    """Return an enrolment as it is now, held until the end of the transaction."""
    statement = select(Enrolment).where(Enrolment.id == enrolment_id).with_for_update(key_share=True)
    enrolment = session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if enrolment is None:
        raise NotFound
    return enrolment


def intake_of(session: Session, enrolment_id: UUID) -> UUID:
    """Return the intake of an enrolment, which is locked before it; an enrolment never moves to another."""
    intake_id = session.scalar(select(Enrolment.intake_id).where(Enrolment.id == enrolment_id))
    if intake_id is None:
        raise NotFound
    return intake_id


def announce_material(session: Session, material_id: UUID, *, at: datetime) -> int:
    """Tell those who may open a material that it is there, each once; nobody where it was taken back meanwhile."""
    material = session.execute(
        select(Material.title, Course.title.label("course"))
        .join(Intake, Intake.id == Material.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Material.id == material_id)
    ).one_or_none()
    if material is None:
        return 0
    may_open = (
        select(Enrolment.user_id)
        .join(Material, Material.intake_id == Enrolment.intake_id)
        .where(Material.id == material_id, Enrolment.state == EnrolmentState.ACTIVE, *open_materials(at))
    )
    return notifications.tell(
        session,
        session.scalars(may_open).all(),
        NotificationKind.MATERIAL_RELEASED,
        key=f"material-released:{material_id}",
        at=at,
        course=material.course,
        title=material.title,
        path=f"/student/materials/{material_id}",
    )
