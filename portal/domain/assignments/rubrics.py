"""Keeping rubrics: what a trainer saves is a further version; versions that work was marked by stay as they were."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.assignments.rubric_models import Rubric, RubricCriterion, RubricLevel, RubricVersion
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Intake, IntakeTrainer
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor

MOST_CRITERIA, MOST_LEVELS = 20, 10
LONGEST_TITLE = 200  # characters
LONGEST_DESCRIPTION = 2_000
MOST_LEVEL_POINTS = 1000


@dataclass(frozen=True, kw_only=True)
class SetLevel:
    """A level as a trainer writes it."""

    title: str
    points: Decimal
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class SetCriterion:
    """A criterion as a trainer writes it."""

    title: str
    levels: tuple[SetLevel, ...]
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class SetRubric:
    """A rubric as a trainer writes it."""

    title: str
    criteria: tuple[SetCriterion, ...]
    course_id: UUID | None = None
    """The course whose other trainers may use it too; None: it is the trainer's own."""


def create_rubric(session: Session, actor: Actor, command: SetRubric, *, at: datetime) -> Rubric:
    """Return a new rubric with its first version."""
    _check(command)
    _check_course(session, actor, command.course_id)
    rubric = Rubric(
        id=uuid7(), title=command.title, course_id=command.course_id, owner_id=actor.person_id, created_at=at
    )
    session.add(rubric)
    _add_version(session, actor, rubric, command, 1, at)
    audit.record(session, actor, "rubric:create", rubric, after=asdict(command), at=at)
    return rubric


def edit_rubric(session: Session, actor: Actor, rubric_id: UUID, command: SetRubric, *, at: datetime) -> Rubric:
    """Save a rubric as a further version; assignments keep the version they have until their trainer chooses this."""
    _check(command)
    rubric = _lock(session, actor, rubric_id)
    _check_course(session, actor, command.course_id)
    newest = select(func.max(RubricVersion.number)).where(RubricVersion.rubric_id == rubric.id)
    number = session.scalars(newest).one() + 1
    rubric.title, rubric.course_id = command.title, command.course_id
    _add_version(session, actor, rubric, command, number, at)
    audit.record(session, actor, "rubric:edit", rubric, after=asdict(command) | {"version": number}, at=at)
    return rubric


def archive_rubric(session: Session, actor: Actor, rubric_id: UUID, *, at: datetime) -> Rubric:
    """Put a rubric away: it is offered no more, and assignments that have it keep it."""
    rubric = _lock(session, actor, rubric_id)
    rubric.archived_at = at
    audit.record(session, actor, "rubric:archive", rubric, after={"archived_at": at}, at=at)
    return rubric


def may_use(session: Session, actor: Actor, version_id: UUID | None) -> bool:
    """Return whether this trainer may set this version: of an own rubric, or of one of a course they teach."""
    teaches = (
        select(IntakeTrainer.intake_id)
        .join(Intake, Intake.id == IntakeTrainer.intake_id)
        .where(IntakeTrainer.user_id == actor.person_id, Intake.course_id == Rubric.course_id)
        .exists()
    )
    found = (
        select(RubricVersion.id)
        .join(Rubric, Rubric.id == RubricVersion.rubric_id)
        .where(
            RubricVersion.id == version_id,
            Rubric.archived_at.is_(None),
            or_(Rubric.owner_id == actor.person_id, teaches),
        )
    )
    return session.scalar(found) is not None


def _check(command: SetRubric) -> None:
    texts = [command.title, *(criterion.title for criterion in command.criteria)]
    descriptions = [criterion.description for criterion in command.criteria]
    for criterion in command.criteria:
        texts += [level.title for level in criterion.levels]
        descriptions += [level.description for level in criterion.levels]
    problem = None
    if not all(1 <= len(text) <= LONGEST_TITLE for text in texts):
        problem = f"Rubric, criteria and levels each need a title of at most {LONGEST_TITLE} characters."
    elif any(len(text) > LONGEST_DESCRIPTION for text in descriptions):
        problem = f"A description may have {LONGEST_DESCRIPTION:,} characters."
    elif not 1 <= len(command.criteria) <= MOST_CRITERIA:
        problem = f"A rubric has 1 to {MOST_CRITERIA} criteria."
    elif not all(2 <= len(criterion.levels) <= MOST_LEVELS for criterion in command.criteria):
        problem = f"A criterion has 2 to {MOST_LEVELS} levels, or there is nothing to choose."
    elif not all(_are_points(level.points) for criterion in command.criteria for level in criterion.levels):
        problem = f"A level is worth 0 to {MOST_LEVEL_POINTS} points, with at most two decimals."
    elif any(max(level.points for level in criterion.levels) == 0 for criterion in command.criteria):
        problem = "The best level of each criterion is worth more than 0."
    if problem:
        raise Invalid(problem)


def _are_points(points: Decimal) -> bool:
    return 0 <= points <= MOST_LEVEL_POINTS and points == points.quantize(Decimal("0.01"))


def _check_course(session: Session, actor: Actor, course_id: UUID | None) -> None:
    if course_id is None:
        return
    taught = (
        select(Intake.id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Intake.id)
        .where(Intake.course_id == course_id, IntakeTrainer.user_id == actor.person_id)
        .limit(1)
    )
    if session.scalar(taught) is None:
        raise Invalid("Choose a course you teach.", fields={"course_id": "You teach no intake of this course."})


def _lock(session: Session, actor: Actor, rubric_id: UUID) -> Rubric:
    """Hold a rubric of this trainer; one of others does not exist to be changed."""
    statement = select(Rubric).where(Rubric.id == rubric_id, Rubric.owner_id == actor.person_id).with_for_update()
    rubric = session.scalar(statement.execution_options(populate_existing=True))
    if rubric is None:
        raise NotFound
    if rubric.archived_at is not None:
        raise Conflict("This rubric was put away: it stays as it was.")
    return rubric


def _add_version(session: Session, actor: Actor, rubric: Rubric, command: SetRubric, number: int, at: datetime) -> None:
    version = RubricVersion(
        id=uuid7(),
        rubric_id=rubric.id,
        number=number,
        title=command.title,
        created_by=actor.person_id,
        created_at=at,
    )
    session.add(version)
    session.flush()
    for place, criterion in enumerate(command.criteria, start=1):
        row = RubricCriterion(
            id=uuid7(),
            version_id=version.id,
            position=place,
            title=criterion.title,
            description=criterion.description,
        )
        session.add(row)
        session.flush()
        session.add_all(
            RubricLevel(
                id=uuid7(),
                criterion_id=row.id,
                position=level_place,
                title=level.title,
                description=level.description,
                points=level.points,
            )
            for level_place, level in enumerate(criterion.levels, start=1)
        )
