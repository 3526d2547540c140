"""What a student needs to know first: what to do now, what is due, the next class, the latest marks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.db import read
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.models import Assignment, AssignmentState, Submission, SubmissionState
from portal.domain.assignments.own_dates import LONGEST, away_before, of_extension, own, standing_dates
from portal.domain.assignments.queries.attempts import LatestMark, latest_marks
from portal.domain.assignments.queries.pending import not_handed_in
from portal.domain.assignments.queries.shown import has_handed_in
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import CURRENT, Enrolment, EnrolmentState
from portal.domain.enrolments.queries import OwnCourse, courses_of_student
from portal.domain.live_classes.phases import MEETING, phase_of
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
    not_handed_in: str | None
    """What waits: work that hands itself in is `pending`, files that have arrived are `whole`."""


@dataclass(frozen=True)
class StudentOverview:
    now: Now
    due: list[DueWork]
    classes: list[ClassRow]
    marks: list[LatestMark]
    courses: list[OwnCourse]


def student_overview(session: Session, student_id: UUID, *, at: datetime) -> StudentOverview:
    """Return the student's dashboard, read in four statements however much there is."""
    courses = courses_of_student(session, student_id, states=CURRENT, most=MOST_SHOWN)
    due = _due(session, student_id, at)
    classes = next_classes(session, of_student(student_id), at=at)
    marks = latest_marks(session, student_id, MOST_SHOWN)
    return StudentOverview(what_now(due, classes, marks, courses, at=at), due, classes, marks, courses)


def what_now(
    due: list[DueWork],
    classes: list[ClassRow],
    marks: list[LatestMark],
    courses: list[OwnCourse],
    *,
    at: datetime,
) -> Now:
    """Return what comes first: a class that is on, then work by how near its end is, then news, then what is ahead."""
    if not courses:
        return Now.NOT_ENROLLED
    if classes and phase_of(classes[0].state, classes[0].starts_at, classes[0].ends_at, at) in MEETING:
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


def _due(session: Session, student_id: UUID, at: datetime) -> list[DueWork]:
    rows = read(session, _due_work(), {"student_id": student_id, "at": at})
    works = [_as_it_stands(DueWork(*row[:-1]), row.away) for row in rows]
    return [work for work in works if (work.cut_off_at or work.due_at) > at][:MOST_SHOWN]


def _as_it_stands(work: DueWork, away: list[list[str]] | None) -> DueWork:
    """Return work with its dates as they stand, where the portal was away before it was due."""
    dates = standing_dates(Dates(opens_at=work.opens_at, due_at=work.due_at, cut_off_at=work.cut_off_at), away)
    return replace(work, due_at=dates.due_at, cut_off_at=dates.cut_off_at) if away else work


@cache
def _due_work() -> Select[*tuple[Any, ...]]:
    """Made once: making a statement takes as long as running it."""
    theirs = (Submission.assignment_id == Assignment.id) & (Submission.enrolment_id == Enrolment.id)
    due_at, cut_off_at = own(Assignment.due_at), own(Assignment.cut_off_at)
    away, closes_at = away_before(due_at), func.coalesce(cut_off_at, due_at)
    return (
        select(
            Assignment.id,
            Assignment.title,
            Course.title,
            Assignment.points,
            Assignment.opens_at,
            due_at.label("due_at"),
            cut_off_at.label("cut_off_at"),
            exists().where(theirs, Submission.state == SubmissionState.DRAFT),
            not_handed_in(),
            away.label("away"),
        )
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(Enrolment, Enrolment.intake_id == Intake.id)
        .outerjoin(ExtendedDate, of_extension())
        .where(
            Enrolment.user_id == bindparam("student_id"),
            Enrolment.state == EnrolmentState.ACTIVE,
            Assignment.state == AssignmentState.PUBLISHED,
            or_(Assignment.opens_at.is_(None), Assignment.opens_at <= bindparam("at")),
            or_(closes_at > bindparam("at"), and_(away.is_not(None), closes_at > bindparam("at") - LONGEST)),
            ~has_handed_in(),
        )
        .order_by(due_at, Assignment.id)
        .limit(4 * MOST_SHOWN)  # some may have moved and be over all the same
    )
