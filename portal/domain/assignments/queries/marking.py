"""What a trainer sees of one submission when marking it: all its parts, and the history of its mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, case, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from portal.db import read
from portal.domain.accounts.models import User
from portal.domain.assignments.late_policy import LatePolicy, percent_off
from portal.domain.assignments.models import (
    Assignment,
    Grade,
    MarkingDraft,
    Submission,
    SubmissionFile,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.note_models import NoteDraft, ReviewNote
from portal.domain.assignments.own_dates import HOUR, hours_of_members
from portal.domain.assignments.phrase_models import FeedbackPhrase
from portal.domain.assignments.phrases import Phrase
from portal.domain.assignments.queries.counting import newest_mark
from portal.domain.assignments.queries.files import WorkFile, links_of_submission, select_work_files
from portal.domain.assignments.queries.groups import is_of, number_of_one, owner_of, whose
from portal.domain.assignments.queries.looked_into import ShownFile, as_shown_files, shown_files_of_submission
from portal.domain.assignments.queries.rubrics import ChosenLevel, levels_of_grade, rubric_of
from portal.domain.assignments.rubric_points import Rubric
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound


@dataclass(frozen=True)
class SubmissionPage:
    """One submission as its trainer marks it, with what this trainer has typed."""

    id: UUID
    assignment_id: UUID
    enrolment_id: UUID
    group_id: UUID | None
    owner_id: UUID
    """Whose attempts it is one of: those of the enrolment, or of the group."""
    by: str | None
    """Who of the group handed it in."""
    title: str
    course: str
    intake: str
    points: int
    question_points: int | None
    """What its questions are worth, where it is a quiz that is marked by them."""
    instructions: str
    due_at: datetime
    hold_marks: bool
    late_percent: int | None
    late_floor_percent: int
    student: str
    """The student's name, or that of the group."""
    student_number: str | None
    attempt: int
    state: str
    number: str
    submitted_at: datetime
    late: bool
    text: str
    links: list[str]
    draft_points: str | None
    draft_feedback: str | None
    draft_reason: str | None
    draft_levels: dict[str, str] | None
    """What was chosen and written for the criteria of its rubric, by the names of fields."""
    draft_saved_at: datetime | None
    noted_position: int | None
    """Of the note that this trainer has begun; so the next three."""
    noted_place: str | None
    noted_text: str | None
    noted_at: datetime | None
    has_notes: bool
    """Whether notes were put on this student's or group's work for the assignment."""
    has_history: bool
    """Whether there is another attempt at it, or a mark of this one."""
    files: list[ShownFile]
    rubric: Rubric | None
    phrases: list[Phrase]
    """What this trainer keeps for feedback."""

    @property
    def percent_off(self) -> int:
        """What its mark loses, in percent, because the work is late."""
        policy = LatePolicy.of(self.late_percent, self.late_floor_percent)
        return percent_off(policy, self.due_at, self.submitted_at) if self.late else 0


@dataclass(frozen=True)
class GradeRow:
    """One row in the history of a mark."""

    id: UUID
    raw_points: Decimal
    penalty_points: Decimal
    penalty_reason: str
    final_points: Decimal
    feedback: str
    reason: str
    graded_at: datetime
    released_at: datetime | None
    graded_by: str
    levels: dict[UUID, ChosenLevel]
    """What was chosen for each criterion of a rubric."""
    enrolment_id: UUID
    student: str
    """Whose mark it is; so the former."""


@dataclass(frozen=True)
class AttemptBeside:
    """An attempt at the same assignment by the same student or group, and its marks of each, the newest first."""

    id: UUID
    attempt: int
    state: str
    submitted_at: datetime
    late: bool
    grades: list[GradeRow]


