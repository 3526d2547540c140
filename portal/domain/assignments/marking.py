"""Marking: what a trainer types is kept, a mark is a new row every time, and nothing is shown before its release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from portal.db import changed, uuid7
from portal.domain.assignments.models import (
    Assignment,
    Grade,
    MarkingDraft,
    Submission,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.transitions import Marking, next_submission_state
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

LONGEST_FEEDBACK = 20_000  # characters
LONGEST_POINTS = 20  # characters of a draft, kept as typed even where it is no number yet
_POINTS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,2})?")


@dataclass(frozen=True, kw_only=True)
class GradeSubmission:
    """A mark as a trainer gives it."""

    submission_id: UUID
    points: Decimal
    feedback: str = ""
    release: bool = False
    """Whether the student sees it at once."""


def points_of(text: str, most: int) -> Decimal:
    """Return the points that a trainer typed: from 0 to the assignment's points, with at most two decimals."""
    if not _POINTS.fullmatch(text.strip()) or Decimal(text.strip()) > most:
        raise Invalid(
            "The mark is not saved; what you typed is kept.",
            fields={"points": f"A number from 0 to {most}, with at most two decimals, such as {most * 3 // 4}.5"},
        )
    return Decimal(text.strip()).quantize(Decimal("0.01"))


def save_draft(
    session: Session, actor: Actor, submission_id: UUID, *, points: str, feedback: str, at: datetime
) -> None:
    """Keep what a trainer has typed so far, exactly as typed; it is theirs alone."""
    if len(points) > LONGEST_POINTS or len(feedback) > LONGEST_FEEDBACK:
        raise Invalid(f"Feedback may have {LONGEST_FEEDBACK:,} characters; put more into a file.")
    if session.scalar(_taught(actor).where(Submission.id == submission_id).with_only_columns(Submission.id)) is None:
        raise NotFound
    kept = {"points": points, "feedback": feedback, "saved_at": at}
    statement = insert(MarkingDraft).values(submission_id=submission_id, trainer_id=actor.person_id, **kept)
    session.execute(statement.on_conflict_do_update(index_elements=["submission_id", "trainer_id"], set_=kept))


def grade_submission(session: Session, actor: Actor, command: GradeSubmission, *, at: datetime) -> Sequence[Grade]:
    """Return the mark of each member, held back until it is released; the same mark given twice is one mark."""
    submission, assignment = _lock_submission(session, actor, command.submission_id)
    points_of(str(command.points), assignment.points)
    if len(command.feedback) > LONGEST_FEEDBACK:
        raise Invalid("Feedback is too long.", fields={"feedback": f"At most {LONGEST_FEEDBACK:,} characters."})
    before = submission.state
    submission.state = next_submission_state(before, Marking.GRADE)
    grades = _newest_grades(session, submission.id)
    if not grades or any(grade.raw_points != command.points or grade.feedback != command.feedback for grade in grades):
        # the newest mark counts, also where the clock was moved back since the last one
        graded_at = max([at, *(grade.graded_at + timedelta(microseconds=1) for grade in grades)])
        grades = _append_grades(session, actor, command, graded_at)
        audit.record(
            session,
            actor,
            "submission:grade",
            submission,
            before={"state": before},
            after={"state": submission.state, "points": command.points, "grades": [grade.id for grade in grades]},
            at=at,
        )
    own_draft = (MarkingDraft.submission_id == submission.id) & (MarkingDraft.trainer_id == actor.person_id)
    session.execute(delete(MarkingDraft).where(own_draft))
    changed(session, "submissions")
    if command.release and any(grade.released_at is None for grade in grades):
        release_marks(session, actor, [submission.id], at=at)
    return grades


def release_marks(session: Session, actor: Actor, submission_ids: Iterable[UUID], *, at: datetime) -> int:
    """Show the students the newest marks of these submissions; return how many submissions that were."""
    wanted = sorted(set(submission_ids))
    statement = _taught(actor).where(Submission.id.in_(wanted)).order_by(Submission.id)
    return _release(session, actor, statement, at)


def release_all_marks(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> int:
    """Show all marks of an assignment that are held back, together; return of how many submissions."""
    statement = _taught(actor).where(Submission.assignment_id == assignment_id).order_by(Submission.id)
    return _release(session, actor, statement, at)


def _taught(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Select submissions, with their assignments, that were handed in to intakes this person teaches."""
    return (
        select(Submission, Assignment)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(IntakeTrainer.user_id == actor.person_id, Submission.state != SubmissionState.DRAFT)
    )


def _lock_submission(session: Session, actor: Actor, submission_id: UUID) -> tuple[Submission, Assignment]:
    statement = _taught(actor).where(Submission.id == submission_id).with_for_update(of=Submission)
    found = session.execute(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    return found.Submission, found.Assignment


def _newest_grades(session: Session, submission_id: UUID) -> Sequence[Grade]:
    """Return the newest mark of each member, if the submission has been marked."""
    newest = Grade.graded_at.desc(), Grade.id.desc()
    statement = select(Grade).ext(distinct_on(Grade.enrolment_id)).where(Grade.submission_id == submission_id)
    return session.scalars(statement.order_by(Grade.enrolment_id, *newest)).all()


def _append_grades(session: Session, actor: Actor, command: GradeSubmission, at: datetime) -> list[Grade]:
    members = select(SubmissionMember.enrolment_id).where(SubmissionMember.submission_id == command.submission_id)
    grades = [
        Grade(
            id=uuid7(),
            submission_id=command.submission_id,
            enrolment_id=member,
            raw_points=command.points,
            penalty_points=Decimal(0),
            final_points=command.points,
            feedback=command.feedback,
            graded_by=actor.person_id,
            graded_at=at,
        )
        for member in session.scalars(members.order_by(SubmissionMember.enrolment_id))
    ]
    session.add_all(grades)
    return grades


def _release(session: Session, actor: Actor, statement: Select[*tuple[Any, ...]], at: datetime) -> int:
    session.flush()
    locked = session.scalars(statement.with_for_update(of=Submission).execution_options(populate_existing=True)).all()
    submissions = {submission.id: submission for submission in locked}
    held = _held_back(session, list(submissions))
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
        .order_by(Grade.submission_id, Grade.enrolment_id, Grade.graded_at.desc(), Grade.id.desc())
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
