"""Marking: what a trainer types is kept, a mark is a new row every time, and nobody replaces one they have not seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import delete, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from portal.db import changed, uuid7
from portal.domain.accounts.models import User
from portal.domain.assignments.by_rubric import ChooseLevel, keep_levels, levels_are, points_by_rubric
from portal.domain.assignments.late_policy import LatePolicy, Penalty, penalty
from portal.domain.assignments.models import Assignment, Grade, MarkingDraft, Submission, SubmissionMember
from portal.domain.assignments.own_dates import dates_of_work
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.releasing import HELD_TOGETHER, release_computed_mark, release_marks, taught
from portal.domain.assignments.transitions import Marking, next_submission_state
from portal.domain.audit import operations as audit
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor, system_actor

LONGEST_FEEDBACK = 20_000  # characters
LONGEST_POINTS = 20  # characters of a draft, kept as typed even where it is no number yet
LONGEST_REASON = 500  # characters: why a mark changes
_POINTS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,2})?")


@dataclass(frozen=True, kw_only=True)
class GradeSubmission:
    """A mark as a trainer gives it."""

    submission_id: UUID
    points: Decimal | None = None
    """None where the assignment has a rubric: the points follow from the levels."""
    levels: tuple[ChooseLevel, ...] = ()
    feedback: str = ""
    release: bool = False
    """Whether the student sees it at once."""
    seen: UUID | None = None
    """The newest mark that whoever gives this one knew of; None where they knew of none."""
    reason: str = ""
    """Why it replaces that mark; the student reads it with the new one."""
    enrolment_id: UUID | None = None
    """The one member of a group whose mark this is; None: of all for whom the work counts."""
    by_questions: bool = False
    """Whether the points were counted from the questions of a quiz, which alone give its points."""
    anew: bool = False
    """A further mark even where points and feedback are those of the newest one, because its parts are not."""


class MarkedMeanwhile(Conflict):
    """Another mark was given since this one was begun: nothing is saved before both were looked at."""


def points_of(text: str, most: int, *, name: str = "points") -> Decimal:
    """Return the points that a trainer typed: from 0 to the assignment's points, with at most two decimals.

    A refusal names the field as the form or the call does.
    """
    if not _POINTS.fullmatch(text.strip()) or Decimal(text.strip()) > most:
        raise Invalid(
            "The mark is not saved; what you typed is kept.",
            fields={name: f"A number from 0 to {most}, with at most two decimals, such as {most * 3 // 4}.5"},
        )
    return Decimal(text.strip()).quantize(Decimal("0.01"))


def save_draft(
    session: Session,
    actor: Actor,
    submission_id: UUID,
    *,
    points: str,
    feedback: str,
    reason: str = "",
    levels: Mapping[str, str] | None = None,
    enrolment_id: UUID | None = None,
    seen: UUID | None = None,
    at: datetime,
) -> None:
    """Keep what a trainer has typed so far for all, or for one member, exactly as typed; it is theirs alone.

    `seen` is the newest mark they saw. What was typed before their own mark and comes after it, as on a slow line, is
    part of that mark and no draft of another.
    """
    if len(points) > LONGEST_POINTS or len(feedback) > LONGEST_FEEDBACK or len(reason) > LONGEST_REASON:
        raise Invalid(f"Feedback may have {LONGEST_FEEDBACK:,} characters; put more into a file.")
    if sum(map(len, (levels or {}).values())) > LONGEST_FEEDBACK:
        raise Invalid("The comments are too long to keep together; put more into a file.")
    _lock_submission(session, actor, submission_id)
    _refuse_stranger(session, submission_id, enrolment_id)
    _refuse_after_own_mark(session, actor, submission_id, enrolment_id, seen)
    whose = {"submission_id": submission_id, "trainer_id": actor.person_id, "enrolment_id": enrolment_id}
    kept = {"points": points, "feedback": feedback, "reason": reason, "levels": dict(levels or {}), "saved_at": at}
    statement = insert(MarkingDraft).values(**whose, **kept)
    session.execute(statement.on_conflict_do_update(index_elements=list(whose), set_=kept))


def grade_submission(session: Session, actor: Actor, command: GradeSubmission, *, at: datetime) -> Sequence[Grade]:
    """Return the mark of each member, held back until it is released; the same mark given twice is one mark."""
    submission, assignment = _lock_submission(session, actor, command.submission_id)
    _check_words(command)
    points = _points(session, assignment, command)
    if command.release and assignment.hold_marks:
        raise Conflict(HELD_TOGETHER)
    off = _penalty(session, submission, assignment, points)
    before = submission.state
    submission.state = next_submission_state(before, Marking.GRADE)
    of_all = _newest_grades(session, submission.id)
    earlier = _those_of(of_all, session, command)
    if not command.anew and _is_the_same(session, command, points, off, earlier):
        grades = earlier
    else:
        _refuse_unseen(session, actor, command, earlier, assignment)
        _refuse_before_all(command, of_all)
        # the newest mark counts, also where the clock was moved back since the last one
        graded_at = max([at, *(grade.graded_at + timedelta(microseconds=1) for grade in earlier)])
        grades = _append_grades(session, actor, command, points, off, graded_at, replaces=bool(earlier))
        keep_levels(session, grades, command.levels)
        audit.record(
            session,
            actor,
            "submission:grade",
            submission,
            before={"state": before} | _told(earlier),
            after={"state": submission.state, "reason": command.reason} | _for_one(command) | _told(grades),
            at=at,
        )
    own_draft = (MarkingDraft.submission_id == submission.id) & (MarkingDraft.trainer_id == actor.person_id)
    for_the_same = MarkingDraft.enrolment_id.is_not_distinct_from(command.enrolment_id)
    session.execute(delete(MarkingDraft).where(own_draft, for_the_same))
    changed(session, "submissions")
    if command.release and any(grade.released_at is None for grade in grades):
        release_marks(session, actor, [submission.id], enrolment_id=command.enrolment_id, at=at)
    return grades


def give_computed_mark(
    session: Session, submission: Submission, assignment: Assignment, points: Decimal, *, at: datetime
) -> Sequence[Grade]:
    """Return the first mark of work that the portal itself could mark; shown at once unless marks are held back.

    It stands in the name of whoever set the work, and in the trail as the portal's own doing.
    """
    by_itself = system_actor("quiz")
    command = GradeSubmission(submission_id=submission.id, points=points)
    before = submission.state
    submission.state = next_submission_state(before, Marking.GRADE)
    off = _penalty(session, submission, assignment, points)
    setter = Actor(id=assignment.created_by, role=None)
    grades = _append_grades(session, setter, command, points, off, at, replaces=False)
    after = {"state": submission.state} | _told(grades)
    audit.record(session, by_itself, "submission:grade", submission, before={"state": before}, after=after, at=at)
    if not assignment.hold_marks:
        release_computed_mark(session, by_itself, submission.id, at=at)
    return grades


def _refuse_after_own_mark(
    session: Session, actor: Actor, submission_id: UUID, enrolment_id: UUID | None, seen: UUID | None
) -> None:
    seen_at = select(Grade.graded_at).where(Grade.id == seen, Grade.submission_id == submission_id).scalar_subquery()
    since = select(Grade.id).where(
        Grade.submission_id == submission_id,
        Grade.enrolment_id == enrolment_id if enrolment_id else true(),
        Grade.graded_by == actor.person_id,
        or_(seen_at.is_(None), Grade.graded_at > seen_at),
    )
    if session.scalar(since.limit(1)) is not None:
        raise Invalid("You have given a mark since you opened this page. To change it, open the page again.")


def _check_words(command: GradeSubmission) -> None:
    problems: dict[str, str] = {}
    if len(command.feedback) > LONGEST_FEEDBACK:
        problems["feedback"] = f"At most {LONGEST_FEEDBACK:,} characters."
    if len(command.reason) > LONGEST_REASON:
        problems["reason"] = f"At most {LONGEST_REASON} characters."
    if problems:
        raise Invalid("That is too long; what you typed is kept.", fields=problems)


def _penalty(session: Session, submission: Submission, assignment: Assignment, points: Decimal) -> Penalty:
    """Return what this work loses by being late, by the moment from which it counts and the student's own due date."""
    policy = LatePolicy.of(assignment.late_percent, assignment.late_floor_percent)
    due_at = dates_of_work(session, submission, assignment).due_at
    counted_at = submission.submitted_at if submission.late and submission.submitted_at else due_at
    return penalty(policy, due_at, counted_at, points)


