"""The files of a brief, for programs: whole, or the part that is asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import SECURED, refusals_described
from portal.db import current_session
from portal.domain.assignments.queries.attachments import attachment_for
from portal.domain.permissions import Permission
from portal.web.access import View, bearer
from portal.web.bearer import caller
from portal.web.send_file import send_stored

blueprint = ApiBlueprint(
    "api_attachments", __name__, url_prefix="/api/v1/attachments", description="Files of the briefs of assignments"
)

BYTES = {"type": "string", "format": "binary"}
REFUSED = {
    401: "The token is missing, wrong or no longer valid.",
    403: "The role does not allow this.",
    404: "No such file of a brief that you may read now.",
    416: "The file has no such part.",
    429: "Too many calls; retryAfter says when to go on.",
    503: "Many files are on their way: Retry-After.",
}
RANGE = {
    "in": "header",
    "name": "Range",
    "description": "The part that is wanted, as after a line broke: `bytes=1000-`.",
    "schema": {"type": "string"},
}


def sends_bytes(view: View) -> View:
    """Declare what is answered with the bytes of a file."""
    declared: Any = bearer(Permission.SUBMIT_ASSIGNMENT)(view)
    declared = blueprint.response(200, BYTES, content_type="*/*")(declared)
    declared = blueprint.alt_response(206, schema=BYTES, content_type="*/*", description="The part.")(declared)
    declared = blueprint.alt_response(304, description="It is as it was.")(declared)
    described = {"security": SECURED, "parameters": [RANGE], "responses": refusals_described(REFUSED)}
    documented: View = blueprint.doc(**described)(declared)
    return documented


@blueprint.get("/<uuid:attachment_id>")
@sends_bytes
def attachment(attachment_id: UUID) -> Response:
    """Download a file of a brief

    In its own media type. `ETag` is its SHA-256, as the assignment names it.
    """
    return send_stored(attachment_for(current_session(), caller().person_id, attachment_id))
