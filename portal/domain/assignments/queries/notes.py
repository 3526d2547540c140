"""Notes on a student's work, as trainer and student see them, with what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from portal.db import read
from portal.domain.accounts.models import User
from portal.domain.assignments.carrying import stands_on
from portal.domain.assignments.models import (
    Grade,
    Submission,
    SubmissionFile,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.note_models import ReviewNote, ReviewReply
from portal.domain.assignments.places import Place, in_words
from portal.domain.assignments.queries.files import WorkFile, select_file
from portal.domain.assignments.queries.groups import is_of, owner_of
from portal.domain.assignments.reviewing import may_see
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.files.models import StoredFile
from portal.domain.permissions import Actor


@dataclass(frozen=True)
class ReplyRow:
    """An answer under a note."""

    author: str
    text: str
    created_at: datetime


@dataclass(frozen=True)
class NoteRow:
    """One note, with all that is shown of it."""

    id: UUID
    submission_id: UUID
    file_id: UUID
    owner_id: UUID
    """Whose attempts it is noted on: those of an enrolment, or of a group."""
    attempt: int
    position: int
    """Of its file in the list of that attempt: on a later one it stands on the file at the same place."""
    milliseconds: int | None
    x: int | None
    y: int | None
    page: int | None
    text: str
    has_voice: bool
    author: str
    created_at: datetime
    state: str
    done_at: datetime | None
    replies: list[ReplyRow]

    @property
    def place(self) -> str:
        """`0:04.120`, `40, 25.5`, `page 3`, `page 3 at 40, 25.5`, or nothing."""
        return in_words(Place(self.milliseconds, self.x, self.y, self.page))

    @property
    def seconds(self) -> float | None:
        """What the address of a moment in a video holds: `#t=4.12`."""
        return None if self.milliseconds is None else self.milliseconds / 1000


def notes_of(session: Session, assignment_id: UUID, owner_id: UUID) -> list[NoteRow]:
    """Return all notes on the work of a student or a group for an assignment, as their trainer sees them."""
    whose = {"assignment_id": assignment_id, "owner_id": owner_id}
    return [_row(row) for row in read(session, _notes(shown_alone=False), whose)]


def notes_shown_to(session: Session, student_id: UUID, assignment_id: UUID) -> list[NoteRow]:
    """Return the notes on a student's work that they may see: of attempts of which a mark was released."""
    whose = {"assignment_id": assignment_id, "student_id": student_id}
    return [_row(row) for row in read(session, _notes(shown_alone=True), whose)]


def standing_on(notes: Sequence[NoteRow], owner_id: UUID, attempt: int, handed_in_at: datetime) -> list[NoteRow]:
    """Return those notes that stand on an attempt, file by file, from the beginning of each to its end."""
    own = (note for note in notes if note.owner_id == owner_id)
    return [note for note in own if stands_on(note.attempt, note.done_at, attempt, handed_in_at)]


def voice_of(session: Session, actor: Actor, note_id: UUID) -> WorkFile:
    """Return the voice of a note that this person may see, to be served."""
    statement = (
        select_file(ReviewNote.submission_id)
        .join(ReviewNote, ReviewNote.voice_id == StoredFile.id)
        .where(ReviewNote.id == note_id, ReviewNote.id.in_(may_see(actor).with_only_columns(ReviewNote.id)))
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return WorkFile(*row)


@cache
def _notes(*, shown_alone: bool) -> Select[*tuple[Any, ...]]:
    author = aliased(User)
    replies = (
        select(author.name.label("author"), ReviewReply.text, ReviewReply.created_at)
        .join(author, author.id == ReviewReply.author_id)
        .where(ReviewReply.note_id == ReviewNote.id)
        .order_by(ReviewReply.created_at, ReviewReply.id)
        .correlate(ReviewNote)
        .subquery("answered")
    )
    answered: ColumnElement[Any] = select(func.json_agg(func.row_to_json(replies.table_valued()))).scalar_subquery()
    statement = (
        select(
            ReviewNote.id,
            ReviewNote.submission_id,
            ReviewNote.file_id,
            owner_of().label("owner_id"),
            Submission.attempt,
            SubmissionFile.position,
            ReviewNote.milliseconds,
            ReviewNote.x,
            ReviewNote.y,
            ReviewNote.page,
            ReviewNote.text,
            ReviewNote.voice_id.is_not(None).label("has_voice"),
            User.name.label("author"),
            ReviewNote.created_at,
            ReviewNote.state,
            ReviewNote.done_at,
            answered.label("replies"),
        )
        .join(Submission, Submission.id == ReviewNote.submission_id)
        .join(
            SubmissionFile,
            (SubmissionFile.submission_id == ReviewNote.submission_id) & (SubmissionFile.file_id == ReviewNote.file_id),
        )
        .join(User, User.id == ReviewNote.author_id)
        .where(Submission.assignment_id == bindparam("assignment_id"), Submission.state != SubmissionState.DRAFT)
        .order_by(
            SubmissionFile.position,
            ReviewNote.milliseconds.nulls_first(),
            ReviewNote.page.nulls_first(),
            ReviewNote.y.nulls_first(),
            ReviewNote.x,
            ReviewNote.created_at,
            ReviewNote.id,
        )
    )
    if not shown_alone:
        return statement.where(is_of(bindparam("owner_id", type_=Uuid())))
    released = (
        select(Grade.id)
        .where(
            Grade.submission_id == Submission.id,
            Grade.enrolment_id == SubmissionMember.enrolment_id,
            Grade.released_at.is_not(None),
        )
        .correlate(Submission, SubmissionMember)
        .exists()
    )
    return (
        statement.join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .where(Enrolment.user_id == bindparam("student_id"), released)
    )


def _row(row: Any) -> NoteRow:
    replies = [
        ReplyRow(reply["author"], reply["text"], datetime.fromisoformat(reply["created_at"]))
        for reply in row.replies or ()
    ]
    return NoteRow(**dict(row._mapping, replies=replies))
