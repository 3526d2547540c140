"""A student's courses: modules with what has been released, materials to read, links to follow, files to open."""

from __future__ import annotations

from uuid import UUID

from flask import Response, request

from portal.blueprints.student import blueprint
from portal.db import current_session
from portal.domain.clock import now
from portal.domain.enrolments import materials, queries
from portal.domain.enrolments.access import STUDYING
from portal.domain.files.kinds import may_open_in_browser
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.send_file import send_stored
from portal.web.sessions import the_person
from portal.web.today import institutes_day


@blueprint.get("/courses")
@requires(Permission.STUDY)
def courses() -> Response:
    """List the courses this student is or was in."""
    own = queries.courses_of_student(current_session(), the_person().person_id)
    return respond("student/courses.html", courses=own, today=institutes_day())


@blueprint.get("/courses/<uuid:intake_id>")
@requires(Permission.STUDY)
def course(intake_id: UUID) -> Response:
    """Show one course of this student: its modules and what they may open of them."""
    session, student_id, at = current_session(), the_person().person_id, now()
    own = queries.course_of_student(session, student_id, intake_id)
    return respond(
        "student/course.html",
        "modules",
        course=own,
        studying=own.state in STUDYING,
        modules=materials.modules_for(session, student_id, intake_id, at=at),
        closed=own.access_until is not None and materials.is_closed(session, student_id, intake_id, at=at),
    )


@blueprint.get("/materials/<uuid:material_id>")
@requires(Permission.STUDY)
def material(material_id: UUID) -> Response:
    """Show one material this student may open."""
    found = materials.material_for(current_session(), the_person().person_id, material_id, at=now())
    shown = found.file_kind is not None and may_open_in_browser(found.file_kind)
    return respond("student/material.html", material=found, shown=shown)


@blueprint.get("/materials/<uuid:material_id>/file")
@requires(Permission.STUDY)
def material_file(material_id: UUID) -> Response:
    """Send the file of a material this student may open; `?inline` shows it where that is safe."""
    file = materials.material_file_for(current_session(), the_person().person_id, material_id, at=now())
    return send_stored(file, inline="inline" in request.args)
