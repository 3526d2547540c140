"""Seats of an intake: never more rows than the intake has, whoever comes at the same moment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import db
from portal.domain.courses.models import Intake, Seat
from portal.domain.errors import Conflict, NotFound


def lock_intake(session: Session, intake_id: UUID) -> Intake:
    """Return an intake as it is now, held until the end of the transaction: the first lock of all that competes.

    The lock leaves the key alone, so that rows which only refer to the intake need not wait.
    """
    statement = select(Intake).where(Intake.id == intake_id).with_for_update(key_share=True)
    intake = session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if intake is None:
        raise NotFound
    return intake


def take_seat(session: Session, intake_id: UUID, user_id: UUID, *, at: datetime) -> bool:
    """Take a seat for a person and return True, or False where they have one; refuse where all are taken."""
    intake = lock_intake(session, intake_id)
    if session.get(Seat, (intake_id, user_id), populate_existing=True) is not None:
        return False
    if intake.seats_taken >= intake.seats:
        raise Conflict(f"{intake.title} is full: all {intake.seats} seats are taken.")
    session.add(Seat(intake_id=intake_id, user_id=user_id, taken_at=at))
    session.flush()
    session.refresh(intake, ["seats_taken"])  # counted by the table's own trigger
    db.changed(session, "catalogue")
    return True


def release_seat(session: Session, intake_id: UUID, user_id: UUID) -> bool:
    """Free a person's seat for somebody else; return whether they had one."""
    intake = lock_intake(session, intake_id)
    session.flush()
    freed = session.execute(
        delete(Seat).where(Seat.intake_id == intake_id, Seat.user_id == user_id).returning(Seat.user_id)
    ).all()
    session.refresh(intake, ["seats_taken"])
    db.changed(session, "catalogue")
    return bool(freed)
