"""A trainer forms the groups of an assignment: by hand, by lot, or as they were for another one of the intake.

Whoever is moved is told. Work that was handed in keeps the members it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import db
from portal.db import among, changed, uuid7
from portal.domain.assignments.group_models import LONGEST_GROUP_NAME, AssignmentGroup, GroupMember
from portal.domain.assignments.group_news import tell_members
from portal.domain.assignments.group_rules import free_names
from portal.domain.assignments.models import Assignment, AssignmentState, Submission
from portal.domain.audit import operations as audit
from portal.domain.courses.models import IntakeTrainer
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor

NO_NAME = f"Give the group a name of at most {LONGEST_GROUP_NAME} characters."
MOVED_MEANWHILE = "Somebody came into a group, or left, since you looked. Nothing was changed: look again."
MOST_GROUPS = 200


@dataclass(frozen=True)
class NewGroup:
    """A group that is to be formed."""

    enrolment_ids: tuple[UUID, ...]
    name: str = ""
    """Empty: the portal names it."""


def add_group(session: Session, actor: Actor, assignment_id: UUID, name: str, *, at: datetime) -> AssignmentGroup:
    """Return a new group without members; a name that is empty is chosen by the portal."""
    return new_group(session, actor, _lock_assignment(session, actor, assignment_id), name, at)


def rename_group(session: Session, actor: Actor, group_id: UUID, name: str, *, at: datetime) -> AssignmentGroup:
    """Return the group with its new name."""
    group, _ = _lock_group(session, actor, group_id)
    before, wanted = group.name, _checked(name)
    if before == wanted:
        return group
    with _refusals_in_words(session, wanted):
        group.name = wanted
    audit.record(session, actor, "group:rename", group, before={"name": before}, after={"name": group.name}, at=at)
    changed(session, "submissions")
    return group


def remove_group(session: Session, actor: Actor, group_id: UUID, *, at: datetime) -> UUID:
    """Remove a group that nobody is in and that never handed in; return its assignment."""
    group, assignment = _lock_group(session, actor, group_id)
    if group.members:
        raise Conflict(f"“{group.name}” has members. Move them first, then remove it.")
    if session.scalar(select(exists().where(Submission.group_id == group.id))):
        raise Conflict(f"“{group.name}” has handed in, so it stays.")
    session.delete(group)
    audit.record(session, actor, "group:remove", group, before={"name": group.name}, at=at)
    return assignment.id


def put_members(
    session: Session,
    actor: Actor,
    assignment_id: UUID,
    enrolment_ids: Sequence[UUID],
    group_id: UUID | None,
    *,
    at: datetime,
) -> int:
    """Bring students into a group, from wherever they are, or into none; return how many were moved."""
    present = _lock_students(session, enrolment_ids)
    assignment = _lock_assignment(session, actor, assignment_id)
    if any(enrolment.intake_id != assignment.intake_id for enrolment in present) or len(present) != len(
        set(enrolment_ids)
    ):
        raise Conflict("Somebody you chose is no longer enrolled. Look again.")
    group = None if group_id is None else _group_of(session, assignment, group_id)
    moved: dict[AssignmentGroup | None, list[UUID]] = {}
    for enrolment in present:
        member = session.get(GroupMember, (assignment.id, enrolment.id), populate_existing=True)
        before = None if member is None else session.get_one(AssignmentGroup, member.group_id)
        if before is group:
            continue
        _bring(session, member, enrolment, group, at)
        audit.record(
            session,
            actor,
            "group:move-member",
            assignment,
            for_user=enrolment.user_id,
            before={"group_id": before.id if before else None},
            after={"group_id": group_id},
            at=at,
        )
        moved.setdefault(before, []).append(enrolment.user_id)
    for was, user_ids in moved.items():
        tell_members(session, actor, assignment, user_ids, group=group, was=was, at=at)
    changed(session, "submissions")
    return sum(map(len, moved.values()))


def form_groups(
    session: Session, actor: Actor, assignment_id: UUID, groups: Sequence[NewGroup], *, at: datetime
) -> list[AssignmentGroup]:
    """Return new groups of students who are in none so far; where one of them is by now, nothing is changed."""
    chosen = [enrolment_id for group in groups for enrolment_id in group.enrolment_ids]
    present = {enrolment.id: enrolment for enrolment in _lock_students(session, chosen)}
    assignment = _lock_assignment(session, actor, assignment_id)
    taken = exists().where(GroupMember.assignment_id == assignment.id, GroupMember.enrolment_id.in_(chosen))
    if (
        len(present) != len(chosen)
        or any(enrolment.intake_id != assignment.intake_id for enrolment in present.values())
        or session.scalar(select(taken))
    ):
        raise Conflict(MOVED_MEANWHILE)
    made = []
    for wanted in groups:
        group = new_group(session, actor, assignment, wanted.name, at)
        for enrolment_id in wanted.enrolment_ids:
            put_in(session, group, enrolment_id, at)
        made.append(group)
        after = {"name": group.name, "enrolment_ids": list(wanted.enrolment_ids)}
        audit.record(session, actor, "group:form", group, after=after, at=at)
        members = [present[enrolment_id].user_id for enrolment_id in wanted.enrolment_ids]
        tell_members(session, actor, assignment, members, group=group, at=at)
    changed(session, "submissions")
    return made


def new_group(session: Session, actor: Actor, assignment: Assignment, name: str, at: datetime) -> AssignmentGroup:
    """Return a new group of an assignment that is held; a name that is empty is chosen by the portal."""
    taken = session.scalars(select(AssignmentGroup.name).where(AssignmentGroup.assignment_id == assignment.id)).all()
    if len(taken) >= MOST_GROUPS:
        raise Conflict(f"There are {MOST_GROUPS} groups already.")
    group = AssignmentGroup(
        id=uuid7(),
        assignment_id=assignment.id,
        name=_checked(name) if name.strip() else free_names(1, taken)[0],
        members=0,
        created_by=actor.person_id,
        created_at=at,
    )
    with _refusals_in_words(session, group.name):
        session.add(group)
    audit.record(session, actor, "group:add", group, after={"name": group.name}, at=at)
    return group


def put_in(session: Session, group: AssignmentGroup, enrolment_id: UUID, at: datetime) -> None:
    """Bring somebody who is in no group into this one, if there is room."""
    with _refusals_in_words(session, group.name):
        session.add(
            GroupMember(assignment_id=group.assignment_id, enrolment_id=enrolment_id, group_id=group.id, joined_at=at)
        )


def _bring(
    session: Session, member: GroupMember | None, enrolment: Enrolment, group: AssignmentGroup | None, at: datetime
) -> None:
    """Bring somebody from where they are into this group, or into none."""
    if member is None and group is not None:
        put_in(session, group, enrolment.id, at)
    elif member is not None and group is not None:
        with _refusals_in_words(session, group.name):
            member.group_id, member.joined_at = group.id, at
    elif member is not None:
        session.delete(member)
        session.flush()


@contextmanager
def _refusals_in_words(session: Session, name: str) -> Iterator[None]:
    """Write down what is done here; where the database refuses it, say why."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        match db.constraint_of(error):
            case "group_full":
                raise Conflict(f"“{name}” is full.") from error
            case "pk_group_members":
                raise Conflict(MOVED_MEANWHILE) from error
            case "uq_assignment_groups_assignment_id_name":
                taken = {"name": "Another group has this name."}
                raise Conflict(f"There is a group called “{name}” already.", fields=taken) from error
        raise


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_GROUP_NAME:
        raise Invalid("The group has no name yet.", fields={"name": NO_NAME})
    return name


