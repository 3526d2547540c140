"""Setting work by a program of its trainer: what is done to an assignment of whatever type."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.db import current_session, perform
from portal.domain.assignments.queries.setting import assignment_set_by
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.quizzes.setting import put_away
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint("api_setting", __name__, url_prefix="/api/v1/assignments", description="Setting work")


class SetAssignmentSchema(ma.Schema):
    """An assignment as its trainer set it."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.String(required=True, attribute="state", metadata={"enum": ["draft", "published", "archived"]})


Answer = enveloped(SetAssignmentSchema)


@call(
    blueprint,
    "/<uuid:assignment_id>/archive",
    "POST",
    Answer,
    permission=Permission.SET_ASSIGNMENT,
    refusals={
        404: "No such assignment of an intake you teach.",
        409: "It was archived before, work waits for its mark or for release, or students are at the quiz.",
    },
)
@idempotent
def archive(assignment_id: UUID) -> Any:
    """Put an assignment away: nothing more is taken, and work, marks and receipts stay"""
    assignment_set_by(current_session(), caller().person_id, assignment_id)
    perform(put_away, caller(), assignment_id, at=now())
    page = assignment_set_by(current_session(), caller().person_id, assignment_id)
    return jsonify(Answer().dump(success(page, "Archived.")))
