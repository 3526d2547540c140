"""Beginning to send a file for an assignment, before there is anything to hand in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.domain.assignments.checking import lock_for_work, made_so_far, refuse_by_state, refuse_by_time, refuse_quiz
from portal.domain.assignments.group_work import lock_group, refuse_without_group
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Invalid
from portal.domain.files.beginning import NewUpload, Room, begin_upload, begun_already
from portal.domain.files.models import FilePurpose
from portal.domain.files.uploads import KnownUpload
from portal.domain.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class SendFile:
    """A file that is to be sent for an assignment."""

    assignment_id: UUID
    student_id: UUID | None = None
    """Whose work it is for, where staff send it; None: of whoever sends."""
    length: int
    name: str
    client_metadata: str = ""
    key: str | None = None
    """What the client calls this beginning: a repeat of it begins nothing."""


def begin_to_send(session: Session, actor: Actor, command: SendFile, room: Room, *, at: datetime) -> KnownUpload:
    """Return the upload that may now be sent, the same for a repeat with its key.

    What could not be handed in anyway is refused before it costs data.
    """
    enrolment, assignment, dates = lock_for_work(session, actor, command.assignment_id, command.student_id)
    new = NewUpload(
        purpose=FilePurpose.SUBMISSION,
        subject_id=assignment.id,
        for_id=for_whom(actor, enrolment),
        length=command.length,
        name=command.name,
        client_metadata=command.client_metadata,
        key=command.key,
        accepted=tuple(assignment.accepted_kinds),
    )
    if again := begun_already(session, actor.person_id, new):
        return again
    refuse_by_state(enrolment, assignment)
    refuse_quiz(assignment)
    group = lock_group(session, enrolment, assignment)
    refuse_without_group(assignment, group)
    refuse_by_time(assignment, dates, made_so_far(session, enrolment, assignment, group), at)
    if assignment.max_files == 0:
        raise Invalid("This assignment takes text and links, no files.")
    return begin_upload(session, actor.person_id, new, room, at=at)


def for_whom(actor: Actor, enrolment: Enrolment) -> UUID | None:
    """Return for whom somebody sends files where that is not their own enrolment."""
    return None if enrolment.user_id == actor.person_id else enrolment.id
