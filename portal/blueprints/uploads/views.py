"""The addresses: begin an upload, ask how far it is, go on, give it up."""

from __future__ import annotations

from uuid import UUID

from flask import Response, url_for

from portal.blueprints.uploads import blueprint
from portal.domain.files.kinds import LARGEST
from portal.domain.permissions import Permission
from portal.web.access import public, requires
from portal.web.resumable import answers, protocol
from portal.web.sessions import the_person
from portal.web.uploads import takes_files

OF_WORK = "/assignments/<uuid:assignment_id>"
FOR_STUDENT = "/enrolments/<uuid:enrolment_id>/assignments/<uuid:assignment_id>"
ONE = "/<upload_id>"


@blueprint.route(FOR_STUDENT, methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(OF_WORK, methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(ONE, methods=["OPTIONS"], provide_automatic_options=False)
@public
def options(**_address: object) -> Response:
    """Say what this server can do; that is the same for everybody."""
    return protocol.tell_options(Response(status=204))


@blueprint.route(OF_WORK, methods=["POST"], provide_automatic_options=False)
@requires(Permission.SUBMIT_ASSIGNMENT, by_script=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def begin(assignment_id: UUID) -> Response:
    """Begin to send a file for an assignment; the first bytes may come with it."""
    return answers.begin(the_person(), assignment_id, _address)


@blueprint.route(FOR_STUDENT, methods=["POST"], provide_automatic_options=False)
@requires(Permission.HAND_IN_FOR_STUDENT, by_script=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def begin_for(enrolment_id: UUID, assignment_id: UUID) -> Response:
    """Begin to send a file that a student brought; the first bytes may come with it."""
    return answers.begin_for(the_person(), enrolment_id, assignment_id, _address)


@blueprint.route(ONE, methods=["HEAD"], provide_automatic_options=False)
@requires(Permission.SEND_FILES, polled=True, by_script=True)
def ask(upload_id: str) -> Response:
    """Say how far an upload is: from there on it goes on."""
    return answers.ask(the_person(), upload_id)


@blueprint.route(ONE, methods=["PATCH"], provide_automatic_options=False)
@requires(Permission.SEND_FILES, by_script=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def go_on(upload_id: str) -> Response:
    """Add the bytes of this request, as far as they come."""
    return answers.go_on(the_person(), upload_id)


@blueprint.route(ONE, methods=["DELETE"], provide_automatic_options=False)
@requires(Permission.SEND_FILES, by_script=True)
def give_up(upload_id: str) -> Response:
    """End an upload and erase what has come."""
    return answers.give_up(the_person(), upload_id)


@blueprint.route(ONE, methods=["POST"], provide_automatic_options=False)
@requires(Permission.SEND_FILES, by_script=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def in_other_words(upload_id: str) -> Response:
    """Do what another method does, for lines that let only POST through. Like every POST it has proved its token."""
    return answers.in_other_words(the_person(), upload_id)


def _address(name: str) -> str:
    return url_for("uploads.ask", upload_id=name)
