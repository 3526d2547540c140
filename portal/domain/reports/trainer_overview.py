"""What a trainer needs to know first: what to do now, work waiting for marks, the next classes, the intakes taught."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.queries.groups import whose
from portal.domain.assignments.waiting import HANDED_IN, waits_for_mark
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.live_classes.phases import MEETING, phase_of
from portal.domain.live_classes.queries import ClassRow, next_classes, of_trainer

MOST_SHOWN = 5  # of each list: a dashboard is a beginning
MOST_INTAKES = 12  # more than anybody teaches at a time


class Now(StrEnum):
    """What is worth doing first, in this order of urgency."""

    HOLD_CLASS = "hold_class"
    MARK = "mark"
    PREPARE_CLASS = "prepare_class"
    NOTHING = "nothing"
    NOT_TEACHING = "not_teaching"


@dataclass(frozen=True)
class TaughtIntake:
    id: UUID
    course: str
    title: str
    starts_on: date
    ends_on: date
    students: int
    waiting: int
    """Submissions of it that wait for a mark."""
    oldest_at: datetime | None
    """Since when the oldest of them waits."""


@dataclass(frozen=True)
class HandedIn:
    submission_id: UUID
    assignment: str
    course: str
    student: str
    state: str
    late: bool
    submitted_at: datetime | None


@dataclass(frozen=True)
class TrainerOverview:
    now: Now
    intakes: list[TaughtIntake]
    classes: list[ClassRow]
    handed_in: list[HandedIn]

    @property
    def waiting(self) -> int:
        return sum(intake.waiting for intake in self.intakes)

    @property
    def students(self) -> int:
        return sum(intake.students for intake in self.intakes)

    @property
    def oldest_at(self) -> datetime | None:
        return min((intake.oldest_at for intake in self.intakes if intake.oldest_at), default=None)


def trainer_overview(session: Session, trainer_id: UUID, *, at: datetime) -> TrainerOverview:
    """Return the trainer's dashboard, read in three statements however much there is."""
    intakes = _intakes(session, trainer_id)
    classes = next_classes(session, of_trainer(trainer_id), at=at)
    return TrainerOverview(what_now(intakes, classes, at=at), intakes, classes, _handed_in(session, trainer_id))


def what_now(intakes: list[TaughtIntake], classes: list[ClassRow], *, at: datetime) -> Now:
    """Return what comes first: a class that is on, work that waits, a class ahead."""
    if classes and phase_of(classes[0].state, classes[0].starts_at, classes[0].ends_at, at) in MEETING:
        return Now.HOLD_CLASS
    if any(intake.waiting for intake in intakes):
        return Now.MARK
    if classes:
        return Now.PREPARE_CLASS
    return Now.NOTHING if intakes else Now.NOT_TEACHING


def _intakes(session: Session, trainer_id: UUID) -> list[TaughtIntake]:
    enrolled = (
        select(func.count())
        .where(
            Enrolment.intake_id == Intake.id,
            among(Enrolment.state, (EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED)),
        )
        .scalar_subquery()
    )
    waiting = (
        select(func.count(), func.min(Submission.submitted_at))
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Assignment.intake_id == Intake.id, waits_for_mark())
        .lateral("waiting")
    )
    statement = (
        select(
            Intake.id,
            Course.title,
            Intake.title,
            Intake.starts_on,
            Intake.ends_on,
            enrolled,
            waiting.c[0],
            waiting.c[1],
        )
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .join(Course, Course.id == Intake.course_id)
        .join(waiting, waiting.c[0] >= 0)
        .where(IntakeTrainer.user_id == trainer_id)
        .order_by(Intake.ends_on.desc(), Intake.id)
        .limit(MOST_INTAKES)
    )
    return [TaughtIntake(*row) for row in session.execute(statement)]


def _handed_in(session: Session, trainer_id: UUID) -> list[HandedIn]:
    statement = (
        select(
            Submission.id,
            Assignment.title,
            Course.title,
            whose(),
            Submission.state,
            Submission.late,
            Submission.submitted_at,
        )
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(
            IntakeTrainer.user_id == trainer_id,
            among(Submission.state, HANDED_IN),
        )
        .order_by(Submission.submitted_at.desc(), Submission.id.desc())
        .limit(MOST_SHOWN)
    )
    return [HandedIn(*row) for row in session.execute(statement)]
