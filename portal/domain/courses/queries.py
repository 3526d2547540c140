"""Questions of those who run courses: the office's lists, and what a trainer drafts and teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.accounts.names import Named
from portal.domain.courses.models import Course, CourseState, Intake, IntakeTrainer, Material, Module
from portal.domain.courses.search import has_words
from portal.domain.errors import NotFound
from portal.domain.files.models import StoredFile
from portal.domain.keyset import Keyset, Page, Total, counted, paged
from portal.domain.permissions import Actor, Permission, Role


@dataclass(frozen=True)
class CourseRow:
    """A course in the office's list."""

    id: UUID
    title: str
    category: str
    level: str
    weeks: int
    price_pesewas: int
    state: str
    intakes: int


@dataclass(frozen=True)
class IntakeRow:
    """An intake in a list."""

    id: UUID
    course_id: UUID
    course: str
    title: str
    starts_on: date
    ends_on: date
    application_deadline: date
    seats: int
    seats_taken: int
    price_pesewas: int
    trainers: Sequence[str]

    @property
    def full(self) -> bool:
        return self.seats_taken >= self.seats


@dataclass(frozen=True)
class ModuleRow:
    id: UUID
    title: str
    position: int


@dataclass(frozen=True)
class TrainerChoice(Named):
    """Somebody who can be named trainer of an intake."""

    id: UUID
    first_name: str
    last_name: str


@dataclass(frozen=True)
class MaterialRow:
    """A material as its trainers see it: released, to be released, or kept back."""

    id: UUID
    module_id: UUID
    kind: str
    title: str
    url: str | None
    released_at: datetime | None
    file_name: str | None
    file_size: int | None


@dataclass(frozen=True)
class ModuleWithMaterials:
    id: UUID
    title: str
    materials: tuple[MaterialRow, ...]


def courses(
    session: Session,
    *,
    q: str = "",
    state: CourseState | None = None,
    cursor: Keyset | None = None,
    size: int = 25,
) -> Page[CourseRow]:
    """Return courses in every state by title, for the office."""
    return paged(session, _courses(q, state), sort=Course.sort_key, key=Course.id, cursor=cursor, size=size).into(
        CourseRow
    )


def courses_total(session: Session, *, q: str = "", state: CourseState | None = None) -> Total:
    """Return how many courses such a search finds."""
    return counted(session, _courses(q, state).with_only_columns(Course.id))


def drafts_of(session: Session, trainer_id: UUID) -> list[CourseRow]:
    """Return the courses a trainer has drafted, published or not, the latest change first."""
    statement = _courses("", None).where(Course.drafted_by == trainer_id)
    return [CourseRow(*row) for row in session.execute(statement.order_by(Course.updated_at.desc()).limit(100))]


def course_for(session: Session, actor: Actor, course_id: UUID) -> Course:
    """Return a course that this person may see from inside: their own draft, one they teach, or any for the office."""
    course = session.get(Course, course_id)
    if course is None:
        raise NotFound
    if actor.role == Role.ADMIN or course.drafted_by == actor.id:
        return course
    taught = (
        select(IntakeTrainer.user_id)
        .join(Intake, Intake.id == IntakeTrainer.intake_id)
        .where(Intake.course_id == course_id, IntakeTrainer.user_id == actor.id)
    )
    if not session.scalar(select(exists(taught))):
        raise NotFound
    return course


def may_edit(actor: Actor, course: Course) -> bool:
    """Return whether this person may change what the catalogue says of a course."""
    if actor.may(Permission.PUBLISH_COURSE):
        return True
    own_draft = course.drafted_by == actor.id and course.state == CourseState.DRAFT
    return own_draft and actor.may(Permission.DRAFT_COURSE)


def modules_of(session: Session, course_id: UUID) -> list[ModuleRow]:
    """Return the modules of a course in their order."""
    statement = (
        select(Module.id, Module.title, Module.position).where(Module.course_id == course_id).order_by(Module.position)
    )
    return [ModuleRow(*row) for row in session.execute(statement)]


def module_of(session: Session, course_id: UUID, module_id: UUID) -> ModuleRow:
    """Return a module of this course; raise `NotFound` for one of another."""
    statement = select(Module.id, Module.title, Module.position)
    row = session.execute(statement.where(Module.id == module_id, Module.course_id == course_id)).one_or_none()
    if row is None:
        raise NotFound
    return ModuleRow(*row)


def intakes(
    session: Session,
    *,
    q: str = "",
    running_on: date | None = None,
    cursor: Keyset | None = None,
    size: int = 25,
) -> Page[IntakeRow]:
    """Return all intakes, the latest first; with `running_on` those that have not ended then, the first first."""
    statement = _searched(q, running_on)
    falling = running_on is None
    return paged(
        session, statement, sort=Intake.starts_on, key=Intake.id, cursor=cursor, size=size, descending=falling
    ).into(IntakeRow)


def intakes_total(session: Session, *, q: str = "", running_on: date | None = None) -> Total:
    """Return how many intakes such a search finds."""
    return counted(session, _searched(q, running_on).with_only_columns(Intake.id))


def intakes_of_course(session: Session, course_id: UUID) -> list[IntakeRow]:
    """Return the intakes of a course, the latest first."""
    statement = _intakes().where(Intake.course_id == course_id).order_by(Intake.starts_on.desc(), Intake.id.desc())
    return [IntakeRow(*row) for row in session.execute(statement.limit(100))]


