"""Arranging groups in tests: an assignment that is done in groups, students of its intake, groups with members."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Assignment
from portal.domain.enrolments.models import Enrolment
from tests.cast import Cast
from tests.factories import add, make_assignment, make_enrolment, make_user, now

_numbers = itertools.count(1)


def make_group_work(world: Session, cast: Cast, formation: str = "students", **values: Any) -> Assignment:
    """Return an assignment of Ama's intake that is done in groups of two or three."""
    limits: dict[str, Any] = {"group_formation": formation, "group_least": 2, "group_most": 3}
    assignment = make_assignment(world, cast.intake, cast.kofi, **(limits | values))
    world.commit()
    return assignment


def enrol(world: Session, cast: Cast, first_name: str = "Abena") -> tuple[User, Enrolment]:
    """Return another student of Ama's intake."""
    number = next(_numbers)
    user = make_user(world, first_name=first_name, last_name="Tetteh", email=f"classmate{number}@example.test")
    enrolment = make_enrolment(world, user, cast.intake)
    world.commit()
    return user, enrolment


def make_group(
    world: Session, cast: Cast, assignment: Assignment, *members: Enrolment, name: str = ""
) -> AssignmentGroup:
    """Return a group with these members."""
    group = add(
        world,
        AssignmentGroup(
            assignment_id=assignment.id,
            name=name or f"Group {next(_numbers)}",
            created_by=cast.kofi.id,
            created_at=now(),
        ),
    )
    world.commit()
    for member in members:
        put(world, group, member)
    world.refresh(group)
    world.commit()
    return group


def put(world: Session, group: AssignmentGroup, enrolment: Enrolment) -> None:
    add(
        world,
        GroupMember(assignment_id=group.assignment_id, enrolment_id=enrolment.id, group_id=group.id, joined_at=now()),
    )
    world.commit()