def _points(session: Session, assignment: Assignment, command: GradeSubmission) -> Decimal:
    """Return the points before any penalty: those of the levels, or those that were given."""
    if assignment.question_points is not None and not command.by_questions:
        raise Invalid("This is a quiz: its points follow from its questions, on the page of the answers.")
    by_rubric = points_by_rubric(session, assignment, command.levels)
    if by_rubric is None:
        return points_of("" if command.points is None else str(command.points), assignment.points)
    if command.points is not None and command.points != by_rubric:
        raise Invalid("This assignment has a rubric: its points follow from the levels.")
    return by_rubric


def _is_the_same(
    session: Session, command: GradeSubmission, points: Decimal, off: Penalty, grades: Sequence[Grade]
) -> bool:
    """Return whether this very mark is the newest one already, as after a double click."""
    given = points, off.points, command.feedback
    same = bool(grades) and all((grade.raw_points, grade.penalty_points, grade.feedback) == given for grade in grades)
    return same and levels_are(session, grades, command.levels)


def _refuse_unseen(
    session: Session, actor: Actor, command: GradeSubmission, newest: Sequence[Grade], assignment: Assignment
) -> None:
    """Refuse to replace a mark that was not seen, or without saying why."""
    if not newest:
        return
    latest = max(newest, key=lambda grade: (grade.graded_at, grade.id))
    if command.seen not in {grade.id for grade in newest if grade.graded_at == latest.graded_at}:
        name = session.scalar(select(User.name).where(User.id == latest.graded_by))
        who = "You have" if latest.graded_by == actor.person_id else f"{name} has"
        raise MarkedMeanwhile(
            f"{who} given {latest.final_points.normalize():f} of {assignment.points} since you began. "
            "Yours is not saved; what you typed is here. Look at both, then save yours if it should replace that mark."
        )
    if not command.reason.strip():
        raise Invalid(
            "A mark that changes says why; what you typed is kept.",
            fields={"reason": "Say why the mark changes, such as “Question 3 was counted twice.”"},
        )


