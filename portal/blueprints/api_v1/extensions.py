"""More time by a program: a student asks for it or takes a day as of right, a trainer answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import (
    NeighboursSchema,
    PlaceArguments,
    call,
    enveloped,
    page_beside_others,
    success,
)
from portal.blueprints.api_v1.schemas import NO_NUL
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.extensions import (
    HOURS_IN_WORDS,
    LONGEST_HOURS,
    LONGEST_REASON,
    MOST_AT_ONCE,
    AskExtension,
    Decision,
    ask_extension,
    automatic_left,
    decide_extension,
    give_extensions,
    take_automatic,
    withdraw_request,
)
from portal.domain.assignments.queries.extensions import (
    StudentDates,
    extension_request,
    extension_requests,
    extensions_of,
    students_with_dates,
)
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.idempotency import idempotent
from portal.web.once import perform_once
from portal.web.pagination import cursor_of_request

blueprint = ApiBlueprint(
    "api_extensions", __name__, url_prefix="/api/v1/assignments", description="More time for one student"
)

NOT_YOURS = "No such assignment of yours."
NONE_OF_YOURS = "No such request of a student you teach."
NO_ASSIGNMENT = "No such assignment of an intake you teach."
HOURS = ma.validate.Range(1, LONGEST_HOURS, error=HOURS_IN_WORDS)


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
    reason = ma.fields.String(load_default="", validate=[at_most(LONGEST_REASON), NO_NUL])


class DecisionSchema(ma.Schema):
    """An answer."""

    class Meta:
        unknown = ma.EXCLUDE

    hours = ma.fields.Integer(
        required=True, allow_none=True, validate=HOURS, metadata={"description": "granted; null refuses"}
    )
    answer = ma.fields.String(load_default="", validate=[at_most(LONGEST_REASON), NO_NUL])


class RequestSchema(ExtensionSchema):
    """A student's request for more time, as its trainer sees it."""

    assignment_id = ma.fields.UUID(required=True)
    assignment_title = ma.fields.String(required=True, attribute="title")
    student = ma.fields.String(required=True)
    student_number = ma.fields.String(required=True, allow_none=True)
    due_date = ma.fields.AwareDateTime(
        required=True, attribute="due_at", metadata={"description": "of this student, with what was granted so far"}
    )


class StudentDatesSchema(ma.Schema):
    """A student of an assignment, with their own due date."""

    enrolment_id = ma.fields.UUID(required=True)
    student = ma.fields.String(required=True)
    student_number = ma.fields.String(required=True, allow_none=True)
    due_date = ma.fields.AwareDateTime(required=True, attribute="due_at")
    extended_by = ma.fields.Integer(required=True, metadata={"description": "hours"})
    attempts = ma.fields.Integer(required=True)


class GiftSchema(ma.Schema):
    """More time for these students."""

    class Meta:
        unknown = ma.EXCLUDE

    hours = ma.fields.Integer(required=True, validate=HOURS)
    enrolment_ids = ma.fields.List(ma.fields.UUID(), required=True, validate=ma.validate.Length(max=MOST_AT_ONCE))


OwnExtensions = enveloped(OwnExtensionsSchema)
Decided = enveloped(ExtensionSchema)
StudentsDates = enveloped(StudentDatesSchema, many=True)


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
        perform_once(take_automatic, caller(), assignment_id, at=now())
    else:
        command = AskExtension(assignment_id=assignment_id, hours=asked["hours"], reason=asked["reason"])
        perform_once(ask_extension, caller(), command, at=now())
    return jsonify(OwnExtensions().dump(success(_own(assignment_id)))), 201


@call(
    blueprint,
    "/extensions/<uuid:extension_id>/withdrawal",
    "POST",
    OwnExtensions,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: "No such request of yours.", 409: "It was answered or taken back meanwhile."},
)
@idempotent
def withdraw(extension_id: UUID) -> Any:
    """Take back what one asked for, as long as it is not answered"""
    assignment_id = perform(withdraw_request, caller(), extension_id, at=now())
    return jsonify(OwnExtensions().dump(success(_own(assignment_id))))


@call(
    blueprint,
    "/extensions",
    "GET",
    enveloped(RequestSchema, many=True, paginated=NeighboursSchema),
    permission=Permission.SET_ASSIGNMENT,
    refusals={400: "The cursor is none of this list."},
)
@blueprint.arguments(PlaceArguments, location="query")
def requests(asked: dict[str, Any]) -> dict[str, Any]:
    """List the requests of one's students that wait for an answer, the oldest first"""
    page = extension_requests(
        current_session(), caller().person_id, answered=False, cursor=cursor_of_request(), size=asked["limit"]
    )
    return page_beside_others(page)


@call(
    blueprint,
    "/<uuid:assignment_id>/extensions/given",
    "GET",
    StudentsDates,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NO_ASSIGNMENT},
)
def dates(assignment_id: UUID) -> dict[str, Any]:
    """List the students of an assignment with their own due dates"""
    return success(_students(assignment_id))


@call(
    blueprint,
    "/<uuid:assignment_id>/extensions/given",
    "POST",
    StudentsDates,
    permission=Permission.SET_ASSIGNMENT,
    status=201,
    refusals={404: NO_ASSIGNMENT, 409: "Only a published assignment has dates that can be moved."},
)
@blueprint.arguments(GiftSchema)
@idempotent
def give(given: dict[str, Any], assignment_id: UUID) -> Any:
    """Give some students more time, unasked and whenever"""
    perform_once(give_extensions, caller(), assignment_id, given["enrolment_ids"], given["hours"], at=now())
    return jsonify(StudentsDates().dump(success(_students(assignment_id)))), 201


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


def _students(assignment_id: UUID) -> list[StudentDates]:
    session = current_session()
    queries.assignment_set_by(session, caller().person_id, assignment_id)
    return students_with_dates(session, assignment_id)
