"""What students are told of their group: a trainer put them into one, moved them, took them out; one of them left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Assignment, AssignmentState
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor


def tell_members(
    session: Session,
    actor: Actor,
    assignment: Assignment,
    user_ids: Iterable[UUID],
    *,
    group: AssignmentGroup | None,
    was: AssignmentGroup | None = None,
    at: datetime,
) -> None:
    """Tell students in which group they are now and in which they were; None: in none.

    Of work that is not published yet they are told nothing: they do not see it.
    """
    if assignment.state == AssignmentState.PUBLISHED:
        changed = {"group": group.name if group else None, "was": was.name if was else None}
        _tell(session, actor, assignment, user_ids, changed, at)


def tell_who_stay(session: Session, actor: Actor, assignment: Assignment, group: AssignmentGroup, at: datetime) -> None:
    """Tell those who are still in a group that one of them has left it."""
    stay = (
        select(Enrolment.user_id)
        .join(GroupMember, GroupMember.enrolment_id == Enrolment.id)
        .where(GroupMember.group_id == group.id, among(Enrolment.state, CURRENT))
    )
    left = {"group": group.name, "was": None, "left": True}
    _tell(session, actor, assignment, session.scalars(stay), left, at)


def _tell(
    session: Session,
    actor: Actor,
    assignment: Assignment,
    user_ids: Iterable[UUID],
    change: dict[str, Any],
    at: datetime,
) -> None:
    notifications.tell(
        session,
        user_ids,
        NotificationKind.GROUP_CHANGED,
        key=f"group-changed:{assignment.id}:{at.isoformat()}",
        at=at,
        title=assignment.title,
        by=session.get_one(User, actor.person_id).name,
        path=f"/student/assignments/{assignment.id}/group",
        **change,
    )
