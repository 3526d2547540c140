"""For whom staff may hand in, and what: a memory card that a student brings to the lab."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.checking import may_hand_in_for
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Assignment, AssignmentState
from portal.domain.assignments.own_dates import away_before, of_extension, own, standing_dates
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.errors import NotFound
from portal.domain.permissions import Actor


@dataclass(frozen=True)
class StudentServed:
    """A student of an intake, to whoever may hand in for them."""

    enrolment_id: UUID
    user_id: UUID
    intake_id: UUID
    name: str
    student_number: str | None
    course: str
    intake: str


@dataclass(frozen=True)
class WorkOpen:
    """An assignment for which something may be handed in, with its dates as they stand for the student."""

    id: UUID
    title: str
    accepted_kinds: list[str]
    max_files: int
    in_groups: bool
    group: str | None
    """The group of the student, for which it is handed in."""
    dates: Dates


def student_served(session: Session, actor: Actor, enrolment_id: UUID) -> StudentServed:
    """Return the student of a current enrolment, if this person may hand in for them."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Enrolment.id,
            Enrolment.user_id,
            Enrolment.intake_id,
            User.name,
            User.student_number,
            Course.title,
            Intake.title.label("intake"),
        )
        .join(User, User.id == Enrolment.user_id)
        .join(Intake, Intake.id == Enrolment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Enrolment.id == enrolment_id, among(Enrolment.state, CURRENT))
    )
    row = session.execute(statement).one_or_none()
    if row is None or not may_hand_in_for(session, actor, row.intake_id):
        raise NotFound
    return StudentServed(*row)


def work_open(session: Session, student: StudentServed) -> list[WorkOpen]:
    """Return the published assignments of a student's intake, the latest due first."""
    of_student = and_(GroupMember.assignment_id == Assignment.id, GroupMember.enrolment_id == student.enrolment_id)
    statement: Select[*tuple[Any, ...]] = (
        select(
            Assignment.id,
            Assignment.title,
            Assignment.accepted_kinds,
            Assignment.max_files,
            Assignment.group_formation.is_not(None),
            AssignmentGroup.name,
            Assignment.opens_at,
            own(Assignment.due_at).label("due_at"),
            own(Assignment.cut_off_at).label("cut_off_at"),
            away_before(own(Assignment.due_at)).label("away"),
        )
        .join(Enrolment, Enrolment.intake_id == Assignment.intake_id)
        .outerjoin(ExtendedDate, of_extension())
        .outerjoin(GroupMember, of_student)
        .outerjoin(AssignmentGroup, AssignmentGroup.id == GroupMember.group_id)
        .where(Enrolment.id == student.enrolment_id, Assignment.state == AssignmentState.PUBLISHED)
        .order_by(Assignment.due_at.desc(), Assignment.id)
    )
    return [_work(*row) for row in session.execute(statement)]


def _work(
    work_id: UUID,
    title: str,
    accepted_kinds: list[str],
    max_files: int,
    in_groups: bool,
    group: str | None,
    opens_at: datetime | None,
    due_at: datetime,
    cut_off_at: datetime | None,
    away: list[list[str]] | None,
) -> WorkOpen:
    dates = standing_dates(Dates(opens_at=opens_at, due_at=due_at, cut_off_at=cut_off_at), away)
    return WorkOpen(work_id, title, accepted_kinds, max_files, in_groups, group, dates)
