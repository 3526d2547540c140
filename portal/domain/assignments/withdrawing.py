"""A student takes back what was handed in by mistake, until it is due; of a group's work any member does."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from portal.db import changed
from portal.domain.accounts.models import User
from portal.domain.assignments.checking import lock_for_work, refuse_by_state
from portal.domain.assignments.group_work import lock_group
from portal.domain.assignments.models import Assignment, Submission, SubmissionMember, SubmissionState
from portal.domain.assignments.transitions import Handing, next_submission_state
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, NotFound
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

OF_ANOTHER_GROUP = "You are no longer in the group that handed this in; only its members withdraw it."
TOO_LATE = "It has fallen due, so what you handed in stands. Ask your trainer if you sent the wrong thing."
QUIZ_STANDS = "A quiz stands as it was handed in. You can begin again if it has an attempt left."


def withdraw_submission(session: Session, actor: Actor, submission_id: UUID, *, at: datetime) -> Submission:
    """Return the attempt, which counts for nothing now; its receipt and its files stay."""
    assignment_id = session.scalar(
        select(Submission.assignment_id)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
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
    group = lock_group(session, enrolment, assignment)
    alone = and_(Submission.enrolment_id == enrolment.id, Submission.group_id.is_(None))
    whose = alone if group is None else Submission.group_id == group.id
    statement = select(Submission).where(Submission.id == submission_id, whose)
    submission = session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if submission is None and assignment.group_formation is not None:
        raise Conflict(OF_ANOTHER_GROUP)
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
    _tell_the_others(session, actor, assignment, submission, at)
    changed(session, "submissions")
    return submission


def _tell_the_others(
    session: Session, actor: Actor, assignment: Assignment, submission: Submission, at: datetime
) -> None:
    """Tell the other members of a group who withdrew their work."""
    others = (
        select(Enrolment.user_id)
        .join(SubmissionMember, SubmissionMember.enrolment_id == Enrolment.id)
        .where(SubmissionMember.submission_id == submission.id, Enrolment.user_id != actor.person_id)
    )
    told = session.scalars(others).all() if submission.group_id is not None else ()
    if not told:
        return
    notifications.tell(
        session,
        told,
        NotificationKind.SUBMISSION_WITHDRAWN,
        key=f"submission-withdrawn:{submission.id}",
        at=at,
        title=assignment.title,
        number=submission.number,
        by=session.get_one(User, actor.person_id).name,
        path=f"/student/assignments/{assignment.id}",
    )
