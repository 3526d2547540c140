"""Results by a program: a student's own, the gradebook of an intake, and what its assignments weigh."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import marshmallow as ma

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import NeighboursSchema, PlaceArguments, call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL
from portal.db import current_session, perform
from portal.domain.clock import now
from portal.domain.errors import Invalid, NotFound
from portal.domain.permissions import Permission
from portal.domain.results.operations import SetWeights, set_weights
from portal.domain.results.queries.gradebook import (
    GradebookFilter,
    GradebookRow,
    Order,
    Shown,
)
from portal.domain.results.queries.gradebook import (
    gradebook as read_gradebook,
)
from portal.domain.results.queries.own import OwnPiece, results_of_student
from portal.domain.results.queries.weights import (
    WeighedAssignment,
    assignments_that_weigh,
    intake_with_results,
    total_of,
    version_seen,
)
from portal.web.bearer import caller
from portal.web.pagination import cursor_of_request, links

blueprint = ApiBlueprint("api_results", __name__, url_prefix="/api/v1/results", description="Results")

NONE_OF_YOURS = "No such intake of yours."


class FinalMarkSchema(ma.Schema):
    """How a final mark stands, in percent, rounded once to a tenth."""

    so_far = ma.fields.Decimal(
        required=True, as_string=True, allow_none=True, metadata={"description": "over what is marked or was missed"}
    )
    secured = ma.fields.Decimal(
        required=True, as_string=True, metadata={"description": "if all that is open came to nothing"}
    )
    most = ma.fields.Decimal(
        required=True, as_string=True, metadata={"description": "if all that is open were faultless"}
    )
    decided = ma.fields.Decimal(
        required=True, as_string=True, metadata={"description": "the share of the final mark that is decided"}
    )
    final = ma.fields.Decimal(
        required=True, as_string=True, allow_none=True, metadata={"description": "once nothing is open, else null"}
    )
    on_course = ma.fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "whether `so_far` is a pass; nothing is confirmed by it"},
    )


class OwnPieceSchema(ma.Schema):
    """One assignment of a student's results."""

    assignment_id = ma.fields.UUID(
        required=True, allow_none=True, metadata={"description": "null: all work that is not set yet, together"}
    )
    title = ma.fields.String(required=True)
    weight = ma.fields.Decimal(required=True, as_string=True, metadata={"description": "percent of the final mark"})
    max_points = ma.fields.Integer(required=True)
    mark = ma.fields.Decimal(
        required=True, as_string=True, allow_none=True, metadata={"description": "the one that counts, once released"}
    )
    missed = ma.fields.Boolean(required=True, metadata={"description": "it counts as 0"})
    submitted_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class OwnResultsSchema(ma.Schema):
    """A student's results in one intake."""

    intake_id = ma.fields.UUID(required=True)
    course_title = ma.fields.String(required=True)
    intake = ma.fields.String(required=True)
    weights_total = ma.fields.Decimal(required=True, as_string=True, metadata={"description": "100, or 0: not decided"})
    final_mark = ma.fields.Nested(FinalMarkSchema, required=True, allow_none=True)
    assignments = ma.fields.List(ma.fields.Nested(OwnPieceSchema), required=True)


class WeighedAssignmentSchema(ma.Schema):
    """An assignment with its weight."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.String(required=True, attribute="state", metadata={"enum": ["draft", "published", "archived"]})
    max_points = ma.fields.Integer(required=True, attribute="points")
    due_date = ma.fields.AwareDateTime(required=True, attribute="due_at")
    weight = ma.fields.Decimal(required=True, as_string=True, metadata={"description": "percent of the final mark"})


class WeightsSchema(ma.Schema):
    """What the assignments of an intake weigh."""

    total = ma.fields.Decimal(required=True, as_string=True, metadata={"description": "100, or 0: not decided"})
    version = ma.fields.String(required=True, metadata={"description": "to be sent as `seen` with a change"})
    assignments = ma.fields.List(ma.fields.Nested(WeighedAssignmentSchema), required=True)


class WeightToSetSchema(ma.Schema):
    """The weight of one assignment."""

    assignment_id = ma.fields.UUID(required=True)
    weight = ma.fields.Decimal(required=True, metadata={"description": "0 to 100, at most two decimals"})


class WeightsToSetSchema(ma.Schema):
    """The weights of all assignments of an intake, which add to 100; one left out weighs nothing."""

    class Meta:
        unknown = ma.EXCLUDE

    weights = ma.fields.List(ma.fields.Nested(WeightToSetSchema), required=True, validate=ma.validate.Length(max=500))
    seen = ma.fields.String(
        required=True,
        validate=[ma.validate.Length(max=64), NO_NUL],
        metadata={"description": "the version that was read; weights changed since are not replaced unseen (409)"},
    )


class CellSchema(ma.Schema):
    """How one student is with one assignment."""

    assignment_id = ma.fields.UUID(required=True)
    submission_id = ma.fields.UUID(required=True, allow_none=True, metadata={"description": "of the newest attempt"})
    mark = ma.fields.Decimal(required=True, as_string=True, allow_none=True)
    held_back = ma.fields.Boolean(required=True, metadata={"description": "its student does not see the mark yet"})
    late = ma.fields.Boolean(required=True)
    missed = ma.fields.Boolean(required=True, metadata={"description": "it counts as 0"})


class GradebookRowSchema(ma.Schema):
    """A student in the gradebook."""

    enrolment_id = ma.fields.UUID(required=True)
    student = ma.fields.String(required=True)
    student_number = ma.fields.String(required=True, allow_none=True)
    final_mark = ma.fields.Nested(FinalMarkSchema, required=True, allow_none=True)
    marks = ma.fields.List(ma.fields.Nested(CellSchema), required=True)


class GradebookSchema(NeighboursSchema):
    """A page of students, marks held back included."""

    weights_total = ma.fields.Decimal(required=True, as_string=True)
    assignments = ma.fields.List(ma.fields.Nested(WeighedAssignmentSchema), required=True)
    students = ma.fields.List(ma.fields.Nested(GradebookRowSchema), required=True)


class GradebookArguments(PlaceArguments):
    """Which students, in which order, from where."""

    sort = ma.fields.String(load_default=Order.NAME.value, validate=ma.validate.OneOf([each.value for each in Order]))
    show = ma.fields.String(load_default=Shown.ALL.value, validate=ma.validate.OneOf([each.value for each in Shown]))
    search = ma.fields.String(load_default="", validate=[ma.validate.Length(max=100), NO_NUL])


@call(
    blueprint,
    "/my-results/<uuid:intake_id>",
    "GET",
    enveloped(OwnResultsSchema),
    permission=Permission.STUDY,
    refusals={404: NONE_OF_YOURS},
)
def my_results(intake_id: UUID) -> dict[str, Any]:
    """Read one's own results in an intake, from released marks"""
    found = results_of_student(current_session(), caller().person_id, intake_id, at=now())
    return success(
        {
            "intake_id": found.intake_id,
            "course_title": found.course,
            "intake": found.intake,
            "weights_total": found.total,
            "final_mark": found.mark,
            "assignments": [_own_piece(row) for row in found.pieces],
        }
    )


