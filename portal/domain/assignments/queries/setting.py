"""What a trainer sees of the assignments they set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.assignments.group_models import GroupFormation
from portal.domain.assignments.group_rules import choice_refusal
from portal.domain.assignments.models import Assignment, Submission, SubmissionMember, SubmissionState
from portal.domain.assignments.queries.attachments import number_of_attachments
from portal.domain.assignments.rubric_models import RubricVersion
from portal.domain.assignments.waiting import HANDED_IN, mark_is_held_back, waits_for_mark
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import NotFound
from portal.domain.keyset import Keyset, Page, paged

PAGE_SIZE = 25


@dataclass(frozen=True)
class IntakeTaught:
    """An intake that a trainer may set work in."""

    id: UUID
    title: str
    course: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class SetRow:
    """An assignment on its trainer's list, with how far its students are."""

    id: UUID
    title: str
    course: str
    intake: str
    intake_id: UUID
    assignment_type: str
    state: str
    opens_at: datetime | None
    due_at: datetime
    students: int
    handed_in: int
    to_mark: int
    held_back: int


@dataclass(frozen=True)
class SetPage:
    """One assignment as its trainer edits it."""

    id: UUID
    intake_id: UUID
    intake: str
    course: str
    title: str
    assignment_type: str
    instructions: str
    points: int
    weight: Decimal
    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None
    accepted_kinds: list[str]
    max_files: int
    attempts_allowed: int | None
    counted_attempt: str
    hold_marks: bool
    late_percent: int | None
    late_floor_percent: int
    group_formation: str | None
    group_least: int | None
    group_most: int | None
    group_until: datetime | None
    rubric_version_id: UUID | None
    rubric: str | None
    """The name of its rubric, as it was when it was chosen."""
    state: str
    published_at: datetime | None
    to_mark: int
    held_back: int
    returned: int
    attachments: int
    """Files of its brief."""

    def students_choose(self, at: datetime) -> bool:
        """Whether students choose their groups at this moment."""
        by_students = self.group_formation == GroupFormation.STUDENTS
        return choice_refusal(by_students, self.group_until, self.due_at, at, handed_in=False) is None


def intakes_taught(session: Session, trainer_id: UUID) -> list[IntakeTaught]:
    """Return the intakes a trainer teaches, the one that started last first."""
    statement: Select[*tuple[Any, ...]] = (
        select(Intake.id, Intake.title, Course.title.label("course"), Intake.starts_on, Intake.ends_on)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .join(Course, Course.id == Intake.course_id)
        .where(IntakeTrainer.user_id == trainer_id)
        .order_by(Intake.starts_on.desc(), Intake.id)
    )
    return [IntakeTaught(*row) for row in session.execute(statement)]


def assignments_set_by(
    session: Session,
    trainer_id: UUID,
    *,
    intake_id: UUID | None = None,
    cursor: Keyset | None = None,
    size: int = PAGE_SIZE,
) -> Page[SetRow]:
    """Return the assignments of the intakes a trainer teaches, or of one of them, the latest due first."""
    students = (
        select(func.count())
        .select_from(Enrolment)
        .where(Enrolment.intake_id == Assignment.intake_id, Enrolment.state == EnrolmentState.ACTIVE)
        .correlate(Assignment)
        .scalar_subquery()
    )
    made = (Submission.assignment_id == Assignment.id, among(Submission.state, HANDED_IN))
    alone = select(func.count(func.distinct(Submission.enrolment_id))).where(*made).correlate(Assignment)
    in_groups = (
        select(func.count(func.distinct(SubmissionMember.enrolment_id)))
        .join(Submission, Submission.id == SubmissionMember.submission_id)
        .where(*made)
        .correlate(Assignment)
    )
    handed_in = case((Assignment.group_formation.is_(None), alone.scalar_subquery()), else_=in_groups.scalar_subquery())
    statement: Select[*tuple[Any, ...]] = (
        select(
            Assignment.id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Intake.id.label("intake_id"),
            Assignment.assignment_type,
            Assignment.state,
            Assignment.opens_at,
            Assignment.due_at,
            students,
            handed_in,
            _count(waits_for_mark()),
            _count(mark_is_held_back()),
        )
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .where(IntakeTrainer.user_id == trainer_id)
    )
    if intake_id is not None:
        statement = statement.where(Assignment.intake_id == intake_id)
    page = paged(
        session, statement, sort=Assignment.due_at, key=Assignment.id, cursor=cursor, size=size, descending=True
    )
    return page.into(SetRow)


def assignment_set_by(session: Session, trainer_id: UUID, assignment_id: UUID) -> SetPage:
    """Return an assignment of an intake this trainer teaches."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Assignment.id,
            Assignment.intake_id,
            Intake.title.label("intake"),
            Course.title.label("course"),
            Assignment.title,
            Assignment.assignment_type,
            Assignment.instructions,
            Assignment.points,
            Assignment.weight,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.cut_off_at,
            Assignment.accepted_kinds,
            Assignment.max_files,
            Assignment.attempts_allowed,
            Assignment.counted_attempt,
            Assignment.hold_marks,
            Assignment.late_percent,
            Assignment.late_floor_percent,
            Assignment.group_formation,
            Assignment.group_least,
            Assignment.group_most,
            Assignment.group_until,
            Assignment.rubric_version_id,
            RubricVersion.title.label("rubric"),
            Assignment.state,
            Assignment.published_at,
            _count(waits_for_mark()),
            _count(mark_is_held_back()),
            _count(Submission.state == SubmissionState.RETURNED),
            number_of_attachments(),
        )
        .select_from(Assignment)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .outerjoin(RubricVersion, RubricVersion.id == Assignment.rubric_version_id)
        .where(Assignment.id == assignment_id, IntakeTrainer.user_id == trainer_id)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return SetPage(*row)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return (
        select(func.count())
        .where(Submission.assignment_id == Assignment.id, condition)
        .correlate(Assignment)
        .scalar_subquery()
    )
