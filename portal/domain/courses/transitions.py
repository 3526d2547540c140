"""The states of a course in the catalogue and the only ways between them."""

from __future__ import annotations

from enum import StrEnum

from portal.domain.courses.models import CourseState
from portal.domain.errors import Conflict


class CourseStep(StrEnum):
    PUBLISH = "publish"
    ARCHIVE = "archive"


TRANSITIONS: dict[tuple[CourseState, CourseStep], CourseState] = {
    (CourseState.DRAFT, CourseStep.PUBLISH): CourseState.PUBLISHED,
    (CourseState.ARCHIVED, CourseStep.PUBLISH): CourseState.PUBLISHED,
    (CourseState.DRAFT, CourseStep.ARCHIVE): CourseState.ARCHIVED,
    (CourseState.PUBLISHED, CourseStep.ARCHIVE): CourseState.ARCHIVED,
}

REFUSALS: dict[tuple[CourseState, CourseStep], str] = {
    (CourseState.PUBLISHED, CourseStep.PUBLISH): "This course is published already.",
    (CourseState.ARCHIVED, CourseStep.ARCHIVE): "This course is archived already.",
}


def state_after(state: CourseState | str, step: CourseStep) -> CourseState:
    """Return the state this step leads to; raise `Conflict` where no arrow leads from here."""
    state = CourseState(state)
    if (state, step) not in TRANSITIONS:
        raise Conflict(REFUSALS[state, step])
    return TRANSITIONS[state, step]


def can(state: CourseState | str, step: CourseStep) -> bool:
    """Return whether this step may be taken from here, so that a page offers only what is possible."""
    return (CourseState(state), step) in TRANSITIONS
