"""Groups by a program: a student reads and chooses one's own, a trainer lists all of an assignment."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, OwnGroupSchema
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.choosing_groups import join_group, leave_group, make_group
from portal.domain.assignments.group_models import LONGEST_GROUP_NAME
from portal.domain.assignments.queries.groups import groups_of, groups_to_choose, students_in_groups
from portal.domain.clock import now
from portal.domain.errors import NotFound
from portal.domain.permissions import Permission
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint(
    "api_groups", __name__, url_prefix="/api/v1/assignments", description="Groups that do an assignment together"
)

NOT_IN_GROUPS = "No such assignment of yours that is done in groups."


class GroupToChooseSchema(ma.Schema):
    """A group of the intake."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    members = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "names"})
    places_left = ma.fields.Integer(required=True)
    handed_in = ma.fields.Boolean(required=True, metadata={"description": "nobody joins it any more"})


class OwnGroupsSchema(ma.Schema):
    """One's own group, and all that there are."""

    group = ma.fields.Nested(OwnGroupSchema, required=True, allow_none=True)
    groups = ma.fields.List(ma.fields.Nested(GroupToChooseSchema), required=True)


class ChooseGroupSchema(ma.Schema):
    """The group to join, or a new one."""

    class Meta:
        unknown = ma.EXCLUDE

    group_id = ma.fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "left out: a new group is made"}
    )
    name = ma.fields.String(
        load_default="",
        validate=[ma.validate.Length(max=LONGEST_GROUP_NAME), NO_NUL],
        metadata={"description": "of a new group; empty: it gets the next number"},
    )


class MemberSchema(ma.Schema):
    """A student in a group."""

    enrolment_id = ma.fields.UUID(required=True)
    student = ma.fields.String(required=True)
    student_number = ma.fields.String(required=True, allow_none=True)


class GroupSchema(ma.Schema):
    """A group as its trainer sees it."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    members = ma.fields.List(ma.fields.Nested(MemberSchema), required=True)
    has_handed_in = ma.fields.Boolean(required=True)


class GroupsSchema(ma.Schema):
    """The groups of an assignment, and who is in none."""

    groups = ma.fields.List(ma.fields.Nested(GroupSchema), required=True)
    without_group = ma.fields.List(ma.fields.Nested(MemberSchema), required=True)


OwnGroups = enveloped(OwnGroupsSchema)


@call(
    blueprint,
    "/<uuid:assignment_id>/groups",
    "GET",
    enveloped(GroupsSchema),
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: "No assignment that you set and that is done in groups."},
)
def groups(assignment_id: UUID) -> dict[str, Any]:
    """List the groups of an assignment one has set"""
    session = current_session()
    page = queries.assignment_set_by(session, caller().person_id, assignment_id)
    if page.group_formation is None:
        raise NotFound
    students = students_in_groups(session, assignment_id)
    listed = [
        {
            "id": group.id,
            "name": group.name,
            "members": [row for row in students if row.group_id == group.id],
            "has_handed_in": group.submissions > 0,
        }
        for group in groups_of(session, assignment_id)
    ]
    return success({"groups": listed, "without_group": [row for row in students if row.group_id is None]})


@call(
    blueprint,
    "/<uuid:assignment_id>/group",
    "GET",
    OwnGroups,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NOT_IN_GROUPS},
)
def group(assignment_id: UUID) -> dict[str, Any]:
    """Read one's own group, and the others with their places"""
    return success(_own(assignment_id))


@call(
    blueprint,
    "/<uuid:assignment_id>/group",
    "POST",
    OwnGroups,
    permission=Permission.SUBMIT_ASSIGNMENT,
    status=201,
    refusals={404: NOT_IN_GROUPS, 409: "It is full, one is in another, the time is over, or it has handed in."},
)
@blueprint.arguments(ChooseGroupSchema)
@idempotent
def choose(chosen: dict[str, Any], assignment_id: UUID) -> Response:
    """Join a group, or make a new one"""
    if chosen["group_id"] is None:
        perform(make_group, caller(), assignment_id, chosen["name"], at=now())
    else:
        perform(join_group, caller(), assignment_id, chosen["group_id"], at=now())
    answer = jsonify(OwnGroups().dump(success(_own(assignment_id))))
    answer.status_code = 201
    return answer


@call(
    blueprint,
    "/<uuid:assignment_id>/group",
    "DELETE",
    OwnGroups,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NOT_IN_GROUPS, 409: "One is in none, the time is over, or the group has handed in."},
)
def leave(assignment_id: UUID) -> dict[str, Any]:
    """Leave one's group"""
    perform(leave_group, caller(), assignment_id, at=now())
    return success(_own(assignment_id))


def _own(assignment_id: UUID) -> dict[str, Any]:
    session = current_session()
    page = queries.assignment_for(session, caller().person_id, assignment_id)
    if page.group_formation is None:
        raise NotFound
    most = page.group_most or 0
    found = [
        vars(row) | {"places_left": max(most - len(row.members), 0)} for row in groups_to_choose(session, assignment_id)
    ]
    return {"group": page.group, "groups": found}
