"""Which submissions wait: for a mark, or for their mark to be released. Conditions that lists and counts share."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select

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
    """Marked, and the newest mark has not been shown to the student yet. Of `Submission`."""
    newest_shown = (
        select(Grade.released_at)
        .where(Grade.submission_id == Submission.id)
        .order_by(Grade.graded_at.desc(), Grade.id.desc())
        .limit(1)
        .correlate(Submission)
        .scalar_subquery()
    )
    return and_(among(Submission.state, [SubmissionState.GRADED, SubmissionState.RETURNED]), newest_shown.is_(None))
