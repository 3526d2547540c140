"""Notes on the work itself by a program: read, put to a place, answered, ticked; by its trainer and by its student."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, Taken
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.places import LONGEST_PLACE
from portal.domain.assignments.queries.notes import NoteRow
from portal.domain.assignments.reviewing import LONGEST_NOTE, AddNote, add_note, answer_note, tick_note
from portal.domain.clock import now
from portal.domain.errors import NotFound
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.forms import tidy
from portal.web.idempotency import idempotent, name_of_request

blueprint = ApiBlueprint(
    "api_notes", __name__, url_prefix="/api/v1/assignments", description="Notes on what was handed in"
)

OF_WORK, OF_STUDENT = "/submissions/<uuid:submission_id>/notes", "/<uuid:assignment_id>/notes"
NO_WORK = "No such submission to an intake you teach, or no such note on it."
NO_NOTE = "No such assignment of yours, or no note on it that you were shown."
FULL = "There are as many as one place takes."
TEXT = [at_most(LONGEST_NOTE), NO_NUL]


class ReplySchema(ma.Schema):
    """An answer under a note."""

    author = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)


class NoteSchema(ma.Schema):
    """A note, where it stands and what was answered."""

    id = ma.fields.UUID(required=True)
    submission_id = ma.fields.UUID(required=True, metadata={"description": "of the attempt it was put to"})
    attempt = ma.fields.Integer(required=True)
    file = ma.fields.Integer(required=True, attribute="position", metadata={"description": "the first file is 1"})
    place = ma.fields.String(
        required=True,
        metadata={"description": "`0:04.120`, `40, 25.5`, `page 3`, `page 3 at 40, 25.5`, or empty for the whole"},
    )
    text = ma.fields.String(required=True)
    has_voice = ma.fields.Boolean(required=True)
    author = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    status = ma.fields.String(required=True, attribute="state", metadata={"enum": ["open", "done"]})
    done_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    replies = ma.fields.List(ma.fields.Nested(ReplySchema), required=True)


class NoteToPutSchema(Taken):
    """A note, and where it stands."""

    file = ma.fields.Integer(
        load_default=1, validate=ma.validate.Range(1, 1000), metadata={"description": "the first file is 1"}
    )
    place = ma.fields.String(
        load_default="",
        validate=[at_most(LONGEST_PLACE), NO_NUL],
        metadata={
            "description": "a moment `1:02.5`, a point `40, 25.5` in percent, a page `3`, a point of it"
            " `3 at 40, 25.5`; empty for the whole"
        },
    )
    text = ma.fields.String(required=True, validate=TEXT)


class ReplyToGiveSchema(Taken):
    """An answer to a note."""

    text = ma.fields.String(required=True, validate=TEXT)


class TickSchema(Taken):
    """Whether what a note asks for is done."""

    done = ma.fields.Boolean(required=True)


Note = enveloped(NoteSchema)
Notes = enveloped(NoteSchema, many=True)


@call(blueprint, OF_WORK, "GET", Notes, permission=Permission.MARK_SUBMISSION, refusals={404: NO_WORK})
def notes_on_work(submission_id: UUID) -> dict[str, Any]:
    """Read the notes that stand on a submission to an intake one teaches, those carried forward among them"""
    return success(_on_work(submission_id))


@call(
    blueprint, OF_WORK, "POST", Note, permission=Permission.MARK_SUBMISSION, status=201,
    refusals={404: NO_WORK, 409: FULL},
)  # fmt: skip
@blueprint.arguments(NoteToPutSchema)
@idempotent
def put(sent: dict[str, Any], submission_id: UUID) -> Any:
    """Put a note to a place of the work; its student sees it once a mark is released"""
    queries.submission_for(current_session(), caller().person_id, submission_id)
    command = AddNote(
        submission_id=submission_id,
        position=sent["file"],
        place=sent["place"],
        text=tidy(sent["text"]),
        key=name_of_request(),
    )
    made = perform(add_note, caller(), command, at=now())
    return _answer(_on_work(submission_id), made.id), 201


@call(
    blueprint, f"{OF_WORK}/<uuid:note_id>/answers", "POST", Note, permission=Permission.MARK_SUBMISSION, status=201,
    refusals={404: NO_WORK, 409: FULL},
)  # fmt: skip
@blueprint.arguments(ReplyToGiveSchema)
@idempotent
def answer_on_work(sent: dict[str, Any], submission_id: UUID, note_id: UUID) -> Any:
    """Answer a note as a trainer"""
    _named(_on_work(submission_id), note_id)
    perform(answer_note, caller(), note_id, text=tidy(sent["text"]), key=name_of_request(), at=now())
    return _answer(_on_work(submission_id), note_id), 201


@call(
    blueprint, f"{OF_WORK}/<uuid:note_id>/tick", "POST", Note, permission=Permission.MARK_SUBMISSION,
    refusals={404: NO_WORK},
)  # fmt: skip
@blueprint.arguments(TickSchema)
@idempotent
def tick_on_work(sent: dict[str, Any], submission_id: UUID, note_id: UUID) -> Any:
    """Mark a note as done, or as open again, as a trainer"""
    _named(_on_work(submission_id), note_id)
    perform(tick_note, caller(), note_id, done=sent["done"], at=now())
    return _answer(_on_work(submission_id), note_id)


@call(blueprint, OF_STUDENT, "GET", Notes, permission=Permission.SUBMIT_ASSIGNMENT, refusals={404: NO_NOTE})
def notes(assignment_id: UUID) -> dict[str, Any]:
    """Read the notes on one's own work, of all attempts of which a mark was released"""
    return success(_shown(assignment_id))


