"""Where seats, enrolments and students' numbers meet: enrolling by hand, withdrawing, suspending, access."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts import operations as accounts
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake
from portal.domain.courses.seats import lock_intake, release_seat, take_seat
from portal.domain.enrolments import operations as enrolments
from portal.domain.enrolments.models import Enrolment
from portal.domain.enrolments.transitions import EnrolmentStep
from portal.domain.errors import Conflict, Forbidden, Invalid
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor, Permission, Role

LONGEST_REASON = 500


def enrol_by_hand(
    session: Session, actor: Actor, intake_id: UUID, user_id: UUID, reason: str, *, at: datetime
) -> Enrolment:
    """Give a student a seat in an intake, and a student number with their first; refuse a full intake."""
    _refuse_others(actor)
    reason = _checked_reason(reason)
    intake = lock_intake(session, intake_id)
    person = accounts.lock_person(session, user_id)
    if person.role != Role.STUDENT:
        raise Conflict(f"{person.name} is not a student.")
    if person.deactivated_at is not None:
        raise Conflict(f"{person.name} is deactivated. Reactivate the account first.")
    if intake.ends_on < at.date():
        raise Conflict(f"{intake.title} has ended.")
    take_seat(session, intake_id, user_id, at=at)
    enrolment = enrolments.begin(session, actor, intake_id, user_id, reason, at=at)
    accounts.ensure_student_number(session, actor, user_id, at=at)
    audit.record(
        session, actor, "enrolment:begin", enrolment, for_user=user_id,
        after={"state": enrolment.state, "reason": reason}, at=at,
    )  # fmt: skip
    _tell(session, enrolment, intake, NotificationKind.ENROLLED, at=at)
    db.changed(session, "enrolments")
    return enrolment


def withdraw(session: Session, actor: Actor, enrolment_id: UUID, reason: str, *, at: datetime) -> Enrolment:
    """End an enrolment and free its seat; work, marks and receipts stay with the student."""
    enrolment, intake = _held(session, actor, enrolment_id)
    reason = _checked_reason(reason)
    release_seat(session, intake.id, enrolment.user_id)
    enrolments.take_step(session, actor, enrolment, EnrolmentStep.WITHDRAW, reason, at=at)
    _tell(session, enrolment, intake, NotificationKind.ENROLMENT_ENDED, at=at, reason=reason)
    db.changed(session, "enrolments")
    return enrolment


def suspend(session: Session, actor: Actor, enrolment_id: UUID, reason: str, *, at: datetime) -> Enrolment:
    """Close an enrolment's materials and classes for a while; the seat is kept."""
    enrolment, _ = _held(session, actor, enrolment_id)
    enrolments.take_step(session, actor, enrolment, EnrolmentStep.SUSPEND, _checked_reason(reason), at=at)
    db.changed(session, "enrolments")
    return enrolment


def resume(session: Session, actor: Actor, enrolment_id: UUID, reason: str, *, at: datetime) -> Enrolment:
    """End a suspension: everything is open again."""
    enrolment, _ = _held(session, actor, enrolment_id)
    enrolments.take_step(session, actor, enrolment, EnrolmentStep.RESUME, _checked_reason(reason), at=at)
    db.changed(session, "enrolments")
    return enrolment


def set_access_until(
    session: Session, actor: Actor, enrolment_id: UUID, access_until: datetime | None, *, at: datetime
) -> Enrolment:
    """Say until when an enrolment opens what is newly released; None: without an end."""
    enrolment, _ = _held(session, actor, enrolment_id)
    before, enrolment.access_until = enrolment.access_until, access_until
    audit.record(
        session, actor, "enrolment:set-access", enrolment, for_user=enrolment.user_id,
        before={"access_until": before}, after={"access_until": access_until}, at=at,
    )  # fmt: skip
    return enrolment


def _held(session: Session, actor: Actor, enrolment_id: UUID) -> tuple[Enrolment, Intake]:
    """Return an enrolment and its intake, locked in the order of all that competes."""
    _refuse_others(actor)
    intake = lock_intake(session, enrolments.intake_of(session, enrolment_id))
    return enrolments.lock_enrolment(session, enrolment_id), intake


def _refuse_others(actor: Actor) -> None:
    if not actor.may(Permission.MANAGE_ENROLMENTS):
        raise Forbidden("Only admins with the registrar duty manage enrolments.")


def _checked_reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise Invalid("Say why.", fields={"reason": "Say why: the trail keeps it."})
    if len(reason) > LONGEST_REASON:
        raise Invalid("The reason is too long.", fields={"reason": f"At most {LONGEST_REASON} characters."})
    return reason


def _tell(
    session: Session, enrolment: Enrolment, intake: Intake, kind: NotificationKind, *, at: datetime, **more: str
) -> None:
    course = session.get_one(Course, intake.course_id)
    path = "/student/courses" if kind is NotificationKind.ENROLMENT_ENDED else f"/student/courses/{intake.id}"
    notifications.tell(
        session,
        [enrolment.user_id],
        kind,
        key=f"{kind}:{enrolment.id}",
        at=at,
        path=path,
        course=course.title,
        intake=intake.title,
        starts_on=intake.starts_on.isoformat(),
        **more,
    )
