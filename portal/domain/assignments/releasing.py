"""Releasing marks: the newest of each member is shown to its student, once, and the student is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal.db import changed
from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionState
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.transitions import Marking, next_submission_state
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

HELD_TOGETHER = (
    "The marks of this assignment are held back until all of them are released together, on the page of the assignment."
)


def release_marks(
    session: Session, actor: Actor, submission_ids: Iterable[UUID], *, enrolment_id: UUID | None = None, at: datetime
) -> int:
    """Show the students the newest marks of these submissions; return how many submissions that were.

    Of a group's work all members see theirs, or the one that is named.
    """
    chosen = taught(actor).where(Submission.id.in_(sorted(set(submission_ids))))
    if session.scalar(chosen.where(Assignment.hold_marks).with_only_columns(Submission.id).limit(1)) is not None:
        raise Conflict(HELD_TOGETHER)
    statement = chosen.order_by(Submission.id)
    return _release(session, actor, statement, at, enrolment_id)


def release_all_marks(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> int:
    """Show all marks of an assignment that are held back, together; return of how many submissions."""
    statement = taught(actor).where(Submission.assignment_id == assignment_id).order_by(Submission.id)
    return _release(session, actor, statement, at)


def release_computed_mark(session: Session, actor: Actor, submission_id: UUID, *, at: datetime) -> None:
    """Show a student the mark that the portal itself has just given."""
    _release(session, actor, select(Submission).where(Submission.id == submission_id), at)


def taught(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Select submissions, with their assignments, that were handed in to intakes this person teaches."""
    return (
        select(Submission, Assignment)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(IntakeTrainer.user_id == actor.person_id, Submission.state != SubmissionState.DRAFT)
    )


def _release(
    session: Session,
    actor: Actor,
    statement: Select[*tuple[Any, ...]],
    at: datetime,
    enrolment_id: UUID | None = None,
) -> int:
    session.flush()
    locked = session.scalars(statement.with_for_update(of=Submission).execution_options(populate_existing=True)).all()
    submissions = {submission.id: submission for submission in locked}
    held = [row for row in _held_back(session, list(submissions)) if enrolment_id in {None, row.enrolment_id}]
    if not held:
        raise Conflict("There is no mark to release: either nothing is marked yet, or all of it is released.")
    session.execute(update(Grade).where(Grade.id.in_([row.id for row in held])).values(released_at=at))
    for submission_id in dict.fromkeys(row.submission_id for row in held):
        submission = submissions[submission_id]
        before = submission.state
        submission.state = next_submission_state(before, Marking.RELEASE)
        audit.record(
            session,
            actor,
            "submission:release",
            submission,
            before={"state": before},
            after={"state": submission.state, "grades": [row.id for row in held if row.submission_id == submission_id]},
            at=at,
        )
    for row in held:
        _tell(session, row, at)
    changed(session, "submissions")
    return len({row.submission_id for row in held})


def _held_back(session: Session, submission_ids: Sequence[UUID]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the newest mark of each member where it has not been shown; earlier ones were replaced unseen."""
    newest = (
        select(
            Grade.id,
            Grade.submission_id,
            Grade.enrolment_id,
            Grade.released_at,
            Enrolment.user_id,
            Assignment.id.label("assignment_id"),
            Assignment.title,
            Course.title.label("course"),
        )
        .ext(distinct_on(Grade.submission_id, Grade.enrolment_id))
        .join(Enrolment, Enrolment.id == Grade.enrolment_id)
        .join(Submission, Submission.id == Grade.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Grade.submission_id.in_(submission_ids))
        .order_by(Grade.submission_id, Grade.enrolment_id, *NEWEST_FIRST)
        .subquery()
    )
    return session.execute(select(newest).where(newest.c.released_at.is_(None))).all()


def _tell(session: Session, row: Row[*tuple[Any, ...]], at: datetime) -> None:
    notifications.tell(
        session,
        [row.user_id],
        NotificationKind.MARK_RELEASED,
        key=f"mark-released:{row.id}",
        at=at,
        course=row.course,
        title=row.title,
        path=f"/student/assignments/{row.assignment_id}",
    )
