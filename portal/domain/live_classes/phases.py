"""What a class is at a moment, and whether a student may join it online then. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.enrolments.access import may_join_online
from portal.domain.enrolments.models import EnrolmentState
from portal.domain.live_classes.models import LiveClassState

JOINING_OPENS = timedelta(minutes=15)  # before the start: time to find the room, too short to pass the link around


class Phase(StrEnum):
    AHEAD = "ahead"
    OPENING = "opening"
    """Shortly before the start: the meeting link is given out."""
    RUNNING = "running"
    OVER = "over"
    CANCELLED = "cancelled"


MEETING = (Phase.OPENING, Phase.RUNNING)
"""While the meeting link is given out."""


class Joining(StrEnum):
    """Whether a student may join online now, and otherwise why not."""

    OPEN = "open"
    NOT_YET = "not_yet"
    OVER = "over"
    CANCELLED = "cancelled"
    IN_A_ROOM = "in_a_room"
    """It meets in a room only: there is no link."""
    NOT_ENROLLED = "not_enrolled"
    """The enrolment is suspended or has ended: the timetable stays visible, the meeting does not open."""
    ACCESS_CLOSED = "access_closed"


def phase_of(state: LiveClassState | str, starts_at: datetime, ends_at: datetime, at: datetime) -> Phase:
    """Return the phase by the clock; the stored state only decides where the clock cannot know."""
    if state == LiveClassState.CANCELLED:
        return Phase.CANCELLED
    if state == LiveClassState.ENDED or at >= ends_at:
        return Phase.OVER
    if at >= starts_at:
        return Phase.RUNNING
    return Phase.OPENING if at >= starts_at - JOINING_OPENS else Phase.AHEAD


def joining_of(
    phase: Phase, *, online: bool, enrolment_state: EnrolmentState | str, access_until: datetime | None, at: datetime
) -> Joining:
    """Return whether a student with this enrolment may join now; what cannot change by waiting is said first."""
    if phase is Phase.CANCELLED:
        return Joining.CANCELLED
    if phase is Phase.OVER:
        return Joining.OVER
    if not online:
        return Joining.IN_A_ROOM
    if enrolment_state != EnrolmentState.ACTIVE:
        return Joining.NOT_ENROLLED
    if not may_join_online(enrolment_state, access_until, at=at):
        return Joining.ACCESS_CLOSED
    return Joining.OPEN if phase in MEETING else Joining.NOT_YET
