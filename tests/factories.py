"""Rows for tests: valid by default, changed by keyword, nothing random that decides a branch."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.accounts.models import User, UserSession
from portal.domain.accounts.tokens import new_token, token_hash
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.rubric_models import Rubric, RubricCriterion, RubricLevel, RubricVersion
from portal.domain.courses.models import Course, Intake, IntakeTrainer, Material, Module, Seat
from portal.domain.enrolments.models import Enrolment
from portal.domain.live_classes.models import LiveClass, Room

_numbers = itertools.count(1)


def now() -> datetime:
    return datetime.now(UTC)


def add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def make_user(session: Session, role: str = "student", **values: Any) -> User:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "role": role,
        "first_name": "Person",
        "last_name": f"Number{number}",
        "email": f"person{number}@example.test",
        "duties": ["registrar", "cashier", "content", "director", "system"] if role == "admin" else [],
    }
    return add(session, User(**(defaults | values)))


def make_session(session: Session, user: User, **values: Any) -> tuple[str, UserSession]:
    token, at = new_token(), now()
    defaults: dict[str, Any] = {
        "token_hash": token_hash(token),
        "user_id": user.id,
        "csrf_token": new_token(),
        "shared_computer": False,
        "idle_minutes": 60,
        "created_at": at,
        "authenticated_at": at,
        "reauthenticated_at": at,
        "last_seen_at": at,
        "expires_at": at + timedelta(hours=12),
        "user_agent": "",
    }
    return token, add(session, UserSession(**(defaults | values)))


def make_course(session: Session, **values: Any) -> Course:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "slug": f"course-{number}",
        "title": f"Course {number}",
        "summary": "What it is about.",
        "category": "Media",
        "level": "beginner",
        "weeks": 8,
        "price_pesewas": 120_000,
        "state": "published",
        "published_at": now(),
    }
    return add(session, Course(**(defaults | values)))


def make_module(session: Session, course: Course, **values: Any) -> Module:
    number = next(_numbers)
    defaults: dict[str, Any] = {"course_id": course.id, "title": f"Module {number}", "position": number}
    return add(session, Module(**(defaults | values)))


def make_intake(
    session: Session, course: Course | None = None, trainers: list[User] | None = None, **values: Any
) -> Intake:
    course = course or make_course(session)
    today = date.today()
    defaults: dict[str, Any] = {
        "course_id": course.id,
        "title": f"Intake {next(_numbers)}",
        "starts_on": today - timedelta(days=14),
        "ends_on": today + timedelta(days=70),
        "application_deadline": today,
        "seats": 20,
        "price_pesewas": course.price_pesewas,
    }
    intake = add(session, Intake(**(defaults | values)))
    for trainer in trainers or []:
        add(session, IntakeTrainer(intake_id=intake.id, user_id=trainer.id))
    return intake


def make_enrolment(session: Session, user: User, intake: Intake, **values: Any) -> Enrolment:
    defaults: dict[str, Any] = {"user_id": user.id, "intake_id": intake.id, "enrolled_at": now()}
    enrolment = add(session, Enrolment(**(defaults | values)))
    if enrolment.state in (None, "active", "suspended"):
        add(session, Seat(intake_id=intake.id, user_id=user.id))
    return enrolment


def make_material(session: Session, intake: Intake, module: Module, author: User, **values: Any) -> Material:
    defaults: dict[str, Any] = {
        "intake_id": intake.id,
        "module_id": module.id,
        "course_id": intake.course_id,
        "kind": "text",
        "title": f"Material {next(_numbers)}",
        "body": "Something to read.",
        "released_at": now() - timedelta(days=1),
        "created_by": author.id,
    }
    return add(session, Material(**(defaults | values)))


def make_assignment(session: Session, intake: Intake, author: User, **values: Any) -> Assignment:
    defaults: dict[str, Any] = {
        "intake_id": intake.id,
        "title": f"Assignment {next(_numbers)}",
        "assignment_type": "homework",
        "instructions": "Make something good.",
        "points": 100,
        "due_at": now() + timedelta(days=7),
        "state": "published",
        "published_at": now() - timedelta(days=1),
        "created_by": author.id,
    }
    return add(session, Assignment(**(defaults | values)))


def make_rubric(session: Session, owner: User, **values: Any) -> Rubric:
    """Return a rubric in one version, with one criterion of two levels."""
    defaults: dict[str, Any] = {"title": f"Rubric {next(_numbers)}", "owner_id": owner.id, "created_at": now()}
    rubric = add(session, Rubric(**(defaults | values)))
    saved = {"number": 1, "title": rubric.title, "created_by": owner.id, "created_at": now()}
    version = add(session, RubricVersion(rubric_id=rubric.id, **saved))
    criterion = add(session, RubricCriterion(version_id=version.id, position=1, title="Light"))
    for position, (title, points) in enumerate((("Not there yet", 0), ("Well", 10)), start=1):
        add(session, RubricLevel(criterion_id=criterion.id, position=position, title=title, points=points))
    return rubric


def make_room(session: Session, **values: Any) -> Room:
    return add(session, Room(**({"name": f"Room {next(_numbers)}"} | values)))


def make_live_class(session: Session, intake: Intake, trainer: User, **values: Any) -> LiveClass:
    starts_at = values.pop("starts_at", now() + timedelta(days=1))
    defaults: dict[str, Any] = {
        "intake_id": intake.id,
        "title": f"Class {next(_numbers)}",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=1),
        "trainer_id": trainer.id,
        "meeting_url": "https://meet.google.com/abc-defg-hij",
        "created_by": trainer.id,
    }
    return add(session, LiveClass(**(defaults | values)))