@call(
    blueprint, f"{OF_STUDENT}/<uuid:note_id>/answers", "POST", Note, permission=Permission.SUBMIT_ASSIGNMENT,
    status=201, refusals={404: NO_NOTE, 409: FULL},
)  # fmt: skip
@blueprint.arguments(ReplyToGiveSchema)
@idempotent
def answer(sent: dict[str, Any], assignment_id: UUID, note_id: UUID) -> Any:
    """Answer a note on one's own work"""
    _named(_shown(assignment_id), note_id)
    perform(answer_note, caller(), note_id, text=tidy(sent["text"]), key=name_of_request(), at=now())
    return _answer(_shown(assignment_id), note_id), 201


@call(
    blueprint, f"{OF_STUDENT}/<uuid:note_id>/tick", "POST", Note, permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NO_NOTE},
)  # fmt: skip
@blueprint.arguments(TickSchema)
@idempotent
def tick(sent: dict[str, Any], assignment_id: UUID, note_id: UUID) -> Any:
    """Tick a note on one's own work as put right, or open it again"""
    _named(_shown(assignment_id), note_id)
    perform(tick_note, caller(), note_id, done=sent["done"], at=now())
    return _answer(_shown(assignment_id), note_id)


def _on_work(submission_id: UUID) -> list[NoteRow]:
    session = current_session()
    page = queries.submission_for(session, caller().person_id, submission_id)
    found = queries.notes_of(session, page.assignment_id, page.owner_id)
    return queries.standing_on(found, page.owner_id, page.attempt, page.submitted_at)


def _shown(assignment_id: UUID) -> list[NoteRow]:
    session, student_id = current_session(), caller().person_id
    queries.assignment_for(session, student_id, assignment_id)
    return queries.notes_shown_to(session, student_id, assignment_id)


def _named(notes: list[NoteRow], note_id: UUID) -> NoteRow:
    found = next((note for note in notes if note.id == note_id), None)
    if found is None:
        raise NotFound
    return found


def _answer(notes: list[NoteRow], note_id: UUID) -> Any:
    return jsonify(Note().dump(success(_named(notes, note_id))))