def submission_for(
    session: Session, trainer_id: UUID, submission_id: UUID, *, member_id: UUID | None = None
) -> SubmissionPage:
    """Return a submission that was handed in to an intake this trainer teaches.

    What they have typed for its mark is that for all, or for the one member who is named.
    """
    values = {"trainer_id": trainer_id, "submission_id": submission_id, "member_id": member_id}
    row = read(session, _submission(), values).one_or_none()
    if row is None:
        raise NotFound
    parts = {
        "files": as_shown_files(row.files),
        "rubric": Rubric.read_or_none(row.rubric),
        "phrases": [Phrase(UUID(phrase_id), text) for phrase_id, text in row.phrases or ()],
    }
    return SubmissionPage(**(dict(row._mapping) | parts))


@cache
def _submission() -> Select[*tuple[Any, ...]]:
    """Made once: making a statement takes as long as running it."""
    phrase = func.json_build_array(FeedbackPhrase.id, FeedbackPhrase.text)
    in_order = aggregate_order_by(phrase, func.fold(FeedbackPhrase.text))
    phrases = (
        select(func.json_agg(in_order)).where(FeedbackPhrase.owner_id == bindparam("trainer_id")).scalar_subquery()
    )
    beside = aliased(Submission)
    is_beside = and_(
        beside.assignment_id == Submission.assignment_id,
        or_(beside.enrolment_id == Submission.enrolment_id, beside.group_id == Submission.group_id),
    )
    noted = (
        select(ReviewNote.id)
        .join(beside, beside.id == ReviewNote.submission_id)
        .where(is_beside)
        .correlate(Submission)
        .exists()
    )
    another = (
        select(beside.id)
        .where(is_beside, beside.id != Submission.id, beside.state != SubmissionState.DRAFT)
        .correlate(Submission)
        .exists()
    )
    marked = select(Grade.id).where(Grade.submission_id == Submission.id).correlate(Submission).exists()
    own_draft = and_(
        MarkingDraft.submission_id == Submission.id,
        MarkingDraft.trainer_id == bindparam("trainer_id"),
        MarkingDraft.enrolment_id.is_not_distinct_from(bindparam("member_id", type_=Uuid())),
    )
    own_note = and_(NoteDraft.submission_id == Submission.id, NoteDraft.author_id == bindparam("trainer_id"))
    return (
        select(
            Submission.id,
            Submission.assignment_id,
            Submission.enrolment_id,
            Submission.group_id,
            owner_of().label("owner_id"),
            case((Submission.group_id.is_not(None), _submitter())).label("by"),
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Assignment.points,
            Assignment.question_points,
            Assignment.instructions,
            (Assignment.due_at + hours_of_members() * HOUR).label("due_at"),
            Assignment.hold_marks,
            Assignment.late_percent,
            Assignment.late_floor_percent,
            whose().label("student"),
            number_of_one().label("student_number"),
            Submission.attempt,
            Submission.state,
            Submission.number,
            Submission.submitted_at,
            Submission.late,
            Submission.text,
            links_of_submission().label("links"),
            MarkingDraft.points.label("draft_points"),
            MarkingDraft.feedback.label("draft_feedback"),
            MarkingDraft.reason.label("draft_reason"),
            MarkingDraft.levels.label("draft_levels"),
            MarkingDraft.saved_at.label("draft_saved_at"),
            NoteDraft.position.label("noted_position"),
            NoteDraft.place.label("noted_place"),
            NoteDraft.text.label("noted_text"),
            NoteDraft.saved_at.label("noted_at"),
            noted.label("has_notes"),
            or_(another, marked).label("has_history"),
            shown_files_of_submission().label("files"),
            rubric_of(Assignment.rubric_version_id).label("rubric"),
            phrases.label("phrases"),
        )
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(MarkingDraft, own_draft)
        .outerjoin(NoteDraft, own_note)
        .where(
            IntakeTrainer.user_id == bindparam("trainer_id"),
            Submission.id == bindparam("submission_id"),
            Submission.state != SubmissionState.DRAFT,
        )
    )


@dataclass(frozen=True)
class HeldBack:
    """A mark that its student has not been shown."""

    submission_id: UUID
    student: str
    student_number: str | None
    attempt: int
    final_points: Decimal
    penalty_points: Decimal
    graded_by: str
    graded_at: datetime


