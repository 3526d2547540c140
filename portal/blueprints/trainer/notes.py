"""A trainer's notes on the work itself: put to a place, answered, ticked, heard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.blueprints.trainer.marking import bench, chosen_part, parameters_of
from portal.blueprints.trainer.note_form import NoteForm, notes_beside
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.queries.marking import SubmissionPage
from portal.domain.assignments.reviewing import (
    LONGEST_VOICE,
    AddNote,
    add_note,
    answer_note,
    save_note_draft,
    tick_note,
)
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, TooLarge
from portal.domain.files.operations import StoredBytes
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import go_to, is_htmx, respond
from portal.web.send_file import send_stored
from portal.web.sessions import the_person
from portal.web.uploads import discard, receive, takes_files

PAGE = "trainer/submission.html"


@blueprint.post("/submissions/<uuid:submission_id>/notes")
@requires(Permission.MARK_SUBMISSION)
@takes_files(LONGEST_VOICE)
def put_note(submission_id: UUID) -> BaseResponse:
    """Put a note to a place; where that is refused, what was typed is shown again."""
    page, form = _load(submission_id), NoteForm()
    form.offer(page)
    received: list[StoredBytes] = []
    try:
        if not form.validate():
            return _show(page, form, 422)
        received = _voice(form)
        command = AddNote(
            submission_id=submission_id,
            position=form.position.data,
            place=form.place.data or "",
            text=form.text.data or "",
            key=form.key.data or "",
            voice=received[0] if received else None,
        )
        perform(add_note, the_person(), command, at=now())
    except (Invalid, Conflict, TooLarge) as refusal:
        discard(received)
        return _show(page, form, form.refuse(refusal))
    return _done(submission_id)


@blueprint.post("/submissions/<uuid:submission_id>/notes/draft")
@requires(Permission.MARK_SUBMISSION)
def keep_note(submission_id: UUID) -> BaseResponse:
    """Keep a note as far as it is typed; asked again and again while the trainer types."""
    form, at = NoteForm(), now()
    typed: dict[str, Any] = {"place": form.place.data or "", "text": form.text.data or ""}
    try:
        perform(save_note_draft, the_person(), submission_id, position=form.position.data or 1, **typed, at=at)
    except Invalid as refusal:
        if is_htmx():
            return respond(PAGE, "note_draft", status=422, note_saved_at=None, note_refusal=refusal.message)
        return _show(_load(submission_id), form, form.refuse(refusal))
    if is_htmx():
        return respond(PAGE, "note_draft", note_saved_at=at, note_refusal=None)
    return _done(submission_id)


@blueprint.post("/submissions/<uuid:submission_id>/notes/<uuid:note_id>/answers")
@requires(Permission.MARK_SUBMISSION)
def answer_on_note(submission_id: UUID, note_id: UUID) -> BaseResponse:
    """Answer a note; where that is refused, what was typed is shown again."""
    page = _load(submission_id)
    text, key = request.form.get("text", "").strip(), request.form.get("key", "")
    try:
        perform(answer_note, the_person(), note_id, text=text, key=f"{key}:{note_id}", at=now())
    except (Invalid, Conflict) as refusal:
        return _show(page, None, 422, refused_answer={"note": note_id, "text": text, "why": _why(refusal)})
    return _done(submission_id)


@blueprint.post("/submissions/<uuid:submission_id>/notes/<uuid:note_id>/tick")
@requires(Permission.MARK_SUBMISSION)
def tick_on_note(submission_id: UUID, note_id: UUID) -> BaseResponse:
    """Mark a note as done, or as open again."""
    _load(submission_id)
    perform(tick_note, the_person(), note_id, done=request.form.get("done") == "yes", at=now())
    return _done(submission_id)


@blueprint.get("/notes/<uuid:note_id>/voice")
@requires(Permission.MARK_SUBMISSION)
def voice_of_note(note_id: UUID) -> Response:
    """A note as it was said."""
    return send_stored(queries.voice_of(current_session(), the_person(), note_id), inline=True)


def _load(submission_id: UUID) -> SubmissionPage:
    return queries.submission_for(current_session(), the_person().person_id, submission_id)


def _voice(form: NoteForm) -> list[StoredBytes]:
    """Bring the recorded voice into the store, if there is one."""
    sent = form.voice.data
    return [receive(sent)] if isinstance(sent, FileStorage) and sent.filename else []


def _why(refusal: Invalid | Conflict) -> str:
    return next(iter(refusal.fields.values()), refusal.message)


def _show(page: SubmissionPage, form: NoteForm | None, status: int, **more: Any) -> Response:
    if not is_htmx():
        return bench(page, note_form=form, status=status, **more)
    context = notes_beside(page, form, parameters_of(chosen_part())) | more
    return respond(PAGE, "notes", status=status, **context)


def _done(submission_id: UUID) -> BaseResponse:
    """Show the notes as they are now."""
    if is_htmx():
        return _show(_load(submission_id), None, 200)
    address = url_for("trainer.submission", submission_id=submission_id, **parameters_of(chosen_part()))
    return go_to(f"{address}#notes")
