"""The catalogue: search, filters, pages, and each course with its next intakes."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from portal.blueprints.public import blueprint
from portal.blueprints.public.kept import as_json, from_json, kept
from portal.db import current_session
from portal.domain.courses import catalogue as courses
from portal.domain.courses.catalogue import CatalogueRow, CoursePage, OpenIntake
from portal.domain.courses.models import Level
from portal.web.access import public
from portal.web.htmx import respond
from portal.web.pagination import cursor_of_request, links
from portal.web.today import institutes_day

LONGEST_QUERY = 100


@blueprint.get("/courses")
@public
def catalogue() -> Response:
    """List published courses by words, category and level; first pages without words are kept for a minute."""
    today = institutes_day()
    q = request.args.get("q", "").strip()[:LONGEST_QUERY]
    given = request.args.get("level", "")
    level = Level(given) if given in set(Level) else None
    categories = kept("categories", lambda: {"categories": courses.categories(current_session())})["categories"]
    category = next((name for name, _ in categories if name == request.args.get("category", "")), "")
    found: dict[str, Any] = {"q": q, "category": category, "level": level}

    def make() -> dict[str, Any]:
        page = courses.catalogue(current_session(), today=today, cursor=cursor_of_request(), **found)
        total = courses.catalogue_total(current_session(), **found)
        previous_url, next_url = links(page)
        return {
            "rows": [as_json(row) for row in page.items],
            "total": str(total),
            "previous_url": previous_url,
            "next_url": next_url,
        }

    asked = {name: value for name, value in request.args.items() if value}
    is_plain = asked == {name: value for name, value in found.items() if value} and not q
    figures = kept(f"page:{today}:{category}:{level or ''}", make) if is_plain else make()
    rows = [from_json(CatalogueRow, row) for row in figures["rows"]]
    return respond(
        "public/catalogue.html",
        "courses",
        **(figures | found | {"rows": rows, "categories": categories, "levels": list(Level)}),
    )


@blueprint.get("/courses/<slug>")
@public
def course(slug: str) -> Response:
    """Show a published course: what one learns, how it is taught, and when it starts."""
    today = institutes_day()

    def make() -> dict[str, Any]:
        return as_json(courses.course_page(current_session(), slug, today=today))

    values = kept(f"course:{today}:{slug}", make)
    intakes = [from_json(OpenIntake, intake) for intake in values["intakes"]]
    return respond("public/course.html", course=from_json(CoursePage, values | {"intakes": intakes}))
