"""The states of a live class and the only ways between them."""

from __future__ import annotations

from enum import StrEnum

from portal.domain.errors import Conflict
from portal.domain.live_classes.models import LiveClassState


class Step(StrEnum):
    BEGIN = "begin"
    END = "end"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[LiveClassState, Step], LiveClassState] = {
    (LiveClassState.SCHEDULED, Step.BEGIN): LiveClassState.LIVE,
    (LiveClassState.LIVE, Step.END): LiveClassState.ENDED,
    (LiveClassState.SCHEDULED, Step.CANCEL): LiveClassState.CANCELLED,
    (LiveClassState.LIVE, Step.CANCEL): LiveClassState.CANCELLED,
}

REFUSALS: dict[LiveClassState, str] = {
    LiveClassState.SCHEDULED: "This class has not begun yet.",
    LiveClassState.LIVE: "This class has begun already.",
    LiveClassState.ENDED: "This class has ended; what was held stays in the timetable.",
    LiveClassState.CANCELLED: "This class was cancelled already.",
}


def state_after(state: LiveClassState | str, step: Step) -> LiveClassState:
    """Return the state this step leads to; raise `Conflict` where no arrow leads from here."""
    state = LiveClassState(state)
    if (state, step) not in TRANSITIONS:
        raise Conflict(REFUSALS[state])
    return TRANSITIONS[state, step]
