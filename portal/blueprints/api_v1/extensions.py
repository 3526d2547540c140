"""More time by a program: a student asks for it or takes a day as of right, a trainer answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.extensions import (
    LONGEST_HOURS,
    LONGEST_REASON,
    AskExtension,
    Decision,
    ask_extension,
    automatic_left,
    decide_extension,
    take_automatic,
)
from portal.domain.assignments.queries.extensions import extension_request, extensions_of
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint(
    "api_extensions", __name__, url_prefix="/api/v1/assignments", description="More time for one student"
)

NOT_YOURS = "No such assignment of yours."
NONE_OF_YOURS = "No such request of a student you teach."
HOURS = ma.validate.Range(1, LONGEST_HOURS)


class ExtensionSchema(ma.Schema):
    """A request for more time, or what was taken or given."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": ["asked", "automatic", "given"]})
    status = ma.fields.String(
        required=True, attribute="state", metadata={"enum": ["asked", "granted", "refused", "withdrawn"]}
    )
    hours = ma.fields.Integer(required=True)
    reason = ma.fields.String(required=True)
    asked_at = ma.fields.AwareDateTime(required=True)
    answer = ma.fields.String(required=True)


class OwnExtensionsSchema(ma.Schema):
    """A student's own dates of an assignment, and what moved them."""

    due_date = ma.fields.AwareDateTime(required=True)
    cut_off_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    automatic_left = ma.fields.Integer(
        required=True, metadata={"description": "automatic days that are left in this intake"}
    )
    extensions = ma.fields.List(ma.fields.Nested(ExtensionSchema), required=True)


class AskSchema(ma.Schema):
    """More time: asked for with a reason, or `automatic`, which takes a day and needs no answer."""

    class Meta:
        unknown = ma.EXCLUDE

    automatic = ma.fields.Boolean(load_default=False)
    hours = ma.fields.Integer(load_default=24, validate=HOURS)
    reason = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_REASON), NO_NUL])


class DecisionSchema(ma.Schema):
    """An answer."""

    class Meta:
        unknown = ma.EXCLUDE

    hours = ma.fields.Integer(
        required=True, allow_none=True, validate=HOURS, metadata={"description": "granted; null refuses"}
    )
    answer = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_REASON), NO_NUL])


OwnExtensions = enveloped(OwnExtensionsSchema)
Decided = enveloped(ExtensionSchema)


@call(
    blueprint,
    "/<uuid:assignment_id>/extensions",
    "GET",
    OwnExtensions,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NOT_YOURS},
)
def extensions(assignment_id: UUID) -> dict[str, Any]:
    """Read one's own dates of an assignment and what was asked for"""
    return success(_own(assignment_id))


@call(
    blueprint,
    "/<uuid:assignment_id>/extensions",
    "POST",
    OwnExtensions,
    permission=Permission.SUBMIT_ASSIGNMENT,
    status=201,
    refusals={404: NOT_YOURS, 409: "No more time can be asked for or taken."},
)
@blueprint.arguments(AskSchema)
@idempotent
def ask(asked: dict[str, Any], assignment_id: UUID) -> Any:
    """Ask for more time, or take an automatic day"""
    if asked["automatic"]:
        perform(take_automatic, caller(), assignment_id, at=now())
    else:
        command = AskExtension(assignment_id=assignment_id, hours=asked["hours"], reason=asked["reason"])
        perform(ask_extension, caller(), command, at=now())
    return jsonify(OwnExtensions().dump(success(_own(assignment_id)))), 201


@call(
    blueprint,
    "/extensions/<uuid:extension_id>/decision",
    "POST",
    Decided,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS, 409: "It was answered or taken back meanwhile."},
)
@blueprint.arguments(DecisionSchema)
@idempotent
def decision(answered: dict[str, Any], extension_id: UUID) -> Any:
    """Grant or refuse more time"""
    perform(decide_extension, caller(), Decision(extension_id=extension_id, **answered), at=now())
    made = extension_request(current_session(), caller().person_id, extension_id)
    return jsonify(Decided().dump(success(made)))


def _own(assignment_id: UUID) -> dict[str, Any]:
    session, student_id = current_session(), caller().person_id
    page = queries.assignment_for(session, student_id, assignment_id)
    return {
        "due_date": page.due_at,
        "cut_off_at": page.cut_off_at,
        "automatic_left": automatic_left(session, page.enrolment_id),
        "extensions": extensions_of(session, student_id, assignment_id),
    }
