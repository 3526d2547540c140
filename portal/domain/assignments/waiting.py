"""Which submissions wait: for a mark, or for their mark to be released. Conditions that lists and counts share."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_, select, tuple_
from sqlalchemy.orm import aliased

from portal.db import among
from portal.domain.assignments.models import Assignment, CountedAttempt, Grade, Submission, SubmissionState

HANDED_IN = (SubmissionState.SUBMITTED, SubmissionState.GRADED, SubmissionState.RETURNED)


def waits_for_mark() -> ColumnElement[bool]:
    """Handed in and without a mark; where the latest attempt counts, one that was replaced waits no more.

    Of `Submission` joined to its `Assignment`.
    """
    return and_(
        Submission.state == SubmissionState.SUBMITTED,
        or_(Assignment.counted_attempt == CountedAttempt.BEST, ~Submission.replaced),
    )


def mark_is_held_back() -> ColumnElement[bool]:
    """Marked, and the newest mark of a student has not been shown yet: of any member of a group. Of `Submission`."""
    later = aliased(Grade)
    replaced = exists().where(
        later.submission_id == Grade.submission_id,
        later.enrolment_id == Grade.enrolment_id,
        tuple_(later.graded_at, later.id) > tuple_(Grade.graded_at, Grade.id),
    )
    not_shown = (
        select(Grade.id)
        .where(Grade.submission_id == Submission.id, Grade.released_at.is_(None), ~replaced)
        .correlate(Submission)
        .exists()
    )
    return and_(among(Submission.state, [SubmissionState.GRADED, SubmissionState.RETURNED]), not_shown)
