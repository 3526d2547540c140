"""Going on with a form that was typed when the session ended."""

from __future__ import annotations

from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.auth import blueprint
from portal.blueprints.auth.browser import landing_page
from portal.db import current_session
from portal.domain.clock import now
from portal.web import kept_forms
from portal.web.access import signed_in
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person


@blueprint.get("/kept-form/<key>")
@signed_in
def kept_form(key: str) -> BaseResponse:
    """Show what was typed, ready to be sent. Whoever else signs in here just begins at the start."""
    person = the_person()
    kept = kept_forms.kept_form(current_session(), key, person.person_id, at=now())
    if kept is None:
        return go_to(landing_page(person.role))
    return respond("auth/kept_form.html", kept=kept)
