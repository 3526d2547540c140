"""The group for which a student hands in: held while work is written down, so that nobody comes or goes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Assignment, Submission, SubmissionMember
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict

NO_GROUP = "This assignment is done in groups, and you are in none yet. Nothing can be handed in before you are."


@dataclass(frozen=True)
class Member:
    """Somebody for whom work counts."""

    enrolment_id: UUID
    user_id: UUID


@dataclass(frozen=True)
class HandingGroup:
    """A group as it is while one of its members hands in."""

    id: UUID
    name: str
    members: tuple[Member, ...]


def lock_group(session: Session, enrolment: Enrolment, assignment: Assignment) -> HandingGroup | None:
    """Return the group of a student, held; None where there is none. Whoever asks holds the enrolment.

    Two members who hand in at once come one after the other.
    """
    if assignment.group_formation is None:
        return None
    own = (GroupMember.assignment_id == assignment.id) & (GroupMember.enrolment_id == enrolment.id)
    statement = (
        select(AssignmentGroup)
        .join(GroupMember, GroupMember.group_id == AssignmentGroup.id)
        .where(own)
        .with_for_update(of=AssignmentGroup, key_share=True)
        .execution_options(populate_existing=True)
    )
    group = session.scalars(statement).one_or_none()
    if group is None:
        return None
    members = session.execute(
        select(Enrolment.id, Enrolment.user_id)
        .join(GroupMember, GroupMember.enrolment_id == Enrolment.id)
        .where(GroupMember.group_id == group.id)
        .order_by(Enrolment.id)
    )
    return HandingGroup(group.id, group.name, tuple(Member(*row) for row in members))


def refuse_without_group(assignment: Assignment, group: HandingGroup | None) -> None:
    """Refuse the work of somebody who is in no group of an assignment that is done in groups."""
    if assignment.group_formation is not None and group is None:
        raise Conflict(NO_GROUP)


def members_of(enrolment: Enrolment, group: HandingGroup | None) -> Sequence[Member]:
    """Return for whom work counts: for all members of the group, or for the student alone."""
    return group.members if group is not None else (Member(enrolment.id, enrolment.user_id),)


def last_attempt(session: Session, assignment: Assignment, members: Sequence[Member]) -> int:
    """Return the number of the newest attempt that counts for any of these.

    The next one is newer for each of them, also for somebody who came from another group.
    """
    statement = (
        select(func.max(Submission.attempt))
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            SubmissionMember.assignment_id == assignment.id,
            SubmissionMember.enrolment_id.in_([member.enrolment_id for member in members]),
        )
    )
    return session.scalar(statement) or 0
