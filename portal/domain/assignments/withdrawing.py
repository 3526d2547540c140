"""A student takes back what was handed in by mistake, until it is due."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import changed
from portal.domain.assignments.checking import lock_for_work, refuse_by_state
from portal.domain.assignments.models import Submission, SubmissionState
from portal.domain.assignments.transitions import Handing, next_submission_state
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, NotFound
from portal.domain.permissions import Actor

TOO_LATE = "It has fallen due, so what you handed in stands. Ask your trainer if you sent the wrong thing."
QUIZ_STANDS = "A quiz stands as it was handed in. You can begin again if it has an attempt left."


def withdraw_submission(session: Session, actor: Actor, submission_id: UUID, *, at: datetime) -> Submission:
    """Return the attempt, which counts for nothing now; its receipt and its files stay."""
    assignment_id = session.scalar(
        select(Submission.assignment_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(
            Submission.id == submission_id,
            Enrolment.user_id == actor.person_id,
            Submission.state != SubmissionState.DRAFT,
        )
    )
    if assignment_id is None:
        raise NotFound
    enrolment, assignment, dates = lock_for_work(session, actor, assignment_id)
    refuse_by_state(enrolment, assignment)
    if assignment.question_points is not None:
        raise Conflict(QUIZ_STANDS)
    statement = select(Submission).where(Submission.id == submission_id, Submission.enrolment_id == enrolment.id)
    submission = session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if submission is None:  # of an earlier enrolment in the same intake
        raise NotFound
    before = submission.state
    withdrawn = next_submission_state(before, Handing.WITHDRAW)
    if at > dates.due_at:
        raise Conflict(TOO_LATE)
    submission.state = withdrawn
    session.flush()
    audit.record(
        session,
        actor,
        "submission:withdraw",
        submission,
        for_user=enrolment.user_id,
        before={"state": before},
        after={"state": withdrawn},
        at=at,
    )
    changed(session, "submissions")
    return submission
