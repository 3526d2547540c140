"""Rubrics as pages show them: as one object inside other statements, in a trainer's list, and to be edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Grade
from portal.domain.assignments.rubric_models import GradeLevel, Rubric, RubricCriterion, RubricLevel, RubricVersion
from portal.domain.assignments.rubric_points import Rubric as RubricAsMarked
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.errors import NotFound


@dataclass(frozen=True)
class ChosenLevel:
    """What was chosen and written for one criterion of a mark."""

    criterion_id: UUID
    level_id: UUID
    comment: str

    @classmethod
    def read(cls, told: Iterable[dict[str, Any]] | None) -> dict[UUID, ChosenLevel]:
        """Return by criterion what a `levels_of_grade` told; none is an empty choice."""
        chosen = (cls(UUID(row["criterion_id"]), UUID(row["level_id"]), row["comment"]) for row in told or ())
        return {level.criterion_id: level for level in chosen}


@dataclass(frozen=True)
class RubricRow:
    """A rubric on a trainer's list."""

    id: UUID
    version_id: UUID
    number: int
    title: str
    course: str | None
    owner_id: UUID
    owner: str
    created_at: datetime
    criteria: int
    most: Decimal
    assignments: int
    """How many assignments are marked by any of its versions."""


@dataclass(frozen=True)
class RubricPage:
    """A rubric as its owner edits it: the newest version."""

    id: UUID
    course_id: UUID | None
    number: int
    rubric: RubricAsMarked
    archived_at: datetime | None


@dataclass(frozen=True)
class CourseTaught:
    """A course of which a trainer teaches an intake."""

    id: UUID
    title: str


def rubric_of(version_id: InstrumentedAttribute[UUID | None]) -> ColumnElement[dict[str, Any] | None]:
    """Select the rubric that this column names as one object; `rubric_points.Rubric.read` reads it."""
    named = select(rubric_of_version()).where(RubricVersion.id == version_id)
    return named.correlate(version_id.class_).scalar_subquery()


def rubric_of_version() -> ColumnElement[dict[str, Any]]:
    """Select a `RubricVersion` with all its criteria and levels as one object."""
    level = func.json_build_object(
        "id", RubricLevel.id, "title", RubricLevel.title, "description", RubricLevel.description,
        "points", cast(RubricLevel.points, String),
    )  # fmt: skip
    levels = (
        select(func.json_agg(aggregate_order_by(level, RubricLevel.position)))
        .where(RubricLevel.criterion_id == RubricCriterion.id)
        .correlate(RubricCriterion)
        .scalar_subquery()
    )
    criterion = func.json_build_object(
        "id", RubricCriterion.id, "title", RubricCriterion.title, "description", RubricCriterion.description,
        "levels", levels,
    )  # fmt: skip
    criteria = (
        select(func.json_agg(aggregate_order_by(criterion, RubricCriterion.position)))
        .where(RubricCriterion.version_id == RubricVersion.id)
        .correlate(RubricVersion)
        .scalar_subquery()
    )
    return func.json_build_object("version_id", RubricVersion.id, "title", RubricVersion.title, "criteria", criteria)


def levels_of_grade() -> ColumnElement[list[dict[str, Any]] | None]:
    """Select what was chosen for a `Grade` as one list of objects; `ChosenLevel.read` reads it."""
    told = func.json_build_object(
        "criterion_id", GradeLevel.criterion_id, "level_id", GradeLevel.level_id, "comment", GradeLevel.comment
    )
    return select(func.json_agg(told)).where(GradeLevel.grade_id == Grade.id).correlate(Grade).scalar_subquery()


def rubrics_for(session: Session, trainer_id: UUID) -> list[RubricRow]:
    """Return the rubrics a trainer may use: their own, and those of courses they teach; each as it is now."""
    statement = _newest(trainer_id).where(Rubric.archived_at.is_(None)).order_by(func.fold(Rubric.title), Rubric.id)
    return [RubricRow(*row) for row in session.execute(statement)]


def rubric_to_edit(session: Session, trainer_id: UUID, rubric_id: UUID) -> RubricPage:
    """Return a rubric of this trainer's own, in its newest version."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Rubric.id,
            Rubric.course_id,
            RubricVersion.number,
            rubric_of_version(),
            Rubric.archived_at,
        )
        .select_from(Rubric)
        .join(RubricVersion, RubricVersion.rubric_id == Rubric.id)
        .where(Rubric.id == rubric_id, Rubric.owner_id == trainer_id)
        .order_by(RubricVersion.number.desc())
        .limit(1)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return RubricPage(row[0], row[1], row[2], RubricAsMarked.read(row[3]), row[4])


def courses_taught(session: Session, trainer_id: UUID) -> list[CourseTaught]:
    """Return the courses of which a trainer teaches an intake, by their titles."""
    taught = (
        select(Intake.course_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .where(IntakeTrainer.user_id == trainer_id)
    )
    statement = select(Course.id, Course.title).where(Course.id.in_(taught)).order_by(Course.title, Course.id)
    return [CourseTaught(*row) for row in session.execute(statement)]


def _newest(trainer_id: UUID) -> Select[*tuple[Any, ...]]:
    later = aliased(RubricVersion)
    is_newest = ~(
        select(later.id)
        .where(later.rubric_id == RubricVersion.rubric_id, later.number > RubricVersion.number)
        .correlate(RubricVersion)
        .exists()
    )
    teaches = (
        select(Intake.id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .where(IntakeTrainer.user_id == trainer_id, Intake.course_id == Rubric.course_id)
        .correlate(Rubric)
        .exists()
    )
    best = (
        select(func.max(RubricLevel.points).label("points"))
        .join(RubricCriterion, RubricCriterion.id == RubricLevel.criterion_id)
        .where(RubricCriterion.version_id == RubricVersion.id)
        .group_by(RubricCriterion.id)
        .correlate(RubricVersion)
        .subquery("best")
    )
    in_use = aliased(RubricVersion)
    used = (
        select(func.count())
        .select_from(Assignment)
        .join(in_use, in_use.id == Assignment.rubric_version_id)
        .where(in_use.rubric_id == Rubric.id)
        .correlate(Rubric)
        .scalar_subquery()
    )
    return (
        select(
            Rubric.id,
            RubricVersion.id.label("version_id"),
            RubricVersion.number,
            Rubric.title,
            Course.title.label("course"),
            Rubric.owner_id,
            User.name,
            RubricVersion.created_at,
            select(func.count()).select_from(best).scalar_subquery(),
            select(func.sum(best.c.points)).scalar_subquery(),
            used,
        )
        .select_from(Rubric)
        .join(RubricVersion, and_(RubricVersion.rubric_id == Rubric.id, is_newest))
        .join(User, User.id == Rubric.owner_id)
        .outerjoin(Course, Course.id == Rubric.course_id)
        .where(or_(Rubric.owner_id == trainer_id, teaches))
    )
