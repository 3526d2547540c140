"""When the portal was away, and what that moved: what the office needs to answer a student."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal.blueprints.admin import blueprint
from portal.db import current_session
from portal.domain.assignments.queries.outages import times_away
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.pagination import cursor_of_request, links


@blueprint.get("/system/outages")
@requires(Permission.SEE_SYSTEM)
def outages() -> ResponseReturnValue:
    """Every time in which nobody reached the portal, with the deadlines it moved."""
    page = times_away(current_session(), cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond("admin/outages.html", page=page, previous_url=previous_url, next_url=next_url)
