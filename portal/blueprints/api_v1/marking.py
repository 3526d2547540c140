"""Marking by a program: one submission with the history of its mark, and giving a mark."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, ChosenLevelSchema, RubricSchema, SubmittedFileSchema
from portal.db import current_session, perform
from portal.domain.assignments.by_rubric import LONGEST_COMMENT, ChooseLevel
from portal.domain.assignments.marking import (
    LONGEST_FEEDBACK,
    LONGEST_REASON,
    GradeSubmission,
    grade_submission,
    points_of,
)
from portal.domain.assignments.queries.marking import SubmissionPage, attempts_beside, submission_for
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint(
    "api_marking", __name__, url_prefix="/api/v1/assignments/submissions", description="Marking what was handed in"
)

NONE_OF_YOURS = "No such submission to an intake you teach."


class GivenMarkSchema(ma.Schema):
    """A mark as its trainer sees it, released or not."""

    id = ma.fields.UUID(required=True)
    enrolment_id = ma.fields.UUID(required=True, metadata={"description": "whose mark it is: of a group each has one"})
    student = ma.fields.String(required=True)
    points = ma.fields.Decimal(required=True, as_string=True, attribute="final_points")
    raw_points = ma.fields.Decimal(required=True, as_string=True)
    penalty_points = ma.fields.Decimal(required=True, as_string=True)
    penalty_reason = ma.fields.String(required=True)
    feedback = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, metadata={"description": "why it replaced an earlier mark, else empty"})
    levels = ma.fields.Function(
        lambda mark: ChosenLevelSchema(many=True).dump(mark.levels.values()),
        metadata={"description": "what was chosen for each criterion of the rubric"},
    )
    graded_by = ma.fields.String(required=True)
    graded_at = ma.fields.AwareDateTime(required=True)
    released_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class SubmissionToMarkSchema(ma.Schema):
    """A submission on the bench."""

    id = ma.fields.UUID(required=True)
    assignment_id = ma.fields.UUID(required=True)
    assignment_title = ma.fields.String(required=True, attribute="title")
    max_points = ma.fields.Integer(required=True, attribute="points")
    student = ma.fields.String(required=True, metadata={"description": "the student, or the name of the group"})
    student_number = ma.fields.String(required=True, allow_none=True)
    group_id = ma.fields.UUID(required=True, allow_none=True)
    attempt = ma.fields.Integer(required=True)
    status = ma.fields.String(
        required=True, attribute="state", metadata={"enum": ["submitted", "graded", "returned", "withdrawn"]}
    )
    number = ma.fields.String(required=True)
    submitted_at = ma.fields.AwareDateTime(required=True)
    late = ma.fields.Boolean(required=True)
    percent_off = ma.fields.Integer(required=True, metadata={"description": "what its mark loses for being late"})
    hold_marks = ma.fields.Boolean(
        required=True, metadata={"description": "its mark can only be released with all others of the assignment"}
    )
    submission_text = ma.fields.String(required=True, attribute="text")
    links = ma.fields.List(ma.fields.String(), required=True)
    rubric = ma.fields.Nested(RubricSchema, required=True, allow_none=True)
    files = ma.fields.List(ma.fields.Nested(SubmittedFileSchema), required=True)
    marks = ma.fields.List(
        ma.fields.Nested(GivenMarkSchema), required=True, metadata={"description": "the newest, which counts, first"}
    )


Bench = enveloped(SubmissionToMarkSchema)


class LevelToChooseSchema(ma.Schema):
    """The level chosen for one criterion."""

    criterion_id = ma.fields.UUID(required=True)
    level_id = ma.fields.UUID(required=True)
    comment = ma.fields.String(load_default="", validate=[at_most(LONGEST_COMMENT), NO_NUL])


class MarkToGiveSchema(ma.Schema):
    """A mark."""

    class Meta:
        unknown = ma.EXCLUDE

    grade = ma.fields.Decimal(
        load_default=None,
        allow_none=True,
        metadata={"description": "from 0 to max_points, at most two decimals; left out where there is a rubric"},
    )
    levels = ma.fields.List(
        ma.fields.Nested(LevelToChooseSchema),
        load_default=list,
        metadata={"description": "one for each criterion of the rubric; the points follow"},
    )
    feedback = ma.fields.String(load_default="", validate=[at_most(LONGEST_FEEDBACK), NO_NUL])
    release = ma.fields.Boolean(load_default=False, metadata={"description": "show it to the student at once"})
    seen = ma.fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "id of the newest mark you know of; a newer one is not replaced unseen (409)"},
    )
    reason = ma.fields.String(
        load_default="",
        validate=[at_most(LONGEST_REASON), NO_NUL],
        metadata={"description": "why it replaces that mark: required then, and read by the student"},
    )
    enrolment_id = ma.fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "the one member of a group whose mark this is; left out: all get it"},
    )


@call(
    blueprint,
    "/<uuid:submission_id>",
    "GET",
    Bench,
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NONE_OF_YOURS},
)
def submission(submission_id: UUID) -> dict[str, Any]:
    """Read one submission to an intake one teaches, with the history of its mark"""
    return success(_on_the_bench(submission_id))


@call(
    blueprint,
    "/<uuid:submission_id>/grade",
    "POST",
    Bench,
    permission=Permission.MARK_SUBMISSION,
    refusals={
        404: NONE_OF_YOURS,
        409: "Another mark was given since `seen`, the work was withdrawn, or its mark is released with the others.",
    },
)
@blueprint.arguments(MarkToGiveSchema)
@idempotent
def grade(sent: dict[str, Any], submission_id: UUID) -> Response:
    """Give a mark

    A mark is a new row each time, and the newest counts. The same mark given again is no further one.
    """
    page = submission_for(current_session(), caller().person_id, submission_id)
    command = GradeSubmission(
        submission_id=submission_id,
        points=_points(sent["grade"], page),
        levels=tuple(ChooseLevel(**level) for level in sent["levels"]),
        feedback=sent["feedback"],
        release=sent["release"],
        seen=sent["seen"],
        reason=sent["reason"],
        enrolment_id=sent["enrolment_id"],
    )
    perform(grade_submission, caller(), command, at=now())
    return jsonify(Bench().dump(success(_on_the_bench(submission_id), "Marked.")))


def _points(grade: Decimal | None, page: SubmissionPage) -> Decimal | None:
    if grade is None and page.rubric is not None:
        return None
    return points_of("" if grade is None else str(grade), page.points, name="grade")


def _on_the_bench(submission_id: UUID) -> dict[str, Any]:
    session = current_session()
    page = submission_for(session, caller().person_id, submission_id)
    attempts = attempts_beside(session, page)
    return vars(page) | {
        "percent_off": page.percent_off,
        "marks": next(attempt.grades for attempt in attempts if attempt.id == page.id),
    }