def marks_held_back(session: Session, assignment_id: UUID) -> list[HeldBack]:
    """Return the newest marks of an assignment that were not released, by the name of the student."""
    rows = session.execute(_held_back(), {"assignment_id": assignment_id})
    return [HeldBack(*row) for row in rows]


@cache
def _held_back() -> Select[*tuple[Any, ...]]:
    grader = aliased(User)
    newest = newest_mark(Grade.id)
    return (
        select(
            Submission.id,
            User.name.label("student"),
            User.student_number,
            Submission.attempt,
            Grade.final_points,
            Grade.penalty_points,
            grader.name.label("graded_by"),
            Grade.graded_at,
        )
        .select_from(Submission)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .join(Grade, Grade.id == newest)
        .join(grader, grader.id == Grade.graded_by)
        .where(Submission.assignment_id == bindparam("assignment_id"), Grade.released_at.is_(None))
        .order_by(User.sort_key, Submission.attempt)
    )


def submission_to_serve(session: Session, trainer_id: UUID, submission_id: UUID, file_id: UUID) -> WorkFile:
    """Return a file of a submission handed in to an intake this trainer teaches, to be served."""
    statement: Select[*tuple[Any, ...]] = (
        select_work_files()
        .join(Submission, Submission.id == SubmissionFile.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(
            IntakeTrainer.user_id == trainer_id,
            Submission.state != SubmissionState.DRAFT,
            SubmissionFile.submission_id == submission_id,
            SubmissionFile.file_id == file_id,
        )
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return WorkFile(*row)


def attempts_beside(session: Session, page: SubmissionPage) -> list[AttemptBeside]:
    """Return all attempts at an assignment by the student or group of a submission in their order, with their marks."""
    if not page.has_history:
        return [AttemptBeside(page.id, page.attempt, page.state, page.submitted_at, page.late, [])]
    values = {"assignment_id": page.assignment_id, "owner_id": page.owner_id}
    found: dict[UUID, AttemptBeside] = {}
    for row in read(session, _attempts(), values):
        attempt = found.setdefault(
            row[0], AttemptBeside(row.id, row.attempt, row.state, row.submitted_at, row.late, [])
        )
        if row.graded_at is not None:
            levels = ChosenLevel.read(row.levels)
            attempt.grades.append(GradeRow(*(*row[5:-3], levels, row.graded_enrolment_id, row.graded_student)))
    return list(found.values())


@cache
def _attempts() -> Select[*tuple[Any, ...]]:
    enrolment, student = aliased(Enrolment), aliased(User)
    return (
        select(
            Submission.id,
            Submission.attempt,
            Submission.state,
            Submission.submitted_at,
            Submission.late,
            Grade.id.label("grade_id"),
            Grade.raw_points,
            Grade.penalty_points,
            Grade.penalty_reason,
            Grade.final_points,
            Grade.feedback,
            Grade.reason,
            Grade.graded_at,
            Grade.released_at,
            User.name.label("graded_by"),
            levels_of_grade().label("levels"),
            Grade.enrolment_id.label("graded_enrolment_id"),
            student.name.label("graded_student"),
        )
        .outerjoin(Grade, Grade.submission_id == Submission.id)
        .outerjoin(User, User.id == Grade.graded_by)
        .outerjoin(enrolment, enrolment.id == Grade.enrolment_id)
        .outerjoin(student, student.id == enrolment.user_id)
        .where(
            Submission.assignment_id == bindparam("assignment_id"),
            is_of(bindparam("owner_id", type_=Uuid())),
            Submission.state != SubmissionState.DRAFT,
        )
        .order_by(Submission.attempt, Grade.graded_at.desc(), student.sort_key, Grade.id.desc())
    )


def _submitter() -> ColumnElement[str]:
    by = aliased(User)
    name = select(by.name).where(by.id == Submission.submitted_by)
    return name.correlate(Submission).scalar_subquery()
