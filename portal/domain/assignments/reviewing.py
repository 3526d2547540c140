"""Notes on what was handed in: put to a place by a trainer, seen once a mark is released, answered, done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.assignments.models import (
    Assignment,
    Grade,
    Submission,
    SubmissionFile,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.note_models import NoteDraft, NoteState, ReviewNote, ReviewReply
from portal.domain.assignments.places import LONGEST_PLACE, Place, clock, place_of
from portal.domain.audit import operations as audit
from portal.domain.courses.models import IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files import operations as files
from portal.domain.files.models import FileFacts, FilePurpose, StoredFile
from portal.domain.files.operations import StoredBytes
from portal.domain.permissions import Actor

Kept = TypeVar("Kept", ReviewNote, ReviewReply)

LONGEST_NOTE = 2_000  # characters
LONGEST_KEY = 100
MOST_NOTES = 500  # on one attempt: a page that lists more helps nobody
MOST_REPLIES = 50  # to one note
NOT_THERE_YET = "The note is not put there yet; what you typed is kept."
VOICES = frozenset({"video/webm", "audio/webm", "video/x-matroska", "audio/ogg", "audio/mp4", "video/mp4"})
"""What browsers record a voice as, told by its first bytes, which do not say that there is no picture."""
LONGEST_VOICE = 10 * 1024 * 1024  # bytes: about twenty minutes


@dataclass(frozen=True, kw_only=True)
class AddNote:
    """A note as a trainer puts it to a place."""

    submission_id: UUID
    position: int
    """Of the file in the list."""
    place: str
    """As typed."""
    text: str
    key: str
    voice: StoredBytes | None = None
    """Durable in the store."""


def add_note(session: Session, actor: Actor, command: AddNote, *, at: datetime) -> ReviewNote:
    """Return the note that now stands there; sent twice it is one note."""
    submission = _lock_taught(session, actor, command.submission_id)
    if (earlier := _by_key(session, ReviewNote, actor, command.key)) is not None:
        return earlier
    file = _file_at(session, submission.id, command.position)
    place = place_of(command.place, file.kind)
    _refuse_beyond_the_end(session, file, place)
    _refuse_by_shape(command.text, command.key)
    _refuse_voice(command.voice)
    there = select(ReviewNote.id).where(ReviewNote.submission_id == submission.id).limit(MOST_NOTES)
    if len(session.scalars(there).all()) == MOST_NOTES:
        raise Conflict(f"There are {MOST_NOTES} notes on this attempt. Say the rest in the feedback.")
    note = ReviewNote(
        id=uuid7(),
        submission_id=submission.id,
        file_id=file.id,
        milliseconds=place.milliseconds,
        x=place.x,
        y=place.y,
        page=place.page,
        text=command.text,
        voice_id=_record_voice(session, actor, command.voice, at),
        author_id=actor.person_id,
        created_at=at,
        state=NoteState.OPEN,
        key=command.key,
    )
    session.add(note)
    session.flush()
    own = (NoteDraft.submission_id == submission.id) & (NoteDraft.author_id == actor.person_id)
    session.execute(delete(NoteDraft).where(own))
    audit.record(
        session,
        actor,
        "note:add",
        note,
        after={"submission_id": submission.id, "file_id": file.id, "place": command.place, "text": command.text},
        at=at,
    )
    return note


def save_note_draft(
    session: Session, actor: Actor, submission_id: UUID, *, position: int, place: str, text: str, at: datetime
) -> None:
    """Keep a note as far as it is typed; it is its author's alone."""
    if len(text) > LONGEST_NOTE or len(place) > LONGEST_PLACE:
        raise Invalid(f"A note may have {LONGEST_NOTE:,} characters; say more in the feedback.")
    if session.scalar(_taught(actor, submission_id).with_only_columns(Submission.id)) is None:
        raise NotFound
    kept = {"position": position, "place": place, "text": text, "saved_at": at}
    statement = insert(NoteDraft).values(submission_id=submission_id, author_id=actor.person_id, **kept)
    session.execute(statement.on_conflict_do_update(index_elements=["submission_id", "author_id"], set_=kept))


def answer_note(session: Session, actor: Actor, note_id: UUID, *, text: str, key: str, at: datetime) -> ReviewReply:
    """Return the answer that now stands under a note; sent twice it is one answer."""
    note = _lock_note(session, actor, note_id)
    if (earlier := _by_key(session, ReviewReply, actor, key)) is not None:
        return earlier
    _refuse_by_shape(text, key)
    there = select(ReviewReply.id).where(ReviewReply.note_id == note.id).limit(MOST_REPLIES)
    if len(session.scalars(there).all()) == MOST_REPLIES:
        raise Conflict(f"There are {MOST_REPLIES} answers to this note already. Talk about it in class.")
    reply = ReviewReply(id=uuid7(), note_id=note.id, author_id=actor.person_id, text=text, created_at=at, key=key)
    session.add(reply)
    session.flush()
    audit.record(session, actor, "note:answer", note, after={"reply": reply.id, "text": text}, at=at)
    return reply


