"""The form by which a trainer puts a note to a place, and the notes that stand beside a submission."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from flask import url_for
from wtforms import FileField, HiddenField, SelectField

from portal.db import current_session
from portal.domain.assignments import queries
from portal.domain.assignments.places import LONGEST_PLACE, how_to_type
from portal.domain.assignments.queries.marking import SubmissionPage
from portal.domain.assignments.reviewing import LONGEST_KEY, LONGEST_NOTE
from portal.web.forms import LongTextField, PortalForm, TextField, at_most
from portal.web.shown_text import beginning_of

MOST_TEXTS = 3  # of one submission that a page shows; the others are there to download


class NoteForm(PortalForm):
    """A note: on which file, where, and what it says."""

    key = HiddenField("Form", [at_most(LONGEST_KEY)])
    position = SelectField("File", coerce=int, validate_choice=False)
    place = TextField("Where", [at_most(LONGEST_PLACE)])
    text = LongTextField("Note", [at_most(LONGEST_NOTE)])
    voice = FileField("Voice")

    def offer(self, page: SubmissionPage) -> None:
        """Let one of the files of this submission be chosen."""
        self.position.choices = [(file.position, file.name) for file in page.files]


def notes_beside(page: SubmissionPage, form: NoteForm | None, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what the notes of a submission need to be shown, with a form that holds what was begun."""
    notes = queries.notes_of(current_session(), page.assignment_id, page.owner_id) if page.has_notes else []
    form = form or _begun(page)
    form.offer(page)
    return {
        "submission": page,
        "files": page.files,
        "notes": queries.standing_on(notes, page.owner_id, page.attempt, page.submitted_at),
        "note_form": form,
        "note_saved_at": page.noted_at,
        "note_refusal": None,
        "how_to_type": how_to_type(*(file.kind for file in page.files)),
        "texts": {file.id: beginning_of(file) for file in _texts(page)},
        "key_of_answers": str(uuid4()),
        "refused_answer": None,
        "parameters": parameters,
        "address_of": partial(_address, page.id, parameters),
    }


def _address(submission_id: UUID, parameters: dict[str, Any], view: str, note_id: UUID) -> str:
    return url_for(f"trainer.{view}", submission_id=submission_id, note_id=note_id, **parameters)


def _begun(page: SubmissionPage) -> NoteForm:
    first = page.files[0].position if page.files else 1
    begun = {"position": page.noted_position, "place": page.noted_place, "text": page.noted_text}
    values = begun if page.noted_at is not None else {"position": first}
    return NoteForm(formdata=None, key=str(uuid4()), **values)


def _texts(page: SubmissionPage) -> list[Any]:
    return [file for file in page.files if file.shown_as == "text"][:MOST_TEXTS]
