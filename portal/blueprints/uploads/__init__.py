"""Uploads that go on where a line broke: the protocol tus 1.0, for the scripts of our pages and for programs."""

from flask import Blueprint, Response
from flask_wtf.csrf import CSRFError

from portal.web import refusals
from portal.web.errors import EXPIRED_FORM, error_answer

blueprint = Blueprint("uploads", __name__, url_prefix="/uploads")


@blueprint.after_request
def speak_the_protocol(response: Response) -> Response:
    """Name the version in every answer; nothing of an upload is ever kept by a cache."""
    response.headers["Tus-Resumable"] = protocol.VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == protocol.WrongVersion.code:
        response.headers["Tus-Version"] = protocol.VERSION
    return response


@blueprint.errorhandler(CSRFError)
def refuse_without_token(_error: CSRFError) -> Response:
    """Refuse what no page of ours sent: 403, where a form would get 400."""
    refusals.note_access_refused("form token")
    return error_answer(403, EXPIRED_FORM)


from portal.blueprints.uploads import protocol, views  # noqa: E402, F401 - the views register themselves
