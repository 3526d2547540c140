"""Rubrics by a program: kept, read, changed into a new version, and chosen for an assignment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, RubricSchema, Taken
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.rubrics import (
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    MOST_CRITERIA,
    MOST_LEVEL_POINTS,
    MOST_LEVELS,
    SetCriterion,
    SetLevel,
    SetRubric,
    archive_rubric,
    create_rubric,
    edit_rubric,
)
from portal.domain.assignments.setting import choose_rubric
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.forms import tidy
from portal.web.idempotency import idempotent
from portal.web.once import perform_once

blueprint = ApiBlueprint("api_rubrics", __name__, url_prefix="/api/v1", description="Rubrics, by which work is marked")

NONE_OF_YOURS = "No such rubric of yours."
TITLE = [at_most(LONGEST_TITLE), NO_NUL]
DESCRIPTION = [at_most(LONGEST_DESCRIPTION), NO_NUL]


class ListedRubricSchema(ma.Schema):
    """A rubric that one may choose for an assignment, in its newest version."""

    id = ma.fields.UUID(required=True)
    version_id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True, attribute="number")
    title = ma.fields.String(required=True)
    course_title = ma.fields.String(
        required=True, allow_none=True, attribute="course", metadata={"description": "whose trainers may all use it"}
    )
    owner = ma.fields.String(required=True)
    max_points = ma.fields.Decimal(required=True, as_string=True, attribute="most")
    assignments = ma.fields.Integer(required=True, metadata={"description": "that are marked by any of its versions"})


class OwnRubricSchema(ma.Schema):
    """A rubric of one's own, in its newest version."""

    id = ma.fields.UUID(required=True)
    version = ma.fields.Integer(required=True, attribute="number")
    course_id = ma.fields.UUID(required=True, allow_none=True)
    archived_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    rubric = ma.fields.Nested(RubricSchema, required=True)


class LevelToSetSchema(Taken):
    """How well a criterion can be met."""

    title = ma.fields.String(required=True, validate=TITLE)
    points = ma.fields.Decimal(
        required=True, metadata={"description": f"0 to {MOST_LEVEL_POINTS}, at most two decimals"}
    )
    description = ma.fields.String(load_default="", validate=DESCRIPTION)


class CriterionToSetSchema(Taken):
    """What is looked at."""

    title = ma.fields.String(required=True, validate=TITLE)
    description = ma.fields.String(load_default="", validate=DESCRIPTION)
    levels = ma.fields.List(
        ma.fields.Nested(LevelToSetSchema), required=True, metadata={"description": f"2 to {MOST_LEVELS}"}
    )


class RubricToSetSchema(Taken):
    """A rubric as its trainer writes it."""

    title = ma.fields.String(required=True, validate=TITLE)
    course_id = ma.fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "a course whose other trainers may use it too; null: it is one's own"},
    )
    criteria = ma.fields.List(
        ma.fields.Nested(CriterionToSetSchema), required=True, metadata={"description": f"1 to {MOST_CRITERIA}"}
    )


class ChoiceSchema(Taken):
    """Which version of a rubric the work of an assignment is marked by."""

    version_id = ma.fields.UUID(
        required=True, allow_none=True, metadata={"description": "null: it is marked by points alone"}
    )


class ChosenSchema(ma.Schema):
    """By what an assignment is marked now."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    max_points = ma.fields.Integer(required=True, attribute="points")
    rubric_version_id = ma.fields.UUID(required=True, allow_none=True)


Rubric = enveloped(OwnRubricSchema)
Chosen = enveloped(ChosenSchema)


@call(blueprint, "/rubrics", "GET", enveloped(ListedRubricSchema, many=True), permission=Permission.SET_ASSIGNMENT)
def rubrics() -> dict[str, Any]:
    """List the rubrics one may choose: one's own, and those of the courses one teaches"""
    return success(queries.rubrics_for(current_session(), caller().person_id))


@call(blueprint, "/rubrics", "POST", Rubric, permission=Permission.SET_ASSIGNMENT, status=201)
@blueprint.arguments(RubricToSetSchema)
@idempotent
def create(sent: dict[str, Any]) -> Any:
    """Keep a new rubric"""
    made = perform_once(create_rubric, caller(), _command(sent), at=now())
    return _answer(UUID(made), "Kept."), 201


@call(
    blueprint,
    "/rubrics/<uuid:rubric_id>",
    "GET",
    Rubric,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS},
)
def rubric(rubric_id: UUID) -> dict[str, Any]:
    """Read a rubric of one's own"""
    return success(queries.rubric_to_edit(current_session(), caller().person_id, rubric_id))


@call(
    blueprint,
    "/rubrics/<uuid:rubric_id>/versions",
    "POST",
    Rubric,
    permission=Permission.SET_ASSIGNMENT,
    status=201,
    refusals={404: NONE_OF_YOURS, 409: "It was put away."},
)
@blueprint.arguments(RubricToSetSchema)
@idempotent
def change(sent: dict[str, Any], rubric_id: UUID) -> Any:
    """Change a rubric into a new version

    Assignments keep the version they have until the new one is chosen for them.
    """
    perform_once(edit_rubric, caller(), rubric_id, _command(sent), at=now())
    return _answer(rubric_id, "Saved as a new version."), 201


@call(
    blueprint,
    "/rubrics/<uuid:rubric_id>/archive",
    "POST",
    Rubric,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS, 409: "It was put away before."},
)
@idempotent
def put_away(rubric_id: UUID) -> Any:
    """Put a rubric away: it is offered no more, and assignments that have it keep it"""
    perform(archive_rubric, caller(), rubric_id, at=now())
    return _answer(rubric_id, "Put away.")


@call(
    blueprint,
    "/assignments/<uuid:assignment_id>/rubric",
    "POST",
    Chosen,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: "No such assignment of an intake you teach.", 409: "It is archived."},
)
@blueprint.arguments(ChoiceSchema)
@idempotent
def choose(sent: dict[str, Any], assignment_id: UUID) -> Any:
    """Choose the rubric that an assignment is marked by; not any more once work was marked"""
    perform(choose_rubric, caller(), assignment_id, sent["version_id"], at=now())
    page = queries.assignment_set_by(current_session(), caller().person_id, assignment_id)
    return jsonify(Chosen().dump(success(page)))


def _answer(rubric_id: UUID, message: str) -> Any:
    page = queries.rubric_to_edit(current_session(), caller().person_id, rubric_id)
    return jsonify(Rubric().dump(success(page, message)))


def _command(sent: dict[str, Any]) -> SetRubric:
    """Return what was sent as the operations take it, with its texts as a form would bring them."""
    return SetRubric(
        title=tidy(sent["title"]),
        course_id=sent["course_id"],
        criteria=tuple(
            SetCriterion(
                title=tidy(criterion["title"]),
                description=tidy(criterion["description"]),
                levels=tuple(
                    SetLevel(title=tidy(level["title"]), points=level["points"], description=tidy(level["description"]))
                    for level in criterion["levels"]
                ),
            )
            for criterion in sent["criteria"]
        ),
    )
