"""Students choose their group: join one with room, leave it, make a new one. The database counts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from portal.db import among, changed
from portal.domain.assignments.checking import lock_for_work, refuse_by_state
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.group_models import AssignmentGroup, GroupFormation, GroupMember
from portal.domain.assignments.group_news import tell_who_stay
from portal.domain.assignments.group_rules import choice_refusal
from portal.domain.assignments.grouping import new_group, put_in
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, NotFound
from portal.domain.permissions import Actor

IN_ANOTHER = "You are in “{name}”. Leave that group first."
STAYS_CLOSED = "“{name}” has handed in, so nobody joins it any more."


def join_group(session: Session, actor: Actor, assignment_id: UUID, group_id: UUID, *, at: datetime) -> AssignmentGroup:
    """Return the group that the student is in now; joined twice is joined once."""
    enrolment, assignment, dates = _lock_to_choose(session, actor, assignment_id)
    group = session.scalars(
        select(AssignmentGroup)
        .where(AssignmentGroup.id == group_id, AssignmentGroup.assignment_id == assignment.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if group is None:
        raise NotFound("This group is not there any more. Choose another.")
    present = _own_group(session, enrolment, assignment)
    if present is not None and present.id == group.id:
        return group
    _refuse(session, assignment, dates, present, at)
    if present is not None:
        raise Conflict(IN_ANOTHER.format(name=present.name))
    if has_handed_in(session, group.id):
        raise Conflict(STAYS_CLOSED.format(name=group.name))
    put_in(session, group, enrolment.id, at)
    _record(session, actor, "group:join", group, enrolment, at)
    return group


def make_group(session: Session, actor: Actor, assignment_id: UUID, name: str, *, at: datetime) -> AssignmentGroup:
    """Return a new group with this student in it; a name that is empty is chosen by the portal."""
    enrolment, assignment, dates = _lock_to_choose(session, actor, assignment_id)
    present = _own_group(session, enrolment, assignment)
    _refuse(session, assignment, dates, present, at)
    if present is not None:
        raise Conflict(IN_ANOTHER.format(name=present.name))
    group = new_group(session, actor, assignment, name, at)
    put_in(session, group, enrolment.id, at)
    _record(session, actor, "group:join", group, enrolment, at)
    return group


def leave_group(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> None:
    """Take the student out of the group; a group that nobody is in any more goes with the last of them."""
    enrolment, assignment, dates = _lock_to_choose(session, actor, assignment_id)
    group = _own_group(session, enrolment, assignment)
    if group is None:
        raise Conflict("You are in no group.")
    _refuse(session, assignment, dates, group, at)
    session.delete(session.get_one(GroupMember, (assignment.id, enrolment.id)))
    session.flush()
    _record(session, actor, "group:leave", group, enrolment, at)
    tell_who_stay(session, actor, assignment, group, at)
    session.refresh(group)
    if group.members == 0 and not session.scalar(select(exists().where(Submission.group_id == group.id))):
        session.delete(group)
        audit.record(session, actor, "group:remove", group, before={"name": group.name}, at=at)


def has_handed_in(session: Session, group_id: UUID) -> bool:
    """Return whether work of this group stands."""
    made = exists().where(Submission.group_id == group_id, among(Submission.state, HANDED_IN))
    return bool(session.scalar(select(made)))


def _lock_to_choose(session: Session, actor: Actor, assignment_id: UUID) -> tuple[Enrolment, Assignment, Dates]:
    enrolment, assignment, dates = lock_for_work(session, actor, assignment_id)
    refuse_by_state(enrolment, assignment)
    if assignment.group_formation is None:
        raise NotFound
    return enrolment, assignment, dates


def _own_group(session: Session, enrolment: Enrolment, assignment: Assignment) -> AssignmentGroup | None:
    """Return the group that the student is in, held."""
    own = (GroupMember.assignment_id == assignment.id) & (GroupMember.enrolment_id == enrolment.id)
    statement = select(AssignmentGroup).join(GroupMember, GroupMember.group_id == AssignmentGroup.id).where(own)
    return session.scalars(
        statement.with_for_update(of=AssignmentGroup, key_share=True).execution_options(populate_existing=True)
    ).one_or_none()


def _refuse(
    session: Session, assignment: Assignment, dates: Dates, present: AssignmentGroup | None, at: datetime
) -> None:
    refusal = choice_refusal(
        assignment.group_formation == GroupFormation.STUDENTS,
        assignment.group_until,
        dates.due_at,
        at,
        handed_in=present is not None and has_handed_in(session, present.id),
    )
    if refusal is not None:
        raise Conflict(refusal.value)


def _record(
    session: Session, actor: Actor, action: str, group: AssignmentGroup, enrolment: Enrolment, at: datetime
) -> None:
    after = {"name": group.name, "enrolment_id": enrolment.id}
    audit.record(session, actor, action, group, for_user=enrolment.user_id, after=after, at=at)
    changed(session, "submissions")
