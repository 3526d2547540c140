"""The way into an online class: given in its time, to those who may come in, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.enrolments.access import may_join_online
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict
from portal.domain.live_classes.models import LiveClass
from portal.domain.live_classes.phases import MEETING, Joining, joining_of, phase_of
from portal.domain.live_classes.queries import ClassRow, StudentClass, class_of_student, of_staff
from portal.domain.permissions import Actor, Role

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


def meetings_open_to(session: Session, person: Actor, classes: Iterable[ClassRow], *, at: datetime) -> dict[UUID, str]:
    """Return the links of those of these classes that this person may enter now, in one statement for all."""
    near = [row.id for row in classes if row.online and phase_of(row.state, row.starts_at, row.ends_at, at) in MEETING]
    if not near:
        return {}
    links = select(LiveClass.id, LiveClass.meeting_url).where(LiveClass.id.in_(near))
    if person.role is not Role.STUDENT:
        whose = of_staff(person)
        found = session.execute(links.where(whose.condition), whose.parameters)
        return {row.id: row.meeting_url for row in found}
    own = (
        links.add_columns(Enrolment.state, Enrolment.access_until)
        .join(Enrolment, Enrolment.intake_id == LiveClass.intake_id)
        .where(Enrolment.user_id == person.person_id)
    )
    return {
        row.id: row.meeting_url for row in session.execute(own) if may_join_online(row.state, row.access_until, at=at)
    }


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
