"""Files in pieces for programs: tus 1.0 with a token in place of a cookie, by the same rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, url_for

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import KEY_PARAMETER, SECURED, refusals_described
from portal.domain.files.kinds import LARGEST
from portal.domain.permissions import Permission
from portal.web.access import View, bearer
from portal.web.bearer import caller
from portal.web.resumable import answers, protocol
from portal.web.uploads import takes_files

blueprint = ApiBlueprint(
    "api_uploads", __name__, url_prefix="/api/v1/uploads", description="Files of up to 2 GB, in pieces (tus 1.0)"
)
blueprint.after_request(answers.name_the_version)

OF_WORK = "/assignments/<uuid:assignment_id>"
ONE = "/<upload_id>"
VERSION = ("Tus-Resumable", "The version of the protocol.", {"type": "string", "const": protocol.VERSION})
LENGTH = ("Upload-Length", "Bytes of the whole file.", {"type": "integer", "minimum": 0})
NAMED = ("Upload-Metadata", "`filename` and its base64; more pairs are told again by HEAD.", {"type": "string"})
KEY = (KEY_PARAMETER["name"], KEY_PARAMETER["description"], KEY_PARAMETER["schema"])
OFFSET = ("Upload-Offset", "From where on this request brings bytes.", {"type": "integer", "minimum": 0})
SUM = ("Upload-Checksum", "`sha1` or `sha256` and the base64 of the sum of this piece.", {"type": "string"})
REFUSED = {
    401: "The token is missing, wrong or no longer valid.",
    403: "The role does not allow this.",
    404: "No such upload or assignment of yours.",
    412: "Another version of the protocol than 1.0.0.",
    429: "Too many calls; retryAfter says when to go on.",
}
REFUSED_PIECE = {
    400: "A header is missing, odd, or of an extension that is not offered.",
    409: "Another offset than the one that is here, or it cannot be taken as things stand.",
    410: "The upload has ended, or what had come is gone.",
    413: "More bytes than announced, or a file over the limit of its kind.",
    415: "A body of another type than application/offset+octet-stream.",
    422: "Its content or name is of no kind that is taken.",
    423: "Another line is writing to it; it is free within seconds.",
    460: "The checksum is not that of what came: nothing of it was kept.",
    503: "Many files are on their way: Retry-After.",
    507: "The disk has no room for it.",
}
REFUSED_BEGINNING = REFUSED | REFUSED_PIECE | {422: "It is of no kind that is taken, or its key began another file."}
PIECE = {"required": False, "content": {protocol.PIECE_TYPE: {"schema": {"type": "string", "format": "binary"}}}}

Header = tuple[str, str, dict[str, Any]]


def tus(
    rule: str, method: str, status: int, *, headers: tuple[Header, ...], refusals: dict[int, str], body: bool = False
) -> Callable[[View], View]:
    """Declare one request of the protocol: its address, its headers, and what it may be refused with."""

    def declare(view: View) -> View:
        declared: Any = bearer(Permission.SUBMIT_ASSIGNMENT)(view)
        declared = blueprint.response(status)(declared)
        parameters = [
            {"in": "header", "name": name, "description": meaning, "schema": schema, "required": name in REQUIRED}
            for name, meaning, schema in headers
        ]
        documented: dict[str, Any] = {"security": SECURED, "parameters": parameters}
        documented["responses"] = refusals_described(refusals)
        if body:
            documented["requestBody"] = PIECE
        declared = blueprint.doc(**documented)(declared)
        registered: View = blueprint.route(rule, methods=[method], provide_automatic_options=False)(declared)
        return registered

    return declare


REQUIRED = frozenset({"Tus-Resumable", "Upload-Length", "Upload-Offset"})


@tus(OF_WORK, "POST", 201, headers=(VERSION, LENGTH, NAMED, SUM, KEY), refusals=REFUSED_BEGINNING, body=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def begin(assignment_id: UUID) -> Response:
    """Begin to send a file for an assignment

    `Location` is the address of the upload; its last part is the name by which it is handed in. Begun again with the
    same key it is the same upload, and `Upload-Offset` says how far it is by now.
    """
    return answers.begin(caller(), assignment_id, lambda name: url_for("api_uploads.ask", upload_id=name))


@tus(ONE, "HEAD", 200, headers=(), refusals=REFUSED | {410: REFUSED_PIECE[410]})
def ask(upload_id: str) -> Response:
    """Ask how far an upload is: Upload-Offset"""
    return answers.ask(caller(), upload_id)


@tus(ONE, "PATCH", 204, headers=(VERSION, OFFSET, SUM), refusals=REFUSED | REFUSED_PIECE, body=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def go_on(upload_id: str) -> Response:
    """Send bytes from the offset on"""
    return answers.go_on(caller(), upload_id)


@tus(ONE, "DELETE", 204, headers=(VERSION,), refusals=REFUSED | {n: REFUSED_PIECE[n] for n in (409, 410)})
def give_up(upload_id: str) -> Response:
    """Give an upload up, and erase what has come"""
    return answers.give_up(caller(), upload_id)
