"""The catalogue, readable by everyone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import current_app

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import PageArguments, PaginationSchema, call, enveloped, page_of, success
from portal.blueprints.api_v1.schemas import NO_NUL, CourseDetailSchema, CourseSchema
from portal.db import current_session
from portal.domain.clock import now
from portal.domain.courses.models import Level
from portal.domain.reports.api_lists import published_course, published_courses

blueprint = ApiBlueprint("api_courses", __name__, url_prefix="/api/v1/courses", description="The catalogue")


class CourseArguments(PageArguments):
    """Which courses."""

    category = ma.fields.String(load_default="", validate=[ma.validate.Length(max=60), NO_NUL])
    level = ma.fields.Enum(Level, by_value=True)
    search = ma.fields.String(load_default="", validate=[ma.validate.Length(max=200), NO_NUL])


@call(blueprint, "", "GET", enveloped(CourseSchema, many=True, paginated=PaginationSchema), permission=None)
@blueprint.arguments(CourseArguments, location="query")
def courses(asked: dict[str, Any]) -> dict[str, Any]:
    """List published courses"""
    found = published_courses(current_session(), **asked)
    return page_of(found.items, page=asked["page"], limit=asked["limit"], total=found.total, more=found.more)


@call(
    blueprint,
    "/<uuid:course_id>",
    "GET",
    enveloped(CourseDetailSchema),
    permission=None,
    refusals={404: "No such course."},
)
def course(course_id: UUID) -> dict[str, Any]:
    """Read one course with its intakes"""
    zone = current_app.config["SETTINGS"].time_zone
    return success(published_course(current_session(), course_id, today=now().astimezone(zone).date()))
