"""Work that hands itself in: asked for while files are still arriving, made when the last of them is whole.

The browser may be gone by then. Whatever ends an upload wakes `hand_in_if_complete`, which looks at all of it again.
Whoever writes to a pending hand-in holds the enrolment, so that a cancelling and the last byte come one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, insert, or_, select
from sqlalchemy.orm import Session

from portal.db import among, changed
from portal.domain.accounts.models import User
from portal.domain.assignments.checking import check_work, lock_for_work, made_so_far, refuse_by_state, was_made
from portal.domain.assignments.group_work import lock_group, refuse_without_group
from portal.domain.assignments.models import (
    Assignment,
    PendingFile,
    PendingHandIn,
    PendingState,
    PendingUpload,
    Submission,
)
from portal.domain.assignments.submitting import keep_files, submit_assignment
from portal.domain.assignments.work import SubmitAssignment
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.errors import Conflict, DomainError
from portal.domain.files import leases, uploads
from portal.domain.files.models import FilePurpose, Upload, UploadEnd, UploadState
from portal.domain.files.operations import UNATTACHED_HOURS, StoredBytes, keep_until
from portal.domain.files.uploads import ENDED_WORDS, Ended, KnownUpload
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor, Role, system_actor
from portal.outbox import enqueue

FILES_KEPT = uploads.LONGEST + timedelta(days=2)
"""So long the files of a form wait for those that still arrive: longer than an upload may take."""

CANCELLED_BY_REMOVING = "You removed “{name}”, so nothing is handed in by itself any more."
NOT_ENROLLED = "You are no longer enrolled in this intake."
ACCOUNT_CLOSED = "Your account was closed before the last file arrived."


def hand_in_when_complete(
    session: Session, actor: Actor, command: SubmitAssignment, *, at: datetime
) -> PendingHandIn | Submission:
    """Return what waits for its files now, in place of what waited before; the submission where nothing is missing.

    Refuses what could not be handed in either if all were here at this moment.
    """
    enrolment, assignment, dates = lock_for_work(session, actor, command.assignment_id)
    if was_made(session, enrolment.id, command.key):
        return submit_assignment(session, actor, command, at=at)
    pending = _waiting(session, enrolment.id, assignment.id)
    sent = uploads.lock_open(session, actor.person_id, FilePurpose.SUBMISSION, assignment.id, command.uploads)
    if all(upload.state == UploadState.WHOLE for upload in sent):
        return submit_assignment(session, actor, command, at=at)
    refuse_by_state(enrolment, assignment)
    group = lock_group(session, enrolment, assignment)
    refuse_without_group(assignment, group)
    made = made_so_far(session, enrolment, assignment, group)
    _, kept = check_work(session, actor, assignment, dates, made, command, sent, at=at)

    action = "pending-hand-in:ask" if pending is None else "pending-hand-in:change"
    if pending is not None:
        _let_files_go(session, pending, at)
    else:
        pending = PendingHandIn(assignment_id=assignment.id, enrolment_id=enrolment.id, state=PendingState.WAITING)
        session.add(pending)
    pending.text, pending.links = command.text, list(command.links)
    pending.key, pending.asked_at = command.key, at
    session.flush()
    kept = [*kept, *keep_files(session, actor, command.files, at=at)]
    _bind(session, pending, [upload.id for upload in sent], [file.id for file in kept])
    keep_until(session, [file.id for file in kept], at + FILES_KEPT)
    after = {
        "assignment_id": assignment.id,
        "files": [file.name for file in kept],
        "uploads": [upload.name for upload in sent],
    }
    audit.record(session, actor, action, pending, for_user=enrolment.user_id, after=after, at=at)
    changed(session, "submissions")
    return pending


def cancel_pending(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> None:
    """Hand nothing in by itself any more; all that was sent stays."""
    enrolment, assignment, _ = lock_for_work(session, actor, assignment_id)
    pending = _waiting(session, enrolment.id, assignment.id)
    if pending is None:
        raise Conflict(
            "Nothing waits to be handed in by itself. See your attempts: it may have been handed in just now."
        )
    _close(session, pending, PendingState.CANCELLED, at)
    audit.record(session, actor, "pending-hand-in:cancel", pending, for_user=enrolment.user_id, at=at)


def complete_upload(
    session: Session,
    upload_id: str,
    holder: str,
    stored: StoredBytes,
    *,
    came_at: datetime | None = None,
    at: datetime,
) -> KnownUpload:
    """Return the upload, whole, and have handed in what waited for it."""
    whole = leases.complete(session, upload_id, holder, stored, came_at=came_at, at=at)
    _wake(session, upload_id)
    return whole


def end_upload(session: Session, actor: Actor, upload_id: str, because: UploadEnd, *, at: datetime) -> Ended:
    """Return the upload that ended now. One that its student removes takes its pending hand-in with it."""
    if because is not UploadEnd.TERMINATED or (pending := _lock_by_upload(session, upload_id, actor.person_id)) is None:
        ended = uploads.end_upload(session, actor.person_id, upload_id, because, at=at)
        _wake(session, upload_id)
        return ended
    name = uploads.upload_of(session, actor.person_id, upload_id).name
    ended = uploads.end_upload(session, actor.person_id, upload_id, because, at=at)
    _close(session, pending, PendingState.CANCELLED, at, CANCELLED_BY_REMOVING.format(name=name))
    audit.record(session, actor, "pending-hand-in:cancel", pending, for_user=actor.person_id, at=at)
    return ended


def hand_in_if_complete(session: Session, pending_id: UUID, *, at: datetime) -> None:
    """Hand in what waited, if everything is here; close it with the reason if that cannot be any more."""
    enrolment, pending = _locked(session, pending_id)
    if pending is None or enrolment is None or pending.state != PendingState.WAITING:
        return
    sent, kept = _parts(session, pending)
    student = session.get_one(User, enrolment.user_id)
    if why := _why_never(enrolment, student, sent):
        _refuse(session, pending, student, why, at)
        return
    if any(upload.state == UploadState.RECEIVING for upload in sent):
        return
    command = SubmitAssignment(
        assignment_id=pending.assignment_id,
        key=pending.key,
        text=pending.text,
        links=tuple(pending.links),
        kept=kept,
        uploads=tuple(upload.id for upload in sent),
    )
    whole_at = max(pending.asked_at, *(upload.last_received_at for upload in sent))
    try:
        with session.begin_nested():
            submit_assignment(session, Actor(id=student.id, role=Role(student.role)), command, at=at, whole_at=whole_at)
    except DomainError as error:
        _refuse(session, pending, student, " ".join([error.message, *error.fields.values()]), at)


def overdue(session: Session) -> Sequence[UUID]:
    """Return what waits and need not: nothing of it is under way any more, or its student is not enrolled."""
    under_way = (
        select(PendingUpload.upload_id)
        .join(Upload, Upload.id == PendingUpload.upload_id)
        .where(PendingUpload.pending_id == PendingHandIn.id, Upload.state == UploadState.RECEIVING)
        .exists()
    )
    statement = (
        select(PendingHandIn.id)
        .join(Enrolment, Enrolment.id == PendingHandIn.enrolment_id)
        .where(PendingHandIn.state == PendingState.WAITING, or_(~under_way, ~among(Enrolment.state, CURRENT)))
    )
    return session.scalars(statement.order_by(PendingHandIn.asked_at, PendingHandIn.id)).all()


def _waiting(session: Session, enrolment_id: UUID, assignment_id: UUID) -> PendingHandIn | None:
    """Return what waits now; whoever asks holds the enrolment."""
    statement = select(PendingHandIn).where(
        PendingHandIn.enrolment_id == enrolment_id,
        PendingHandIn.assignment_id == assignment_id,
        PendingHandIn.state == PendingState.WAITING,
    )
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def _waiting_with(upload_id: str) -> Select[UUID]:
    """Return the question for what waits with this upload."""
    return (
        select(PendingHandIn.id)
        .join(PendingUpload, PendingUpload.pending_id == PendingHandIn.id)
        .join(Upload, Upload.id == PendingUpload.upload_id)
        .where(PendingUpload.upload_id == upload_id, PendingHandIn.state == PendingState.WAITING)
    )


def _locked(session: Session, pending_id: UUID) -> tuple[Enrolment | None, PendingHandIn | None]:
    """Return a pending hand-in as it is, and the enrolment, held."""
    whose = select(PendingHandIn.enrolment_id).where(PendingHandIn.id == pending_id).scalar_subquery()
    enrolment = session.scalars(
        select(Enrolment)
        .where(Enrolment.id == whose)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return enrolment, session.get(PendingHandIn, pending_id, populate_existing=True)


def _lock_by_upload(session: Session, upload_id: str, owner_id: UUID) -> PendingHandIn | None:
    """Return what waits with this upload of this person, its enrolment held; None where nothing does."""
    found = session.scalar(_waiting_with(upload_id).where(Upload.owner_id == owner_id))
    if found is None:
        return None
    _, pending = _locked(session, found)
    return pending if pending is not None and pending.state == PendingState.WAITING else None


def _wake(session: Session, upload_id: str) -> None:
    """Have looked at what waits with this upload. Each end of an upload does so: the last one finds all the others."""
    for pending_id in session.scalars(_waiting_with(upload_id)):
        key = f"pending-hand-in:{pending_id}:{upload_id}"
        enqueue(session, "assignments.hand_in_if_complete", key=key, pending_id=pending_id)


def _bind(session: Session, pending: PendingHandIn, upload_ids: Sequence[str], file_ids: Sequence[UUID]) -> None:
    """Write down what goes with a pending hand-in, in place of what went before."""
    for table, column, ids in ((PendingUpload, "upload_id", upload_ids), (PendingFile, "file_id", file_ids)):
        session.execute(delete(table).where(table.pending_id == pending.id))
        rows = [{"pending_id": pending.id, column: each, "position": place} for place, each in enumerate(ids, start=1)]
        if rows:
            session.execute(insert(table).values(rows))


def _parts(session: Session, pending: PendingHandIn) -> tuple[Sequence[Upload], tuple[UUID, ...]]:
    """Return the uploads of a pending hand-in and the ids of its files, in their order."""
    sent = session.scalars(
        select(Upload)
        .join(PendingUpload, PendingUpload.upload_id == Upload.id)
        .where(PendingUpload.pending_id == pending.id)
        .order_by(PendingUpload.position)
        .execution_options(populate_existing=True)
    ).all()
    kept = select(PendingFile.file_id).where(PendingFile.pending_id == pending.id).order_by(PendingFile.position)
    return sent, tuple(session.scalars(kept))


def _why_never(enrolment: Enrolment, student: User, sent: Sequence[Upload]) -> str | None:
    """Return why this can never be handed in as it was asked for, or None while it may."""
    if enrolment.state not in CURRENT:
        return NOT_ENROLLED
    if student.deactivated_at is not None:
        return ACCOUNT_CLOSED
    for upload in sent:
        if upload.state == UploadState.ENDED:
            return f"“{upload.name}”: {ENDED_WORDS[UploadEnd(upload.ended_because or UploadEnd.EXPIRED)]}"
    return None


def _refuse(session: Session, pending: PendingHandIn, student: User, why: str, at: datetime) -> None:
    """Close a hand-in that cannot be made, and tell its student why; what arrived stays as it is."""
    _close(session, pending, PendingState.REFUSED, at, why)
    by_itself = system_actor("pending-hand-in")
    after = {"why": why}
    audit.record(session, by_itself, "pending-hand-in:refuse", pending, for_user=student.id, after=after, at=at)
    notifications.tell(
        session,
        [student.id],
        NotificationKind.HAND_IN_REFUSED,
        key=f"hand-in-refused:{pending.id}",
        at=at,
        title=session.get_one(Assignment, pending.assignment_id).title,
        why=why,
        path=f"/student/assignments/{pending.assignment_id}",
    )


def _close(session: Session, pending: PendingHandIn, state: PendingState, at: datetime, why: str = "") -> None:
    pending.state, pending.closed_at, pending.closed_because = state, at, why
    session.flush()
    _let_files_go(session, pending, at)
    changed(session, "submissions")


def _let_files_go(session: Session, pending: PendingHandIn, at: datetime) -> None:
    """Keep the files of a form for a day more, as those of a form that was refused."""
    file_ids = session.scalars(select(PendingFile.file_id).where(PendingFile.pending_id == pending.id)).all()
    keep_until(session, file_ids, at + timedelta(hours=UNATTACHED_HOURS))
