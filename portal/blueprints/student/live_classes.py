"""Live classes as a student sees them: the week, one class, and the way into its meeting in its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import redirect, request
from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.student import blueprint
from portal.domain.clock import now
from portal.domain.live_classes import queries
from portal.domain.live_classes.meeting import REFUSALS, joining_now, meeting_for
from portal.domain.live_classes.phases import JOINING_OPENS, Joining, phase_of
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond, unchanged
from portal.web.sessions import the_person
from portal.web.timetable import timetable

PAGE = "student/live_class.html"
NEAR = timedelta(hours=1)  # before joining opens: from here on the page looks often
POLL_SECONDS_NEAR, POLL_SECONDS_FAR = 15, 300


@blueprint.get("/live-classes")
@requires(Permission.STUDY)
def live_classes() -> ResponseReturnValue:
    """Show the week of a student, or the classes to come or past as a list."""
    shown = timetable(db.current_session(), queries.of_student(the_person().person_id), "student.live_class", at=now())
    return respond("student/live_classes.html", "timetable", timetable=shown)


@blueprint.get("/live-classes/<uuid:live_class_id>")
@requires(Permission.STUDY)
def live_class(live_class_id: UUID) -> ResponseReturnValue:
    """Show a class: when, where, and the button to join while it is open."""
    found = queries.class_of_student(db.current_session(), the_person().person_id, live_class_id)
    return respond(PAGE, found=found, **_joining(found, now()))


@blueprint.get("/live-classes/<uuid:live_class_id>/joining")
@requires(Permission.STUDY, polled=True)
def class_joining(live_class_id: UUID) -> ResponseReturnValue:
    """Answer the page that waits for the meeting to open: nothing while nothing changed."""
    found = queries.class_of_student(db.current_session(), the_person().person_id, live_class_id)
    joining = _joining(found, now())
    if request.args.get("seen") == joining["seen"]:
        return unchanged()
    return respond(PAGE, "joining", found=found, **joining)


@blueprint.get("/live-classes/<uuid:live_class_id>/meeting")
@requires(Permission.STUDY)
def class_meeting(live_class_id: UUID) -> ResponseReturnValue:
    """Lead into the meeting from 15 minutes before the class to its end; the link is on no page.

    A link and not a form: browsers hold each redirect of a form against `form-action`, and services redirect onwards.
    """
    link = meeting_for(db.current_session(), the_person().person_id, live_class_id, at=now())
    return redirect(link, 303)


def _joining(found: queries.StudentClass, at: datetime) -> dict[str, Any]:
    joining, phase = joining_now(found, at=at), phase_of(found.state, found.starts_at, found.ends_at, at)
    poll_seconds = _poll_seconds(found, joining, at)
    return {
        "joining": joining,
        "phase": phase,
        "words": REFUSALS.get(joining),
        "opens_at": found.starts_at - JOINING_OPENS,
        "poll_seconds": poll_seconds,
        "seen": f"{phase}-{joining}-{found.starts_at.isoformat()}-{poll_seconds}",
    }


def _poll_seconds(found: queries.StudentClass, joining: Joining, at: datetime) -> int | None:
    """Return how often the page looks whether something changed; what is final is not asked again."""
    if joining in (Joining.OVER, Joining.CANCELLED):
        return None
    return POLL_SECONDS_NEAR if at >= found.starts_at - JOINING_OPENS - NEAR else POLL_SECONDS_FAR
