"""What a student is shown of a review: one attempt on the player, with the notes that stand on it."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from flask import request, url_for

from portal.db import current_session
from portal.domain.assignments import queries
from portal.domain.assignments.queries.attempts import Attempt
from portal.domain.assignments.queries.notes import NoteRow
from portal.domain.assignments.queries.students import AssignmentPage
from portal.web.sessions import the_person


def review_of(page: AssignmentPage, attempts: list[Attempt]) -> dict[str, Any]:
    """Return the attempt that is shown with its notes: the one asked for, else the newest on which notes stand."""
    notes: list[NoteRow] = []
    was_marked = any(attempt.mark is not None for attempt in attempts)  # before that no note is shown
    if was_marked and any(attempt.has_notes for attempt in attempts):
        notes = queries.notes_shown_to(current_session(), the_person().person_id, page.id)
    standing = {
        attempt.id: queries.standing_on(notes, attempt.owner_id, attempt.attempt, attempt.submitted_at)
        for attempt in attempts
    }
    noted = [attempt for attempt in attempts if standing[attempt.id]]
    asked = request.args.get("attempt", type=int)
    reviewed = next((attempt for attempt in noted if attempt.attempt == asked), noted[0] if noted else None)
    return {
        "assignment": page,
        "reviewed": reviewed,
        "noted": noted,
        "reviewed_files": reviewed.files if reviewed else [],
        "notes": standing[reviewed.id] if reviewed else [],
        "key_of_answers": str(uuid4()),
        "refused_answer": None,
        "address_of": partial(_address, page.id, reviewed.attempt if reviewed else None),
    }


def _address(assignment_id: UUID, attempt: int | None, view: str, note_id: UUID) -> str:
    return url_for(f"student.{view}", assignment_id=assignment_id, note_id=note_id, attempt=attempt)
