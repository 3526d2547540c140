"""How the assignments of an intake weigh, for whoever decides it, and who may see the results of an intake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, or_, select
from sqlalchemy.orm import Session

from portal.db import read
from portal.domain.assignments.models import Assignment, AssignmentState
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.errors import NotFound
from portal.domain.permissions import Actor, Permission
from portal.domain.results.weights import version_of


@dataclass(frozen=True)
class IntakeSeen:
    """An intake to whoever may see its results."""

    id: UUID
    title: str
    course: str
    teaches: bool
    """Whether this person teaches it, and so decides what its assignments weigh."""


@dataclass(frozen=True)
class WeighedAssignment:
    """An assignment of an intake with its weight."""

    id: UUID
    title: str
    assignment_type: str
    state: str
    points: int
    weight: Decimal
    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is taken from anybody."""
        return self.state == AssignmentState.ARCHIVED


def intake_with_results(session: Session, actor: Actor, intake_id: UUID) -> IntakeSeen:
    """Return an intake that this person teaches, or any to the office; to others it does not exist."""
    row = read(session, _intake(), {"person_id": actor.person_id, "intake_id": intake_id}).one_or_none()
    if row is None or not (row.teaches or actor.may(Permission.SEE_INSTITUTE)):
        raise NotFound
    return IntakeSeen(*row)


def assignments_that_weigh(session: Session, intake_id: UUID) -> list[WeighedAssignment]:
    """Return the assignments of an intake that have a weight or may be given one, by due date."""
    return [WeighedAssignment(*row) for row in read(session, _assignments(), {"intake_id": intake_id})]


def total_of(assignments: list[WeighedAssignment]) -> Decimal:
    """Return what the weights of these add to."""
    return sum((row.weight for row in assignments), Decimal(0))


def version_seen(assignments: list[WeighedAssignment]) -> str:
    """Return the version of their weights, which `set_weights` wants to be told."""
    return version_of({row.id: row.weight for row in assignments})


def may_weigh() -> ColumnElement[bool]:
    """Not what was put away before any student saw it."""
    return or_(Assignment.state != AssignmentState.ARCHIVED, Assignment.published_at.is_not(None))


@cache
def _intake() -> Select[*tuple[Any, ...]]:
    teaches = select(IntakeTrainer.user_id).where(
        IntakeTrainer.intake_id == Intake.id, IntakeTrainer.user_id == bindparam("person_id")
    )
    return (
        select(Intake.id, Intake.title, Course.title.label("course"), teaches.exists().label("teaches"))
        .join(Course, Course.id == Intake.course_id)
        .where(Intake.id == bindparam("intake_id"))
    )


@cache
def _assignments() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Assignment.id,
            Assignment.title,
            Assignment.assignment_type,
            Assignment.state,
            Assignment.points,
            Assignment.weight,
            Assignment.opens_at,
            Assignment.due_at,
            Assignment.cut_off_at,
        )
        .where(Assignment.intake_id == bindparam("intake_id"), may_weigh())
        .order_by(Assignment.due_at, Assignment.id)
    )
