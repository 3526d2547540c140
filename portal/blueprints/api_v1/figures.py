"""How an assignment went, for a program: its figures, who has handed in nothing, and reminding them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.missing import remind_of_work
from portal.domain.assignments.queries.figures import figures_of
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint(
    "api_figures", __name__, url_prefix="/api/v1/assignments", description="How an assignment went"
)

NONE_OF_YOURS = "No such assignment of an intake you teach."
POINTS = {"description": "in points, after what lateness costs; null where no work is marked"}


class ShareSchema(ma.Schema):
    """How many marks lie in a tenth of the points."""

    of = ma.fields.String(required=True, metadata={"description": "such as `70 to 79 %`"})
    marks = ma.fields.Integer(required=True)


class LevelCountSchema(ma.Schema):
    """How often a level was chosen."""

    title = ma.fields.String(required=True)
    points = ma.fields.Decimal(required=True, as_string=True)
    marks = ma.fields.Integer(required=True, attribute="number")


class CriterionCountSchema(ma.Schema):
    """What was chosen for a criterion of the rubric."""

    title = ma.fields.String(required=True)
    levels = ma.fields.List(ma.fields.Nested(LevelCountSchema), required=True)


class StudentOfWorkSchema(ma.Schema):
    """A student of the intake, and how far they are."""

    enrolment_id = ma.fields.UUID(required=True)
    student = ma.fields.String(required=True)
    student_number = ma.fields.String(required=True, allow_none=True)
    submission_id = ma.fields.UUID(required=True, allow_none=True, metadata={"description": "of the newest attempt"})
    submitted_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    late = ma.fields.Boolean(required=True, allow_none=True)
    mark = ma.fields.Decimal(
        required=True, allow_none=True, as_string=True, metadata={"description": "that counts, released or not"}
    )
    reminded_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class FiguresSchema(ma.Schema):
    """How an assignment went so far."""

    assignment_id = ma.fields.UUID(required=True)
    max_points = ma.fields.Integer(required=True)
    students = ma.fields.List(ma.fields.Nested(StudentOfWorkSchema), required=True)
    handed_in = ma.fields.Integer(required=True)
    missing = ma.fields.Integer(required=True, metadata={"description": "students who have handed in nothing"})
    late_percent = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "of what was handed in; null where nothing was"}
    )
    marked = ma.fields.Integer(required=True)
    average = ma.fields.Decimal(required=True, allow_none=True, as_string=True, metadata=POINTS)
    median = ma.fields.Decimal(required=True, allow_none=True, as_string=True, metadata=POINTS)
    distribution = ma.fields.List(ma.fields.Nested(ShareSchema), required=True)
    criteria = ma.fields.List(ma.fields.Nested(CriterionCountSchema), required=True)


class RemindedSchema(ma.Schema):
    """How many students were told."""

    reminded = ma.fields.Integer(required=True, metadata={"description": "0 where all were reminded today already"})


Reminded = enveloped(RemindedSchema)


@call(
    blueprint,
    "/<uuid:assignment_id>/figures",
    "GET",
    enveloped(FiguresSchema),
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NONE_OF_YOURS},
)
def figures(assignment_id: UUID) -> dict[str, Any]:
    """Read how the marks are spread, how much was late, what was chosen by criterion, and who is missing"""
    session = current_session()
    page = queries.assignment_set_by(session, caller().person_id, assignment_id)
    found = figures_of(session, page)
    return success(
        {
            "assignment_id": page.id,
            "max_points": page.points,
            "students": found.students,
            "handed_in": len(found.handed_in),
            "missing": len(found.missing),
            "late_percent": found.late_share,
            "marked": found.spread.number,
            "average": found.spread.average,
            "median": found.spread.median,
            "distribution": [{"of": words, "marks": number} for words, number in found.spread.tenths],
            "criteria": [{"title": title, "levels": levels} for title, levels in found.criteria],
        }
    )


@call(
    blueprint,
    "/<uuid:assignment_id>/reminders",
    "POST",
    Reminded,
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NONE_OF_YOURS, 409: "Nothing is taken for it now."},
)
@idempotent
def remind(assignment_id: UUID) -> Any:
    """Remind those who have handed in nothing, each once a day at most"""
    told = perform(remind_of_work, caller(), assignment_id, at=now())
    return jsonify(Reminded().dump(success({"reminded": told})))
