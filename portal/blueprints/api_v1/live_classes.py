"""Live classes that come next, for whoever asks: a student's own, a trainer's, or all for the office."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import marshmallow as ma

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import PageArguments, PaginationSchema, call, enveloped, page_of
from portal.blueprints.api_v1.schemas import LiveClassSchema
from portal.db import current_session
from portal.domain.accounts.api_tokens import ApiPerson
from portal.domain.clock import now
from portal.domain.live_classes.meeting import meetings_open_to
from portal.domain.live_classes.queries import ClassRow, classes_between, of_staff, of_student
from portal.domain.permissions import Permission, Role
from portal.web.bearer import caller

blueprint = ApiBlueprint("api_live_classes", __name__, url_prefix="/api/v1/live-classes", description="Live classes")

LONGEST_CLASS = timedelta(hours=8)  # one that is on now began at most so long ago


class UpcomingArguments(PageArguments):
    """How far ahead."""

    days = ma.fields.Integer(load_default=7, validate=ma.validate.Range(1, 30))


@call(
    blueprint,
    "/upcoming",
    "GET",
    enveloped(LiveClassSchema, many=True, paginated=PaginationSchema),
    permission=Permission.KEEP_OWN_ACCOUNT,
)
@blueprint.arguments(UpcomingArguments, location="query")
def upcoming(asked: dict[str, int]) -> dict[str, Any]:
    """List the classes that are on or come next"""
    person, at = caller(), now()
    page, limit = asked["page"], asked["limit"]
    rows = upcoming_classes(person, at, at + timedelta(days=asked["days"]))
    shown = rows[(page - 1) * limit : page * limit]
    links = meetings_open_to(current_session(), person, shown, at=at)
    items = [_live_class(row, links.get(row.id)) for row in shown]
    return page_of(items, page=page, limit=limit, total=len(rows), more=len(rows) > page * limit)


def upcoming_classes(person: ApiPerson, at: datetime, until: datetime) -> list[ClassRow]:
    """Return the classes that concern this person and are not over."""
    whose = of_student(person.person_id) if person.role is Role.STUDENT else of_staff(person)
    return [row for row in classes_between(current_session(), whose, at - LONGEST_CLASS, until) if row.ends_at > at]


def _live_class(row: ClassRow, meeting_url: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "course_id": row.course_id,
        "intake_id": row.intake_id,
        "course_title": row.course,
        "title": row.title,
        "kind": row.kind,
        "scheduled_date": row.starts_at,
        "ends_at": row.ends_at,
        "duration_minutes": int((row.ends_at - row.starts_at).total_seconds() // 60),
        "status": row.state,
        "trainer": row.trainer,
        "room": row.room,
        "online": row.online,
        "meeting_url": meeting_url,
    }
