"""A student's results in a course: marks with their weights, what they come to and would come to, and on paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from flask import Response, request

from portal.blueprints.student import blueprint
from portal.db import current_session
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.results.final_mark import PASS_MARK
from portal.domain.results.queries.own import OwnPiece, OwnResults, results_of_student
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.sessions import the_person

GOOD_MARK = Decimal(70)
FIELD = "if-"
"""What the fields of imagined marks are named by, before the name of the piece."""


@blueprint.get("/courses/<uuid:intake_id>/results")
@requires(Permission.STUDY)
def results(intake_id: UUID) -> Response:
    """What the student has reached; marks in the address are imagined, and kept nowhere."""
    found = results_of_student(current_session(), the_person().person_id, intake_id, at=now())
    typed = {row.name: request.args.get(FIELD + row.name, "")[:20].strip() for row in found.pieces if row.is_open}
    imagined, refused = _read(found, typed)
    return respond(
        "student/results.html",
        "final",
        results=found,
        imagined=found.what_if(imagined) if imagined else None,
        typed=typed,
        refused=refused,
        targets=[(PASS_MARK, "a pass"), (GOOD_MARK, "70 %")],
        pass_mark=PASS_MARK,
    )


@blueprint.get("/courses/<uuid:intake_id>/record")
@requires(Permission.STUDY)
def record(intake_id: UUID) -> Response:
    """The same on one page to be printed."""
    at = now()
    found = results_of_student(current_session(), the_person().person_id, intake_id, at=at)
    return respond("student/record.html", results=found, at=at, pass_mark=PASS_MARK)


def _read(found: OwnResults, typed: Mapping[str, str]) -> tuple[dict[str, Decimal], dict[str, str]]:
    """Return the marks that were typed, and what is wrong with those that are none."""
    marks, refused = {}, {}
    for row in found.pieces:
        if text := typed.get(row.name):
            mark = _mark_of(text, row)
            if mark is None:
                refused[row.name] = f"A number from 0 to {row.piece.points}, please."
            else:
                marks[row.name] = mark
    return marks, refused


def _mark_of(text: str, row: OwnPiece) -> Decimal | None:
    if not re.fullmatch(r"[0-9]{1,4}([.,][0-9]{0,2})?", text):
        return None
    mark = Decimal(text.replace(",", "."))
    return mark if mark <= row.piece.points else None
