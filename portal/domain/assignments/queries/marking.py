"""What a trainer sees when marking: the queue over all their intakes, and one submission with all its parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.models import (
    Assignment,
    Grade,
    MarkingDraft,
    Submission,
    SubmissionFile,
    SubmissionState,
)
from portal.domain.assignments.queries.files import WorkFile, links_of_submission, select_work_files
from portal.domain.assignments.receipts import normal_number
from portal.domain.assignments.waiting import HANDED_IN, mark_is_held_back, waits_for_mark
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, paged

PAGE_SIZE = 25
BEFORE, AFTER = 3, 8  # how many neighbours stand beside the work that is being marked


class Waiting(StrEnum):
    """Which part of the queue is shown."""

    TO_MARK = "to_mark"
    HELD_BACK = "held_back"
    RETURNED = "returned"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """What a trainer chose to see of the queue."""

    waiting: Waiting = Waiting.TO_MARK
    intake_id: UUID | None = None
    assignment_id: UUID | None = None
    words: str = ""
    """Part of a student's name or number, or the number of a receipt."""


@dataclass(frozen=True)
class QueueRow:
    """A submission in the queue."""

    id: UUID
    student: str
    student_number: str | None
    title: str
    course: str
    intake: str
    attempt: int
    state: str
    submitted_at: datetime
    late: bool
    mark: Decimal | None
    points: int


@dataclass(frozen=True)
class Neighbour:
    """A submission before or after the present one in the queue."""

    id: UUID
    student: str
    title: str
    submitted_at: datetime
    state: str


@dataclass(frozen=True)
class Around:
    """The queue on both sides of a submission."""

    before: list[Neighbour]
    after: list[Neighbour]

    @property
    def previous(self) -> Neighbour | None:
        return self.before[-1] if self.before else None

    @property
    def next(self) -> Neighbour | None:
        return self.after[0] if self.after else None


@dataclass(frozen=True)
class WaitingCount:
    """How much work of an assignment waits."""

    assignment_id: UUID
    title: str
    intake_id: UUID
    intake: str
    course: str
    to_mark: int
    held_back: int


@dataclass(frozen=True)
class SubmissionPage:
    """One submission as its trainer marks it, with what this trainer has typed."""

    id: UUID
    assignment_id: UUID
    enrolment_id: UUID
    title: str
    course: str
    intake: str
    points: int
    instructions: str
    due_at: datetime
    student: str
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
    draft_saved_at: datetime | None


@dataclass(frozen=True)
class GradeRow:
    """One row in the history of a mark."""

    final_points: Decimal
    feedback: str
    graded_at: datetime
    released_at: datetime | None
    graded_by: str


@dataclass(frozen=True)
class AttemptBeside:
    """An attempt at the same assignment by the same student, and how it was marked, the newest mark first."""

    id: UUID
    attempt: int
    state: str
    submitted_at: datetime
    late: bool
    grades: list[GradeRow]


def marking_queue(
    session: Session, trainer_id: UUID, chosen: QueueFilter, *, cursor: Keyset | None = None, size: int = PAGE_SIZE
) -> Page[QueueRow]:
    """Return the work handed in to the intakes a trainer teaches, what has waited longest first."""
    mark = (
        select(Grade.final_points)
        .where(Grade.submission_id == Submission.id)
        .order_by(Grade.graded_at.desc(), Grade.id.desc())
        .limit(1)
        .correlate(Submission)
        .scalar_subquery()
    )
    statement = _queue(
        trainer_id,
        chosen,
        Submission.id,
        _name(),
        User.student_number,
        Assignment.title,
        Course.title.label("course"),
        Intake.title.label("intake"),
        Submission.attempt,
        Submission.state,
        Submission.submitted_at,
        Submission.late,
        mark.label("mark"),
        Assignment.points,
    )
    page = paged(session, statement, sort=Submission.submitted_at, key=Submission.id, cursor=cursor, size=size)
    return page.into(QueueRow)


def around(
    session: Session, trainer_id: UUID, chosen: QueueFilter, submission_id: UUID, submitted_at: datetime
) -> Around:
    """Return what stands before and after a submission in the queue, in one statement."""
    place = tuple_(Submission.submitted_at, Submission.id)
    here = tuple_(literal(submitted_at), literal(submission_id))
    columns = (Submission.id, _name(), Assignment.title, Submission.submitted_at, Submission.state)
    queue = _queue(trainer_id, chosen, *columns)
    earlier = queue.where(place < here).order_by(Submission.submitted_at.desc(), Submission.id.desc()).limit(BEFORE)
    later = queue.where(place > here).order_by(Submission.submitted_at, Submission.id).limit(AFTER)
    both = union_all(earlier.subquery().select(), later.subquery().select())
    rows = sorted((Neighbour(*row) for row in session.execute(both)), key=lambda row: (row.submitted_at, row.id))
    return Around(
        before=[row for row in rows if (row.submitted_at, row.id) < (submitted_at, submission_id)],
        after=[row for row in rows if (row.submitted_at, row.id) > (submitted_at, submission_id)],
    )


