"""What a student needs to know first: what to do now, what is due, the next class, the latest marks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, AssignmentState, Grade, Submission, SubmissionState
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.live_classes.phases import Phase, phase_of
from portal.domain.live_classes.queries import ClassRow, next_classes, of_student

MOST_SHOWN = 5  # of each list: a dashboard is a beginning
DUE_SOON = timedelta(hours=48)
FRESH_MARK = timedelta(days=7)


class Now(StrEnum):
    """What is worth doing first, in this order of urgency."""

    JOIN_CLASS = "join_class"
    HAND_IN_LATE = "hand_in_late"
    HAND_IN_SOON = "hand_in_soon"
    SEE_MARK = "see_mark"
    HAND_IN = "hand_in"
    AWAIT_CLASS = "await_class"
    NOTHING = "nothing"
    NOT_ENROLLED = "not_enrolled"


@dataclass(frozen=True)
class DueWork:
    id: UUID
    title: str
    course: str
    points: int
    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None
    drafted: bool
    """Whether a draft of it is kept."""


@dataclass(frozen=True)
class ReleasedMark:
    assignment_id: UUID
    title: str
    course: str
    final_points: Decimal
    points: int
    released_at: datetime


@dataclass(frozen=True)
class OwnCourse:
    enrolment_id: UUID
    course: str
    intake: str
    starts_on: date
    ends_on: date
    state: str


@dataclass(frozen=True)
class StudentOverview:
    now: Now
    due: list[DueWork]
    classes: list[ClassRow]
    marks: list[ReleasedMark]
    courses: list[OwnCourse]


def student_overview(session: Session, student_id: UUID, *, at: datetime) -> StudentOverview:
    """Return the student's dashboard, read in four statements however much there is."""
    courses = own_courses(session, student_id)
    due = _due(session, student_id, at)
    classes = next_classes(session, of_student(student_id), at=at)
    marks = _marks(session, student_id)
    return StudentOverview(what_now(due, classes, marks, courses, at=at), due, classes, marks, courses)


def what_now(
    due: list[DueWork],
    classes: list[ClassRow],
    marks: list[ReleasedMark],
    courses: list[OwnCourse],
    *,
    at: datetime,
) -> Now:
    """Return what comes first: a class that is on, then work by how near its end is, then news, then what is ahead."""
    if not courses:
        return Now.NOT_ENROLLED
    if classes and phase_of(classes[0].state, classes[0].starts_at, classes[0].ends_at, at) in (
        Phase.OPENING,
        Phase.RUNNING,
    ):
        return Now.JOIN_CLASS
    if due and due[0].due_at <= at:
        return Now.HAND_IN_LATE
    if due and due[0].due_at - at <= DUE_SOON:
        return Now.HAND_IN_SOON
    if marks and at - marks[0].released_at <= FRESH_MARK:
        return Now.SEE_MARK
    if due:
        return Now.HAND_IN
    return Now.AWAIT_CLASS if classes else Now.NOTHING


def own_courses(session: Session, student_id: UUID) -> list[OwnCourse]:
    """Return the student's intakes, the one that ends last first."""
    statement = (
        select(Enrolment.id, Course.title, Intake.title, Intake.starts_on, Intake.ends_on, Enrolment.state)
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(
            Enrolment.user_id == student_id,
            Enrolment.state.in_((EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED, EnrolmentState.COMPLETED)),
        )
        .order_by(Intake.ends_on.desc(), Enrolment.id)
        .limit(MOST_SHOWN)
    )
    return [OwnCourse(*row) for row in session.execute(statement)]


def _due(session: Session, student_id: UUID, at: datetime) -> list[DueWork]:
    own = (Submission.assignment_id == Assignment.id) & (Submission.enrolment_id == Enrolment.id)
    statement = (
        select(
            Assignment.id,
            Assignment.title,
            Course.title,
            Assignment.points,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.cut_off_at,
            exists().where(own, Submission.state == SubmissionState.DRAFT),
        )
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(Enrolment, Enrolment.intake_id == Intake.id)
        .where(
            Enrolment.user_id == student_id,
            Enrolment.state == EnrolmentState.ACTIVE,
            Assignment.state == AssignmentState.PUBLISHED,
            or_(Assignment.opens_at.is_(None), Assignment.opens_at <= at),
            func.coalesce(Assignment.cut_off_at, Assignment.due_at) > at,
            ~exists().where(own, Submission.state.in_(HANDED_IN)),
        )
        .order_by(Assignment.due_at, Assignment.id)
        .limit(MOST_SHOWN)
    )
    return [DueWork(*row) for row in session.execute(statement)]


def _marks(session: Session, student_id: UUID) -> list[ReleasedMark]:
    latest = (
        select(
            Assignment.id,
            Assignment.title,
            Course.title.label("course"),
            Grade.final_points,
            Assignment.points,
            Grade.released_at,
        )
        .ext(distinct_on(Assignment.id))  # a later grade replaces an earlier one
        .join(Submission, Submission.id == Grade.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(Enrolment, Enrolment.id == Grade.enrolment_id)
        .where(Enrolment.user_id == student_id, Grade.released_at.isnot(None))
        .order_by(Assignment.id, Grade.graded_at.desc(), Grade.id.desc())
        .subquery()
    )
    statement = select(latest).order_by(latest.c.released_at.desc(), latest.c.id).limit(MOST_SHOWN)
    return [ReleasedMark(*row) for row in session.execute(statement)]
