"""Drafting, editing, publishing and archiving courses, and the modules they are divided into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import db
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, CourseState, Intake, IntakeTrainer, Level, Module
from portal.domain.courses.slugs import free_slug
from portal.domain.courses.transitions import CourseStep, state_after
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from portal.domain.permissions import Actor, Permission

MOST_WEEKS = 208
LONGEST_TITLE = 120


@dataclass(frozen=True, kw_only=True)
class CourseDescription:
    """What the catalogue says of a course."""

    title: str
    category: str
    level: Level
    weeks: int
    price_pesewas: int
    summary: str = ""
    description: str = ""
    """Markdown."""
    outcomes: tuple[str, ...] = ()
    syllabus: tuple[str, ...] = ()


def draft_course(session: Session, actor: Actor, command: CourseDescription, *, at: datetime) -> Course:
    """Add a course that only its author and the office see until it is published."""
    _refuse_without(actor, Permission.DRAFT_COURSE, "Only trainers and admins with the content duty draft courses.")
    values = _checked(command)
    course = Course(
        **values,
        slug=free_slug(session, command.title),
        state=CourseState.DRAFT,
        drafted_by=actor.id,
        created_at=at,
        updated_at=at,
    )
    session.add(course)
    try:
        session.flush()
    except IntegrityError as error:
        if db.constraint_of(error) == "uq_courses_slug":
            raise Conflict("Another course of this name was added a moment ago. Please send it again.") from error
        raise
    audit.record(session, actor, "course:draft", course, after=values, at=at)
    return course


def edit_course(session: Session, actor: Actor, course_id: UUID, command: CourseDescription, *, at: datetime) -> Course:
    """Change what the catalogue says of a course. Its address stays once it has been public."""
    course = lock_course(session, course_id)
    _refuse_to_edit(actor, course)
    values = _checked(command)
    before = {name: getattr(course, name) for name in values}
    if course.published_at is None and course.title != values["title"]:
        course.slug = free_slug(session, values["title"], besides=course.id)
    for name, value in values.items():
        setattr(course, name, value)
    course.updated_at = at
    audit.record(session, actor, "course:edit", course, before=before, after=values, at=at)
    db.changed(session, "catalogue")
    return course


def publish_course(session: Session, actor: Actor, course_id: UUID, *, at: datetime) -> Course:
    """Put a course into the catalogue; refuse one that says too little of itself."""
    _refuse_without(actor, Permission.PUBLISH_COURSE, "Only admins with the content duty publish courses.")
    course = lock_course(session, course_id)
    state = state_after(course.state, CourseStep.PUBLISH)
    _refuse_incomplete(course)
    before, course.state = course.state, state
    course.published_at = course.published_at or at
    course.updated_at = at
    audit.record(session, actor, "course:publish", course, before={"state": before}, after={"state": state}, at=at)
    db.changed(session, "catalogue")
    return course


def archive_course(session: Session, actor: Actor, course_id: UUID, *, at: datetime) -> Course:
    """Take a course out of the catalogue; its intakes go on and its records stay."""
    _refuse_without(actor, Permission.PUBLISH_COURSE, "Only admins with the content duty archive courses.")
    course = lock_course(session, course_id)
    before, course.state = course.state, state_after(course.state, CourseStep.ARCHIVE)
    course.updated_at = at
    audit.record(
        session, actor, "course:archive", course, before={"state": before}, after={"state": course.state}, at=at
    )
    db.changed(session, "catalogue")
    return course


def add_module(session: Session, actor: Actor, course_id: UUID, title: str, *, at: datetime) -> Module:
    """Add a module at the end of a course."""
    course = lock_course(session, course_id)
    _refuse_to_shape(session, actor, course)
    last = session.scalar(select(func.max(Module.position)).where(Module.course_id == course_id)) or 0
    module = Module(course_id=course_id, title=_checked_title(title), position=last + 1)
    session.add(module)
    audit.record(session, actor, "module:add", module, after={"title": module.title, "course_id": course_id}, at=at)
    return module


def rename_module(session: Session, actor: Actor, module_id: UUID, title: str, *, at: datetime) -> Module:
    """Give a module another title."""
    _, module = _module_to_change(session, actor, module_id)
    before, module.title = module.title, _checked_title(title)
    audit.record(
        session, actor, "module:rename", module, before={"title": before}, after={"title": module.title}, at=at
    )
    return module


def move_module(session: Session, actor: Actor, module_id: UUID, *, up: bool, at: datetime) -> Module:
    """Move a module one place up or down; at either end it stays where it is."""
    course, module = _module_to_change(session, actor, module_id)
    order = Module.position.desc() if up else Module.position.asc()
    beyond = Module.position < module.position if up else Module.position > module.position
    neighbours = select(Module).where(Module.course_id == course.id, beyond).order_by(order)
    other = session.scalars(neighbours.limit(1)).first()
    if other is not None:
        before = module.position
        module.position, other.position = other.position, module.position
        audit.record(
            session, actor, "module:move", module,
            before={"position": before}, after={"position": module.position}, at=at,
        )  # fmt: skip
    return module


def lock_course(session: Session, course_id: UUID) -> Course:
    """Return a course as it is now, held until the end of the transaction."""
    statement = select(Course).where(Course.id == course_id).with_for_update(key_share=True)
    course = session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()
    if course is None:
        raise NotFound
    return course


def _module_to_change(session: Session, actor: Actor, module_id: UUID) -> tuple[Course, Module]:
    """Return a module and its course; the course is held, so that two moves of its modules wait for each other."""
    course_id = session.scalar(select(Module.course_id).where(Module.id == module_id))
    if course_id is None:
        raise NotFound
    course = lock_course(session, course_id)
    _refuse_to_shape(session, actor, course)
    statement = select(Module).where(Module.id == module_id).execution_options(populate_existing=True)
    return course, session.execute(statement).scalar_one()


def _refuse_without(actor: Actor, permission: Permission, sentence: str) -> None:
    if not actor.may(permission):
        raise Forbidden(sentence)


def _refuse_to_edit(actor: Actor, course: Course) -> None:
    """The content duty edits every course; a trainer edits their own until it is published."""
    if actor.may(Permission.PUBLISH_COURSE):
        return
    if not actor.may(Permission.DRAFT_COURSE) or actor.id is None or course.drafted_by != actor.id:
        raise NotFound
    if course.state != CourseState.DRAFT:
        raise Forbidden("This course is no longer a draft. Ask an admin with the content duty to change it.")


def _refuse_to_shape(session: Session, actor: Actor, course: Course) -> None:
    """Modules are the matter of those who may edit the course and of those who teach one of its intakes."""
    teaches = (
        select(IntakeTrainer.user_id)
        .join(Intake, Intake.id == IntakeTrainer.intake_id)
        .where(Intake.course_id == course.id, IntakeTrainer.user_id == actor.id)
    )
    if actor.may(Permission.RELEASE_MATERIALS) and session.scalar(select(exists(teaches))):
        return
    _refuse_to_edit(actor, course)


def _refuse_incomplete(course: Course) -> None:
    missing = {
        name: sentence
        for name, sentence in {
            "summary": "Say in a sentence what the course is.",
            "description": "Describe the course.",
            "outcomes": "Say what people can do afterwards.",
        }.items()
        if not getattr(course, name)
    }
    if missing:
        named = ", ".join(missing)
        raise Invalid(f"The catalogue needs more before this course can be published: {named}.", fields=missing)


def _checked(command: CourseDescription) -> dict[str, Any]:
    problems: dict[str, str] = {}
    category = " ".join(command.category.split())
    if not category:
        problems["category"] = "Say to which category the course belongs."
    if not 1 <= command.weeks <= MOST_WEEKS:
        problems["weeks"] = f"A course takes 1 to {MOST_WEEKS} weeks."
    if command.price_pesewas < 0:
        problems["price_pesewas"] = "A price is not negative."
    if problems:
        raise Invalid("Please check the course.", fields=problems)
    return {
        "title": _checked_title(command.title),
        "category": category,
        "level": command.level.value,
        "weeks": command.weeks,
        "price_pesewas": command.price_pesewas,
        "summary": command.summary.strip(),
        "description": command.description.strip(),
        "outcomes": [line.strip() for line in command.outcomes if line.strip()],
        "syllabus": [line.strip() for line in command.syllabus if line.strip()],
    }


def _checked_title(text: str) -> str:
    title = " ".join(text.split())
    if not title:
        raise Invalid("A title is missing.", fields={"title": "Give it a title."})
    if len(title) > LONGEST_TITLE:
        raise Invalid("The title is too long.", fields={"title": f"At most {LONGEST_TITLE} characters."})
    return title