def _lock_students(session: Session, enrolment_ids: Sequence[UUID]) -> Sequence[Enrolment]:
    """Return those of these enrolments that are current, held, in one order."""
    statement = (
        select(Enrolment)
        .where(Enrolment.id.in_(enrolment_ids), among(Enrolment.state, CURRENT))
        .order_by(Enrolment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).all()


def _lock_assignment(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return an assignment that is done in groups, of an intake this person teaches, held as it is."""
    statement = (
        select(Assignment)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(Assignment.id == assignment_id, IntakeTrainer.user_id == actor.person_id)
        .with_for_update(read=True, of=Assignment)
        .execution_options(populate_existing=True)
    )
    assignment = session.scalars(statement).one_or_none()
    if assignment is None or assignment.group_formation is None:
        raise NotFound
    if assignment.state == AssignmentState.ARCHIVED:
        raise Conflict("This assignment is archived: its groups stay as they were.")
    return assignment


def _lock_group(session: Session, actor: Actor, group_id: UUID) -> tuple[AssignmentGroup, Assignment]:
    assignment_id = session.scalar(select(AssignmentGroup.assignment_id).where(AssignmentGroup.id == group_id))
    if assignment_id is None:
        raise NotFound
    assignment = _lock_assignment(session, actor, assignment_id)
    return _group_of(session, assignment, group_id), assignment


def _group_of(session: Session, assignment: Assignment, group_id: UUID) -> AssignmentGroup:
    statement = select(AssignmentGroup).where(
        AssignmentGroup.id == group_id, AssignmentGroup.assignment_id == assignment.id
    )
    group = session.scalars(
        statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one_or_none()
    if group is None:
        raise NotFound("This group is not there any more.")
    return group
