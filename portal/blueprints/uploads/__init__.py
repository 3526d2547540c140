"""Uploads that go on where a line broke: the protocol tus 1.0, for the scripts of our pages.

Programs that carry a token have the same beneath `/api/v1/uploads`.
"""

from flask import Blueprint, Response
from flask_wtf.csrf import CSRFError

from portal.web import refusals
from portal.web.errors import EXPIRED_FORM, error_answer
from portal.web.resumable.answers import name_the_version

blueprint = Blueprint("uploads", __name__, url_prefix="/uploads")
blueprint.after_request(name_the_version)


@blueprint.errorhandler(CSRFError)
def refuse_without_token(_error: CSRFError) -> Response:
    """Refuse what no page of ours sent: 403, where a form would get 400."""
    refusals.note_access_refused("form token")
    return error_answer(403, EXPIRED_FORM)


from portal.blueprints.uploads import views
