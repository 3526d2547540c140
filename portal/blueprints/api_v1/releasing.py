"""Marks that are held back, as a program sees and releases them: one by one, or all of an assignment together."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.releasing import release_all_marks, release_marks
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint(
    "api_releasing", __name__, url_prefix="/api/v1/assignments", description="Showing marks to students"
)

NO_ASSIGNMENT = "No such assignment of an intake you teach."


class HeldMarkSchema(ma.Schema):
    """A mark that its student has not been shown."""

    submission_id = ma.fields.UUID(required=True)
    student = ma.fields.String(required=True)
    student_number = ma.fields.String(required=True, allow_none=True)
    attempt = ma.fields.Integer(required=True)
    points = ma.fields.Decimal(required=True, as_string=True, attribute="final_points")
    penalty_points = ma.fields.Decimal(required=True, as_string=True)
    graded_by = ma.fields.String(required=True)
    graded_at = ma.fields.AwareDateTime(required=True)


class ReleasedSchema(ma.Schema):
    """Of how many submissions the marks were released."""

    released = ma.fields.Integer(required=True)


Released = enveloped(ReleasedSchema)


@call(
    blueprint,
    "/<uuid:assignment_id>/release",
    "GET",
    enveloped(HeldMarkSchema, many=True),
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NO_ASSIGNMENT},
)
def held(assignment_id: UUID) -> dict[str, Any]:
    """List the marks of an assignment that are held back"""
    session = current_session()
    queries.assignment_set_by(session, caller().person_id, assignment_id)
    return success(queries.marks_held_back(session, assignment_id))


@call(
    blueprint,
    "/<uuid:assignment_id>/release",
    "POST",
    Released,
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NO_ASSIGNMENT, 409: "No mark is held back."},
)
@idempotent
def release_all(assignment_id: UUID) -> Any:
    """Show all marks of an assignment that are held back, together"""
    queries.assignment_set_by(current_session(), caller().person_id, assignment_id)
    number = perform(release_all_marks, caller(), assignment_id, at=now())
    return jsonify(Released().dump(success({"released": number}, "Released.")))


@call(
    blueprint,
    "/submissions/<uuid:submission_id>/release",
    "POST",
    Released,
    permission=Permission.MARK_SUBMISSION,
    refusals={
        404: "No such submission to an intake you teach.",
        409: "No mark is held back, or it is released with all others of the assignment.",
    },
)
@idempotent
def release(submission_id: UUID) -> Any:
    """Show the newest mark of a submission to its student"""
    queries.submission_for(current_session(), caller().person_id, submission_id)
    number = perform(release_marks, caller(), [submission_id], at=now())
    return jsonify(Released().dump(success({"released": number}, "Released.")))