@call(
    blueprint,
    "/intakes/<uuid:intake_id>/gradebook",
    "GET",
    enveloped(GradebookSchema),
    permission=Permission.READ_RESULTS,
    refusals={400: "The cursor is none of this list.", 404: NONE_OF_YOURS},
)
@blueprint.arguments(GradebookArguments, location="query")
def gradebook(asked: dict[str, Any], intake_id: UUID) -> dict[str, Any]:
    """Read a page of the gradebook of an intake"""
    session, at = current_session(), now()
    intake_with_results(session, caller(), intake_id)
    chosen = GradebookFilter(order=Order(asked["sort"]), shown=Shown(asked["show"]), words=asked["search"])
    book = read_gradebook(session, intake_id, chosen, at=at, cursor=cursor_of_request(), size=asked["limit"])
    previous, following = links(book.page)
    return success(
        {
            "weights_total": book.total,
            "assignments": book.assignments,
            "students": [_student(row, book.assignments, at) for row in book.page.items],
            "previous": previous,
            "next": following,
        }
    )


Weights = enveloped(WeightsSchema)


@call(
    blueprint,
    "/intakes/<uuid:intake_id>/weights",
    "GET",
    Weights,
    permission=Permission.READ_RESULTS,
    refusals={404: NONE_OF_YOURS},
)
def weights(intake_id: UUID) -> dict[str, Any]:
    """Read what the assignments of an intake weigh"""
    intake_with_results(current_session(), caller(), intake_id)
    return success(_weights(intake_id))


@call(
    blueprint,
    "/intakes/<uuid:intake_id>/weights",
    "PUT",
    Weights,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS, 409: "Somebody else changed the weights since `seen`."},
)
@blueprint.arguments(WeightsToSetSchema)
def put_weights(sent: dict[str, Any], intake_id: UUID) -> dict[str, Any]:
    """Say what the assignments of an intake one teaches weigh, all or none"""
    if not intake_with_results(current_session(), caller(), intake_id).teaches:
        raise NotFound
    command = SetWeights(weights=_each_once(sent["weights"]), seen=sent["seen"])
    perform(set_weights, caller(), intake_id, command, at=now())
    return success(_weights(intake_id), "Saved.")


def _each_once(sent: list[Mapping[str, Any]]) -> dict[UUID, Decimal]:
    found = {row["assignment_id"]: row["weight"] for row in sent}
    if len(found) < len(sent):
        raise Invalid("An assignment has one weight.", fields={"weights": "One of them is named twice."})
    return found


def _weights(intake_id: UUID) -> dict[str, Any]:
    rows = assignments_that_weigh(current_session(), intake_id)
    return {"total": total_of(rows), "version": version_seen(rows), "assignments": rows}


def _own_piece(row: OwnPiece) -> dict[str, Any]:
    return {
        "assignment_id": row.assignment_id,
        "title": row.title,
        "weight": row.piece.weight,
        "max_points": row.piece.points,
        "mark": row.piece.mark,
        "missed": row.piece.missed,
        "submitted_at": row.handed_in_at,
    }


def _student(row: GradebookRow, assignments: list[WeighedAssignment], at: datetime) -> dict[str, Any]:
    cells = [row.cells[assignment.id] for assignment in assignments]
    return {
        "enrolment_id": row.enrolment_id,
        "student": row.student,
        "student_number": row.student_number,
        "final_mark": row.mark,
        "marks": [
            {
                "assignment_id": cell.assignment_id,
                "submission_id": cell.submission_id,
                "mark": cell.mark,
                "held_back": cell.is_held,
                "late": bool(cell.late),
                "missed": cell.is_missed(at),
            }
            for cell in cells
        ],
    }
