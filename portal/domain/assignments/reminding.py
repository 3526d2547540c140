"""Reminding those whose files have arrived and were not handed in, once, before the work is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import String, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.models import Assignment, AssignmentState, PendingHandIn, PendingState
from portal.domain.assignments.own_dates import of_extension, own
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.files.models import FilePurpose, Upload, UploadState
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import Notification, NotificationKind

AHEAD = timedelta(hours=24)
AT_WORK = timedelta(minutes=30)
"""After its last file arrived somebody is most likely still at it."""
LAST_CALL = timedelta(minutes=30)
KEY = "not-handed-in:"


def remind_at(due_at: datetime, whole_at: datetime) -> datetime:
    """Return when to remind somebody whose last file was whole at a moment: a day ahead, not while they are at it.

    Half an hour before it is due nothing is waited for any more.
    """
    moment = max(due_at - AHEAD, whole_at + AT_WORK)
    return min(moment, max(due_at - LAST_CALL, whole_at))


def remind(session: Session, *, at: datetime) -> int:
    """Tell everybody whose files wait and whose work is due soon, once; return how many were told."""
    key = func.concat(KEY, cast(Assignment.id, String))
    told = exists().where(Notification.user_id == Upload.owner_id, Notification.key == key)
    waits = exists().where(
        PendingHandIn.enrolment_id == Enrolment.id,
        PendingHandIn.assignment_id == Assignment.id,
        PendingHandIn.state == PendingState.WAITING,
    )
    due_at = own(Assignment.due_at)
    statement = (
        select(
            Assignment.id,
            Assignment.title,
            due_at.label("due_at"),
            Enrolment.user_id,
            func.max(Upload.last_received_at).label("whole_at"),
        )
        .join(Assignment, Assignment.id == Upload.subject_id)
        .join(Enrolment, (Enrolment.intake_id == Assignment.intake_id) & (Enrolment.user_id == Upload.owner_id))
        .outerjoin(ExtendedDate, of_extension())
        .where(
            Upload.state == UploadState.WHOLE,
            Upload.purpose == FilePurpose.SUBMISSION,
            Upload.length > 0,
            Assignment.state == AssignmentState.PUBLISHED,
            due_at > literal(at),
            due_at <= literal(at + AHEAD),
            Enrolment.state == EnrolmentState.ACTIVE,
            ~waits,
            ~told,
        )
        .group_by(Assignment.id, Enrolment.user_id, due_at)
    )
    rows = [row for row in session.execute(statement) if remind_at(row.due_at, row.whole_at) <= at]
    for row in rows:
        notifications.tell(
            session,
            [row.user_id],
            NotificationKind.NOT_HANDED_IN,
            key=f"{KEY}{row.id}",
            at=at,
            title=row.title,
            due_at=row.due_at.isoformat(),
            path=f"/student/assignments/{row.id}",
        )
    return len(rows)
