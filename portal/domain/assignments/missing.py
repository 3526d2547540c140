"""Reminding those who have not handed in: at most once a day, however often it is pressed and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.models import Assignment, AssignmentState, Submission, SubmissionMember
from portal.domain.assignments.own_dates import of_extension, own
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import Conflict, NotFound
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor


def remind_of_work(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> int:
    """Remind the students who have handed in nothing; return how many were not reminded today already."""
    row = session.execute(
        select(Assignment, Course.title)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Assignment.id == assignment_id, IntakeTrainer.user_id == actor.person_id)
        .with_for_update(read=True, of=Assignment)
    ).one_or_none()
    if row is None:
        raise NotFound
    assignment: Assignment = row[0]
    _refuse_when_nothing_is_taken(assignment, at)
    missing = [student for student in _without_work(session, assignment) if student.closes_at >= at]
    if not missing and at > (assignment.cut_off_at or assignment.due_at):
        raise Conflict("The time to hand in has passed, so nobody is reminded of it.")
    told = 0
    for due_at, students in groupby(missing, key=lambda student: student.due_at):
        told += notifications.tell(
            session,
            [student.user_id for student in students],
            NotificationKind.ASSIGNMENT_REMINDER,
            key=f"assignment-reminder:{assignment.id}:{at.astimezone(UTC):%Y-%m-%d}",
            at=at,
            course=row[1],
            title=assignment.title,
            due_at=due_at.isoformat(),
            path=f"/student/assignments/{assignment.id}",
        )
    if told:
        audit.record(session, actor, "assignment:remind", assignment, after={"students": told}, at=at)
    return told


def _refuse_when_nothing_is_taken(assignment: Assignment, at: datetime) -> None:
    if assignment.state != AssignmentState.PUBLISHED:
        raise Conflict("Nothing is taken for this assignment, so nobody is reminded of it.")
    if assignment.opens_at is not None and at < assignment.opens_at:
        raise Conflict("It is not open yet, so nobody is reminded of it.")


def _without_work(session: Session, assignment: Assignment) -> Sequence[Row[UUID, datetime, datetime]]:
    """Return who studies and has handed in nothing, each with their own dates, in the order of these."""
    handed_in = (
        select(Submission.id)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            Submission.assignment_id == assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .correlate(Enrolment)
        .exists()
    )
    due_at = own(Assignment.due_at)
    students = (
        select(
            Enrolment.user_id,
            due_at.label("due_at"),
            func.coalesce(own(Assignment.cut_off_at), due_at).label("closes_at"),
        )
        .join(Assignment, Assignment.intake_id == Enrolment.intake_id)
        .outerjoin(ExtendedDate, of_extension())
        .where(Assignment.id == assignment.id, Enrolment.state == EnrolmentState.ACTIVE, ~handed_in)
    )
    return session.execute(students.order_by(due_at, Enrolment.user_id)).all()