def intakes_of_trainer(session: Session, trainer_id: UUID, *, today: date) -> list[IntakeRow]:
    """Return the intakes a person teaches: those that run or are to come by their start, then those that ended."""
    taught = exists().where(IntakeTrainer.intake_id == Intake.id, IntakeTrainer.user_id == trainer_id)
    statement = _intakes().where(taught).order_by(Intake.ends_on < today, Intake.starts_on, Intake.id).limit(100)
    return [IntakeRow(*row) for row in session.execute(statement)]


def intake(session: Session, intake_id: UUID) -> IntakeRow:
    """Return one intake, for the office."""
    row = session.execute(_intakes().where(Intake.id == intake_id)).one_or_none()
    if row is None:
        raise NotFound
    return IntakeRow(*row)


def intake_taught_by(session: Session, trainer_id: UUID, intake_id: UUID) -> IntakeRow:
    """Return an intake this person teaches; to others it does not exist."""
    taught = exists().where(IntakeTrainer.intake_id == Intake.id, IntakeTrainer.user_id == trainer_id)
    row = session.execute(_intakes().where(Intake.id == intake_id, taught)).one_or_none()
    if row is None:
        raise NotFound
    return IntakeRow(*row)


def possible_trainers(session: Session) -> list[TrainerChoice]:
    """Return everybody who can be named trainer of an intake, by name: trainers first, then admins."""
    statement = (
        select(User.id, User.first_name, User.last_name)
        .where(User.role.in_([Role.TRAINER, Role.ADMIN]), User.deactivated_at.is_(None))
        .order_by(User.role.desc(), User.sort_key)
        .limit(200)
    )
    return [TrainerChoice(*row) for row in session.execute(statement)]


def trainers_of(session: Session, intake_id: UUID) -> list[UUID]:
    """Return who teaches an intake."""
    return list(session.scalars(select(IntakeTrainer.user_id).where(IntakeTrainer.intake_id == intake_id)))


def materials_of(session: Session, intake_id: UUID) -> list[ModuleWithMaterials]:
    """Return the modules of an intake's course, each with all materials of this intake, for those who teach it."""
    here = (Material.module_id == Module.id) & (Material.intake_id == intake_id) & Material.removed_at.is_(None)
    statement = (
        select(
            Module.id,
            Module.title,
            Material.id,
            Material.module_id,
            Material.kind,
            Material.title,
            Material.url,
            Material.released_at,
            StoredFile.name,
            StoredFile.size,
        )
        .join(Intake, Intake.course_id == Module.course_id)
        .outerjoin(Material, here)
        .outerjoin(StoredFile, StoredFile.id == Material.file_id)
        .where(Intake.id == intake_id)
        .order_by(Module.position, Material.position, Material.id)
    )
    found: dict[UUID, tuple[str, list[MaterialRow]]] = {}
    for module_id, title, *material in session.execute(statement):
        _, listed = found.setdefault(module_id, (title, []))
        if material[0] is not None:
            listed.append(MaterialRow(*material))
    return [ModuleWithMaterials(key, title, tuple(listed)) for key, (title, listed) in found.items()]


def material_taught_by(session: Session, trainer_id: UUID, material_id: UUID) -> Material:
    """Return a material of an intake this person teaches; to others it does not exist."""
    taught = exists().where(IntakeTrainer.intake_id == Material.intake_id, IntakeTrainer.user_id == trainer_id)
    statement = select(Material).where(Material.id == material_id, Material.removed_at.is_(None), taught)
    material = session.execute(statement).scalar_one_or_none()
    if material is None:
        raise NotFound
    return material


def material_file_taught_by(session: Session, trainer_id: UUID, material_id: UUID) -> StoredFile:
    """Return the file of a material of an intake this person teaches."""
    taught = exists().where(IntakeTrainer.intake_id == Material.intake_id, IntakeTrainer.user_id == trainer_id)
    statement = (
        select(StoredFile)
        .join(Material, Material.file_id == StoredFile.id)
        .where(Material.id == material_id, Material.removed_at.is_(None), taught)
    )
    file = session.execute(statement).scalar_one_or_none()
    if file is None:
        raise NotFound
    return file


def _courses(q: str, state: CourseState | None) -> Select[*tuple[Any, ...]]:
    intakes_made = select(func.count()).where(Intake.course_id == Course.id).scalar_subquery()
    statement: Select[*tuple[Any, ...]] = select(
        Course.id,
        Course.title,
        Course.category,
        Course.level,
        Course.weeks,
        Course.price_pesewas,
        Course.state,
        intakes_made,
    ).where(*has_words(q, Course.search_text))
    return statement if state is None else statement.where(Course.state == state)


def _searched(q: str, running_on: date | None) -> Select[*tuple[Any, ...]]:
    statement = _intakes().where(*has_words(q, Intake.search_text, Course.search_text))
    return statement if running_on is None else statement.where(Intake.ends_on >= running_on)


def _intakes() -> Select[*tuple[Any, ...]]:
    name = User.name
    trainers = (
        select(func.coalesce(func.array_agg(aggregate_order_by(name, User.sort_key)), text("'{}'::text[]")))
        .join(IntakeTrainer, IntakeTrainer.user_id == User.id)
        .where(IntakeTrainer.intake_id == Intake.id)
        .correlate(Intake)
        .scalar_subquery()
    )
    return select(
        Intake.id,
        Intake.course_id,
        Course.title.label("course"),
        Intake.title,
        Intake.starts_on,
        Intake.ends_on,
        Intake.application_deadline,
        Intake.seats,
        Intake.seats_taken,
        Intake.price_pesewas,
        trainers.label("trainers"),
    ).join(Course, Course.id == Intake.course_id)
