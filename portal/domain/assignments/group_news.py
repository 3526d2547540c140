"""What students are told of their group: that a trainer put them into one, moved them, or took them out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.group_models import AssignmentGroup
from portal.domain.assignments.models import Assignment, AssignmentState
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
    if assignment.state != AssignmentState.PUBLISHED:
        return
    notifications.tell(
        session,
        user_ids,
        NotificationKind.GROUP_CHANGED,
        key=f"group-changed:{assignment.id}:{at.isoformat()}",
        at=at,
        title=assignment.title,
        by=session.get_one(User, actor.person_id).name,
        group=group.name if group else None,
        was=was.name if was else None,
        path=f"/student/assignments/{assignment.id}/group",
    )