def _those_of(newest: Sequence[Grade], session: Session, command: GradeSubmission) -> Sequence[Grade]:
    """Return the marks that this one would replace: of all members, or of the one it is for."""
    if command.enrolment_id is None:
        return newest
    _refuse_stranger(session, command.submission_id, command.enrolment_id)
    return [grade for grade in newest if grade.enrolment_id == command.enrolment_id]


def _refuse_stranger(session: Session, submission_id: UUID, enrolment_id: UUID | None) -> None:
    """Refuse somebody for whom the work does not count."""
    if enrolment_id is not None and session.get(SubmissionMember, (submission_id, enrolment_id)) is None:
        raise NotFound


def _refuse_before_all(command: GradeSubmission, newest: Sequence[Grade]) -> None:
    """Refuse a mark of one member while the others have none: the work would look marked."""
    if command.enrolment_id is not None and not newest:
        raise Conflict("Give all members a mark first; then give one of them another.")


def _told(grades: Sequence[Grade]) -> dict[str, object]:
    """Return marks as the trail keeps them."""
    return {"points": grades[0].final_points, "grades": [grade.id for grade in grades]} if grades else {}


def _for_one(command: GradeSubmission) -> dict[str, object]:
    return {} if command.enrolment_id is None else {"enrolment_id": command.enrolment_id}


def _lock_submission(session: Session, actor: Actor, submission_id: UUID) -> tuple[Submission, Assignment]:
    statement = taught(actor).where(Submission.id == submission_id).with_for_update(of=Submission)
    found = session.execute(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    return found.Submission, found.Assignment


def _newest_grades(session: Session, submission_id: UUID) -> Sequence[Grade]:
    """Return the newest mark of each member, if the submission has been marked."""
    statement = select(Grade).ext(distinct_on(Grade.enrolment_id)).where(Grade.submission_id == submission_id)
    return session.scalars(statement.order_by(Grade.enrolment_id, *NEWEST_FIRST)).all()


def _append_grades(
    session: Session,
    actor: Actor,
    command: GradeSubmission,
    points: Decimal,
    off: Penalty,
    at: datetime,
    *,
    replaces: bool,
) -> list[Grade]:
    members = select(SubmissionMember.enrolment_id).where(SubmissionMember.submission_id == command.submission_id)
    if command.enrolment_id is not None:
        members = members.where(SubmissionMember.enrolment_id == command.enrolment_id)
    grades = [
        Grade(
            id=uuid7(),
            submission_id=command.submission_id,
            enrolment_id=member,
            raw_points=points,
            penalty_points=off.points,
            penalty_reason=off.reason,
            final_points=points - off.points,
            feedback=command.feedback,
            reason=command.reason if replaces else "",
            graded_by=actor.person_id,
            graded_at=at,
        )
        for member in session.scalars(members.order_by(SubmissionMember.enrolment_id))
    ]
    session.add_all(grades)
    return grades