def work_waiting(session: Session, trainer_id: UUID) -> list[WaitingCount]:
    """Return the assignments a trainer has set, with how much of each waits for a mark and for its release."""
    to_mark = func.count().filter(waits_for_mark())
    held_back = func.count().filter(mark_is_held_back())
    statement: Select[*tuple[Any, ...]] = (
        select(
            Assignment.id,
            Assignment.title,
            Intake.id.label("intake_id"),
            Intake.title.label("intake"),
            Course.title.label("course"),
            to_mark,
            held_back,
        )
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .join(Submission, Submission.assignment_id == Assignment.id)
        .where(IntakeTrainer.user_id == trainer_id, Submission.state.in_(HANDED_IN))
        .group_by(Assignment.id, Intake.id, Course.id)
        .order_by(Assignment.due_at.desc(), Assignment.id)
    )
    return [WaitingCount(*row) for row in session.execute(statement)]


def submission_for(session: Session, trainer_id: UUID, submission_id: UUID) -> SubmissionPage:
    """Return a submission that was handed in to an intake this trainer teaches."""
    own_draft = and_(MarkingDraft.submission_id == Submission.id, MarkingDraft.trainer_id == trainer_id)
    statement: Select[*tuple[Any, ...]] = (
        _taught(
            trainer_id,
            Submission.id,
            Submission.assignment_id,
            Submission.enrolment_id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Assignment.points,
            Assignment.instructions,
            Assignment.due_at,
            _name(),
            User.student_number,
            Submission.attempt,
            Submission.state,
            Submission.number,
            Submission.submitted_at,
            Submission.late,
            Submission.text,
            links_of_submission(),
            MarkingDraft.points.label("draft_points"),
            MarkingDraft.feedback.label("draft_feedback"),
            MarkingDraft.saved_at,
        )
        .outerjoin(MarkingDraft, own_draft)
        .where(Submission.id == submission_id)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return SubmissionPage(*row)


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


def attempts_beside(session: Session, assignment_id: UUID, enrolment_id: UUID) -> list[AttemptBeside]:
    """Return all attempts of a student at an assignment in their order, each with the history of its mark."""
    own_grades = and_(Grade.submission_id == Submission.id, Grade.enrolment_id == enrolment_id)
    statement: Select[*tuple[Any, ...]] = (
        select(
            Submission.id,
            Submission.attempt,
            Submission.state,
            Submission.submitted_at,
            Submission.late,
            Grade.final_points,
            Grade.feedback,
            Grade.graded_at,
            Grade.released_at,
            _name().label("graded_by"),
        )
        .outerjoin(Grade, own_grades)
        .outerjoin(User, User.id == Grade.graded_by)
        .where(
            Submission.assignment_id == assignment_id,
            Submission.enrolment_id == enrolment_id,
            Submission.state != SubmissionState.DRAFT,
        )
        .order_by(Submission.attempt, Grade.graded_at.desc(), Grade.id.desc())
    )
    found: dict[UUID, AttemptBeside] = {}
    for row in session.execute(statement):
        attempt = found.setdefault(
            row[0], AttemptBeside(row.id, row.attempt, row.state, row.submitted_at, row.late, [])
        )
        if row.graded_at is not None:
            attempt.grades.append(GradeRow(*row[5:]))
    return list(found.values())


def _taught(trainer_id: UUID, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(IntakeTrainer.user_id == trainer_id, Submission.state != SubmissionState.DRAFT)
    )


def _queue(trainer_id: UUID, chosen: QueueFilter, *columns: Any) -> Select[*tuple[Any, ...]]:
    statement = _taught(trainer_id, *columns).where(_part_of_queue(chosen.waiting))
    if chosen.intake_id is not None:
        statement = statement.where(Assignment.intake_id == chosen.intake_id)
    if chosen.assignment_id is not None:
        statement = statement.where(Assignment.id == chosen.assignment_id)
    if chosen.words:
        statement = statement.where(_matches(chosen.words))
    return statement


def _part_of_queue(waiting: Waiting) -> ColumnElement[bool]:
    match waiting:
        case Waiting.TO_MARK:
            return waits_for_mark()
        case Waiting.HELD_BACK:
            return mark_is_held_back()
        case Waiting.RETURNED:
            return Submission.state == SubmissionState.RETURNED
        case Waiting.ALL:
            return Submission.state.in_(HANDED_IN)


def _matches(words: str) -> ColumnElement[bool]:
    if number := normal_number(words):
        return Submission.number == number
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return User.search_text.like(func.concat("%", func.fold(escaped), "%"))


def _name() -> ColumnElement[str]:
    return (User.first_name + " " + User.last_name).label("student")
