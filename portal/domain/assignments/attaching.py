"""Adding files to the brief of an assignment, ordering them, and taking them out again, by those who set it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from portal.domain.assignments.attachment_models import Attachment
from portal.domain.assignments.models import Assignment, AssignmentState, Submission
from portal.domain.assignments.setting import lock_assignment
from portal.domain.audit import operations as audit
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files import operations as files
from portal.domain.files.models import FilePurpose, StoredFile
from portal.domain.files.operations import StoredBytes
from portal.domain.ordering import move_by_one
from portal.domain.permissions import Actor

MOST_ATTACHMENTS = 20  # of one brief; more is course material


def attach_to_brief(
    session: Session, actor: Actor, assignment_id: UUID, sent: Sequence[StoredBytes], *, at: datetime
) -> tuple[list[Attachment], list[StoredBytes]]:
    """Add files, whose bytes are durable, at the end of a brief; return what was added, and what was there already.

    The same bytes stand once in a brief, so that a form that is sent twice adds its files once.
    """
    if not sent:
        raise Invalid("Nothing was added.", fields={"files": "Choose a file."})
    assignment = _lock(session, actor, assignment_id)
    standing = [row for row in _of_brief(session, assignment_id) if row.archived_at is None]
    there = set(session.scalars(select(StoredFile.sha256).where(StoredFile.id.in_([row.file_id for row in standing]))))
    new: dict[str, StoredBytes] = {}
    again: list[StoredBytes] = []
    for file in sent:
        if file.sha256 in there or file.sha256 in new:
            again.append(file)
        else:
            new[file.sha256] = file
    if len(standing) + len(new) > MOST_ATTACHMENTS:
        raise Invalid(
            "Nothing was added.",
            fields={"files": f"A brief has {MOST_ATTACHMENTS} files at most, and this one has {len(standing)}."},
        )
    added = []
    for position, file in enumerate(new.values(), start=_last_position(session, assignment_id) + 1):
        row = files.record_file(
            session, owner_id=actor.person_id, purpose=FilePurpose.BRIEF, stored=file, at=at, attached=True
        )
        attachment = Attachment(
            assignment_id=assignment_id, file_id=row.id, position=position, added_by=actor.person_id, added_at=at
        )
        session.add(attachment)
        added.append(attachment)
    if added:
        names = [file.name for file in new.values()]
        audit.record(session, actor, "assignment:attach", assignment, after={"files": names}, at=at)
    return added, again


def move_attachment(session: Session, actor: Actor, attachment_id: UUID, *, up: bool, at: datetime) -> Attachment:
    """Move a file one place up or down in its brief; at either end it stays where it is."""
    attachment = _lock_attachment(session, actor, attachment_id)
    listed = [row for row in _of_brief(session, attachment.assignment_id) if row.archived_at is None]
    if attachment not in listed:
        raise NotFound
    here, there = move_by_one(listed, attachment, up=up)
    if there != here:
        audit.record(
            session, actor, "attachment:move", attachment, before={"place": here}, after={"place": there}, at=at
        )
    return attachment


def remove_attachment(session: Session, actor: Actor, attachment_id: UUID, *, at: datetime) -> bool:
    """Take a file out of its brief; return whether it can be brought back, as where work was handed in by it."""
    attachment = _lock_attachment(session, actor, attachment_id)
    if attachment.archived_at is not None:
        raise Conflict("This file is no longer part of the brief already.")
    archived = _is_worked_by(session, attachment.assignment_id)
    if archived:
        attachment.archived_at = at
    else:
        file = session.get_one(StoredFile, attachment.file_id)
        session.delete(attachment)
        session.flush()
        files.detach(session, file, at=at)
    action = "attachment:archive" if archived else "attachment:remove"
    audit.record(session, actor, action, ("attachments", attachment_id), at=at)
    return archived


def restore_attachment(session: Session, actor: Actor, attachment_id: UUID, *, at: datetime) -> Attachment:
    """Bring an archived file back, as the last of its brief."""
    attachment = _lock_attachment(session, actor, attachment_id)
    if attachment.archived_at is None:
        raise Conflict("This file is part of the brief already.")
    standing = [row for row in _of_brief(session, attachment.assignment_id) if row.archived_at is None]
    if len(standing) >= MOST_ATTACHMENTS:
        raise Conflict(f"A brief has {MOST_ATTACHMENTS} files at most. Take another one out first.")
    attachment.archived_at = None
    attachment.position = _last_position(session, attachment.assignment_id) + 1
    audit.record(session, actor, "attachment:restore", attachment, at=at)
    return attachment


def _lock(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return an assignment this person sets, held: nobody hands in while its brief changes."""
    assignment = lock_assignment(session, actor, assignment_id)
    if assignment.state == AssignmentState.ARCHIVED:
        raise Conflict("This assignment is archived, and stays as it was.")
    return assignment


def _lock_attachment(session: Session, actor: Actor, attachment_id: UUID) -> Attachment:
    """Return a file of the brief of an assignment this person sets, its assignment held."""
    assignment_id = session.scalar(select(Attachment.assignment_id).where(Attachment.id == attachment_id))
    if assignment_id is None:
        raise NotFound
    _lock(session, actor, assignment_id)
    found = session.get(Attachment, attachment_id, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def _of_brief(session: Session, assignment_id: UUID) -> list[Attachment]:
    statement = (
        select(Attachment)
        .where(Attachment.assignment_id == assignment_id)
        .order_by(Attachment.position, Attachment.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement))


def _last_position(session: Session, assignment_id: UUID) -> int:
    return max((row.position for row in _of_brief(session, assignment_id)), default=0)


def _is_worked_by(session: Session, assignment_id: UUID) -> bool:
    handed_in = (Submission.assignment_id == assignment_id) & Submission.submitted_at.is_not(None)
    return bool(session.scalar(select(exists().where(handed_in))))
