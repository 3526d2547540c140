"""The front page: what the institute is, what it teaches, what starts next."""

from __future__ import annotations

from typing import Any

from flask import Response

from portal.blueprints.public import blueprint
from portal.blueprints.public.kept import as_json, from_json, kept
from portal.db import current_session
from portal.domain.courses import catalogue
from portal.domain.courses.catalogue import CatalogueRow, NextIntake
from portal.web.access import public
from portal.web.htmx import respond
from portal.web.today import institutes_day

COURSES_SHOWN = 6


@blueprint.get("/")
@public
def home() -> Response:
    """Show the institute and a way into its courses."""
    today = institutes_day()

    def make() -> dict[str, Any]:
        session = current_session()
        courses = catalogue.catalogue(session, today=today, size=100).items
        upcoming = sorted(courses, key=lambda course: (course.next_start is None, course.next_start or today))
        return {
            "courses": [as_json(course) for course in upcoming[:COURSES_SHOWN]],
            "intakes": [as_json(intake) for intake in catalogue.next_intakes(session, today=today)],
            "categories": catalogue.categories(session),
        }

    figures = kept(f"home:{today}", make)
    return respond(
        "public/home.html",
        courses=[from_json(CatalogueRow, course) for course in figures["courses"]],
        intakes=[from_json(NextIntake, intake) for intake in figures["intakes"]],
        categories=figures["categories"],
        number=sum(number for _, number in figures["categories"]),
    )
