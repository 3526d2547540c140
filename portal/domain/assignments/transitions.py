"""The arrows along which an assignment and a submission change their state; everything else is refused by name."""

from __future__ import annotations

from enum import StrEnum

from portal.domain.assignments.models import AssignmentState, SubmissionState
from portal.domain.errors import Conflict


class Setting(StrEnum):
    """What a trainer does with an assignment."""

    EDIT = "edit"
    PUBLISH = "publish"
    ARCHIVE = "archive"


class Marking(StrEnum):
    """What a trainer does with a submission."""

    GRADE = "grade"
    RELEASE = "release"


class Handing(StrEnum):
    """What a student does with a submission."""

    WITHDRAW = "withdraw"


ASSIGNMENT: dict[tuple[AssignmentState, Setting], AssignmentState] = {
    (AssignmentState.DRAFT, Setting.EDIT): AssignmentState.DRAFT,
    (AssignmentState.DRAFT, Setting.PUBLISH): AssignmentState.PUBLISHED,
    (AssignmentState.DRAFT, Setting.ARCHIVE): AssignmentState.ARCHIVED,
    (AssignmentState.PUBLISHED, Setting.EDIT): AssignmentState.PUBLISHED,
    (AssignmentState.PUBLISHED, Setting.ARCHIVE): AssignmentState.ARCHIVED,
}

SUBMISSION: dict[tuple[SubmissionState, Marking | Handing], SubmissionState] = {
    (SubmissionState.SUBMITTED, Handing.WITHDRAW): SubmissionState.WITHDRAWN,
    (SubmissionState.SUBMITTED, Marking.GRADE): SubmissionState.GRADED,
    (SubmissionState.GRADED, Marking.GRADE): SubmissionState.GRADED,
    (SubmissionState.GRADED, Marking.RELEASE): SubmissionState.RETURNED,
    # a mark may be changed after it was shown: a further row, which is shown in its turn
    (SubmissionState.RETURNED, Marking.GRADE): SubmissionState.RETURNED,
    (SubmissionState.RETURNED, Marking.RELEASE): SubmissionState.RETURNED,
}

_REFUSED_ASSIGNMENT = {
    AssignmentState.DRAFT: "This assignment is still a draft.",
    AssignmentState.PUBLISHED: "This assignment is published already.",
    AssignmentState.ARCHIVED: "This assignment is archived: it stays as it was.",
}
_REFUSED_SUBMISSION = {
    SubmissionState.DRAFT: "This work has not been handed in yet.",
    SubmissionState.SUBMITTED: "This work has no mark yet.",
    SubmissionState.GRADED: "This work has a mark already.",
    SubmissionState.RETURNED: "The mark of this work has been released already.",
    SubmissionState.WITHDRAWN: "This work was withdrawn by the student.",
}


def next_assignment_state(state: str, action: Setting) -> AssignmentState:
    """Return the state an assignment comes into, or refuse with the reason."""
    now = AssignmentState(state)
    if (now, action) not in ASSIGNMENT:
        raise Conflict(_REFUSED_ASSIGNMENT[now])
    return ASSIGNMENT[now, action]


def next_submission_state(state: str, action: Marking | Handing) -> SubmissionState:
    """Return the state a submission comes into, or refuse with the reason."""
    now = SubmissionState(state)
    if (now, action) not in SUBMISSION:
        raise Conflict(_REFUSED_SUBMISSION[now])
    return SUBMISSION[now, action]
