"""Where a person is signed in, and ending it from here."""

from __future__ import annotations

from uuid import UUID

from flask import flash, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.auth import blueprint
from portal.blueprints.auth.browser import farewell
from portal.db import current_session, perform
from portal.domain.accounts import queries, sessions
from portal.domain.clock import now
from portal.web.access import signed_in
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person
from portal.web.user_agents import browser_name
from portal.web.visitors import the_visitor


@blueprint.get("/account/sessions")
@signed_in
def own_sessions() -> BaseResponse:
    """List where one is signed in."""
    rows = queries.live_sessions(current_session(), the_person().person_id, at=now())
    return respond("auth/own_sessions.html", rows=rows, here=the_person().session_id, browser_name=browser_name)


@blueprint.post("/account/sessions/<uuid:session_id>/end")
@signed_in
def end_session(session_id: UUID) -> BaseResponse:
    """End one of one's own sessions; ending this one is signing out."""
    person = the_person()
    perform(sessions.end_own, person.person_id, session_id, the_visitor(), at=now())
    if session_id == person.session_id:
        return farewell(shared_computer=person.shared_computer)
    flash("That session has ended.", "done")
    return go_to(url_for("auth.own_sessions"))


@blueprint.post("/account/sessions/others/end")
@signed_in
def end_other_sessions() -> BaseResponse:
    """End all of one's sessions but this one."""
    person = the_person()
    perform(sessions.end_others, person.person_id, person.session_id, the_visitor(), at=now())
    flash("Everywhere else you are signed out.", "done")
    return go_to(url_for("auth.own_sessions"))