def tick_note(session: Session, actor: Actor, note_id: UUID, *, done: bool, at: datetime) -> ReviewNote:
    """Return the note as it is now, done or open again; what it is already changes nothing."""
    note = _lock_note(session, actor, note_id)
    wanted = NoteState.DONE if done else NoteState.OPEN
    if note.state != wanted:
        before, note.state = note.state, wanted
        note.done_at, note.done_by = (at, actor.person_id) if done else (None, None)
        session.flush()
        audit.record(session, actor, "note:tick", note, before={"state": before}, after={"state": wanted}, at=at)
    return note


def may_see(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Select the notes that this person may see: as a trainer of the intake, or as the student who was shown a mark."""
    teaches = (
        select(IntakeTrainer.user_id)
        .join(Assignment, Assignment.intake_id == IntakeTrainer.intake_id)
        .join(Submission, Submission.assignment_id == Assignment.id)
        .where(Submission.id == ReviewNote.submission_id, IntakeTrainer.user_id == actor.person_id)
        .correlate(ReviewNote)
    )
    was_shown_a_mark = (
        select(Enrolment.id)
        .join(SubmissionMember, SubmissionMember.enrolment_id == Enrolment.id)
        .join(
            Grade,
            (Grade.submission_id == SubmissionMember.submission_id)
            & (Grade.enrolment_id == SubmissionMember.enrolment_id),
        )
        .where(
            SubmissionMember.submission_id == ReviewNote.submission_id,
            Enrolment.user_id == actor.person_id,
            Grade.released_at.is_not(None),
        )
        .correlate(ReviewNote)
    )
    return select(ReviewNote).where(or_(teaches.exists(), was_shown_a_mark.exists()))


def _taught(actor: Actor, submission_id: UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(
            Submission.id == submission_id,
            IntakeTrainer.user_id == actor.person_id,
            Submission.state != SubmissionState.DRAFT,
        )
    )


def _lock_taught(session: Session, actor: Actor, submission_id: UUID) -> Submission:
    """Return a submission of an intake this person teaches, locked: two notes come one after the other."""
    found: Submission | None = session.scalars(
        _taught(actor, submission_id).with_for_update(of=Submission).execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def _lock_note(session: Session, actor: Actor, note_id: UUID) -> ReviewNote:
    statement = may_see(actor).where(ReviewNote.id == note_id).with_for_update(of=ReviewNote)
    found: ReviewNote | None = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound
    return found


def _by_key(session: Session, model: type[Kept], actor: Actor, key: str) -> Kept | None:
    return session.scalars(select(model).where(model.author_id == actor.person_id, model.key == key)).one_or_none()


def _file_at(session: Session, submission_id: UUID, position: int) -> StoredFile:
    statement = (
        select(StoredFile)
        .join(SubmissionFile, SubmissionFile.file_id == StoredFile.id)
        .where(SubmissionFile.submission_id == submission_id, SubmissionFile.position == position)
    )
    found = session.scalars(statement).one_or_none()
    if found is None:
        raise Invalid(NOT_THERE_YET, fields={"position": "Choose the file that the note is about."})
    return found


def _refuse_beyond_the_end(session: Session, file: StoredFile, place: Place) -> None:
    facts = session.execute(
        select(FileFacts.milliseconds, FileFacts.pages).where(FileFacts.file_id == file.id)
    ).one_or_none()
    if facts is None:
        return
    if place.milliseconds is not None and facts.milliseconds is not None and place.milliseconds > facts.milliseconds:
        raise Invalid(NOT_THERE_YET, fields={"place": f"“{file.name}” ends at {clock(facts.milliseconds)}."})
    if place.page is not None and facts.pages is not None and place.page > facts.pages:
        raise Invalid(NOT_THERE_YET, fields={"place": f"The last page of “{file.name}” is {facts.pages}."})


def _refuse_by_shape(text: str, key: str) -> None:
    if not text.strip():
        raise Invalid(NOT_THERE_YET, fields={"text": "Write at least a word."})
    if len(text) > LONGEST_NOTE:
        raise Invalid(NOT_THERE_YET, fields={"text": f"At most {LONGEST_NOTE:,} characters."})
    if not 0 < len(key) <= LONGEST_KEY:
        raise Invalid("This form is not whole. Open the page again.")


def _refuse_voice(voice: StoredBytes | None) -> None:
    if voice is None:
        return
    if voice.kind not in VOICES:
        raise Invalid(NOT_THERE_YET, fields={"voice": "This is not a voice as a browser records it."})
    if voice.size > LONGEST_VOICE:
        raise Invalid(NOT_THERE_YET, fields={"voice": f"At most {LONGEST_VOICE // 1024**2} MB."})


def _record_voice(session: Session, actor: Actor, voice: StoredBytes | None, at: datetime) -> UUID | None:
    if voice is None:
        return None
    kept = files.record_file(
        session, owner_id=actor.person_id, purpose=FilePurpose.NOTE, stored=voice, at=at, attached=True
    )
    return kept.id
