"""Giving a student the way into an online class, in its time and to nobody else."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.errors import Conflict
from portal.domain.live_classes.models import LiveClass
from portal.domain.live_classes.phases import Joining, joining_of, phase_of
from portal.domain.live_classes.queries import StudentClass, class_of_student

REFUSALS: dict[Joining, str] = {
    Joining.NOT_YET: "The meeting opens 15 minutes before the class begins.",
    Joining.OVER: "This class is over.",
    Joining.CANCELLED: "This class was cancelled.",
    Joining.IN_A_ROOM: "This class meets in a room; there is no meeting to join.",
    Joining.NOT_ENROLLED: "Your enrolment is not active, so online classes are closed to you. Ask the office.",
    Joining.ACCESS_CLOSED: "Joining online classes is closed until your fees are settled. Ask the office.",
}


def meeting_for(session: Session, student_id: UUID, live_class_id: UUID, *, at: datetime) -> str:
    """Return the meeting link of a class this student may join now; raise `Conflict` with the reason otherwise."""
    found = class_of_student(session, student_id, live_class_id)
    joining = joining_now(found, at=at)
    if joining is not Joining.OPEN:
        raise Conflict(REFUSALS[joining])
    link = session.scalar(select(LiveClass.meeting_url).where(LiveClass.id == live_class_id))
    if link is None:
        raise Conflict(REFUSALS[Joining.IN_A_ROOM])
    return link


def joining_now(found: StudentClass, *, at: datetime) -> Joining:
    """Return whether the student of this row may join now."""
    phase = phase_of(found.state, found.starts_at, found.ends_at, at)
    return joining_of(
        phase,
        online=found.online,
        enrolment_state=found.enrolment_state,
        access_until=found.access_until,
        at=at,
    )
