"""Which of several attempts counts, and which of several marks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, SQLColumnExpression, case, select

from portal.domain.assignments.models import Assignment, CountedAttempt, Grade, Submission, SubmissionMember

NEWEST_FIRST = Grade.graded_at.desc(), Grade.id.desc()
"""The order of marks in which the one that stands comes first."""


def newest_mark(told: Any) -> ScalarSelect[Any]:
    """Return this of the mark that stands for one for whom a submission counts."""
    return (
        select(told)
        .where(Grade.submission_id == Submission.id, Grade.enrolment_id == SubmissionMember.enrolment_id)
        .order_by(*NEWEST_FIRST)
        .limit(1)
        .correlate(Submission, SubmissionMember)
        .scalar_subquery()
    )


def what_counts_first(
    points: SQLColumnExpression[Any], attempt: SQLColumnExpression[Any]
) -> tuple[ColumnElement[Any], ...]:
    """The order in which the attempt that counts comes first, among those of an `Assignment` that are marked."""
    best_first = case((Assignment.counted_attempt == CountedAttempt.BEST, points))
    return best_first.desc().nulls_last(), attempt.desc()
