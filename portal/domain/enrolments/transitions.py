"""The states of an enrolment and the only ways between them."""

from __future__ import annotations

from enum import StrEnum

from portal.domain.enrolments.models import EnrolmentState
from portal.domain.errors import Conflict


class EnrolmentStep(StrEnum):
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    COMPLETE = "complete"
    DEFER = "defer"


TRANSITIONS: dict[tuple[EnrolmentState, EnrolmentStep], EnrolmentState] = {
    (EnrolmentState.ACTIVE, EnrolmentStep.SUSPEND): EnrolmentState.SUSPENDED,
    (EnrolmentState.SUSPENDED, EnrolmentStep.RESUME): EnrolmentState.ACTIVE,
    (EnrolmentState.ACTIVE, EnrolmentStep.WITHDRAW): EnrolmentState.WITHDRAWN,
    (EnrolmentState.SUSPENDED, EnrolmentStep.WITHDRAW): EnrolmentState.WITHDRAWN,
    (EnrolmentState.ACTIVE, EnrolmentStep.COMPLETE): EnrolmentState.COMPLETED,
    (EnrolmentState.WITHDRAWN, EnrolmentStep.DEFER): EnrolmentState.DEFERRED,
}

ENDED = frozenset({EnrolmentState.WITHDRAWN, EnrolmentState.COMPLETED, EnrolmentState.DEFERRED})

REFUSALS: dict[EnrolmentState, str] = {
    EnrolmentState.ACTIVE: "This enrolment is active.",
    EnrolmentState.SUSPENDED: "This enrolment is suspended. Resume it first.",
    EnrolmentState.WITHDRAWN: "This enrolment was withdrawn already.",
    EnrolmentState.COMPLETED: "This enrolment is completed.",
    EnrolmentState.DEFERRED: "This enrolment was deferred to a later intake.",
}


def state_after(state: EnrolmentState | str, step: EnrolmentStep) -> EnrolmentState:
    """Return the state this step leads to; raise `Conflict` where no arrow leads from here."""
    state = EnrolmentState(state)
    if (state, step) not in TRANSITIONS:
        raise Conflict(REFUSALS[state])
    return TRANSITIONS[state, step]


def can(state: EnrolmentState | str, step: EnrolmentStep) -> bool:
    """Return whether this step may be taken from here, so that a page offers only what is possible."""
    return (EnrolmentState(state), step) in TRANSITIONS
