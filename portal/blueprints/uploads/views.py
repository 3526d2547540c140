"""The addresses: begin an upload, ask how far it is, go on, give it up."""

from __future__ import annotations

from uuid import UUID

from flask import Response, abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.adapters import disk
from portal.blueprints.uploads import blueprint, protocol
from portal.blueprints.uploads.arriving import append, discard
from portal.db import current_session, perform, release_connection
from portal.domain.assignments import queries
from portal.domain.assignments.pending import end_upload
from portal.domain.assignments.sending import SendFile, begin_to_send
from portal.domain.clock import now
from portal.domain.errors import Gone, TooLarge
from portal.domain.files import uploads
from portal.domain.files.kinds import LARGEST
from portal.domain.files.models import UploadEnd, UploadState
from portal.domain.files.uploads import ENDED_WORDS, KnownUpload
from portal.domain.permissions import Permission
from portal.web.access import public, requires
from portal.web.limits import check_upload_started
from portal.web.sessions import the_person
from portal.web.uploads import hold_place, takes_files, the_storage

OF_WORK = "/assignments/<uuid:assignment_id>"
ONE = "/<upload_id>"


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
    person = the_person()
    queries.assignment_for(current_session(), person.person_id, assignment_id)
    release_connection()
    if request.headers.get("X-HTTP-Method-Override", "POST").upper() != "POST":
        abort(405)
    protocol.check_version()
    length, metadata, checksum = protocol.declared_length(), protocol.metadata(), protocol.checksum()
    if protocol.brings_bytes():
        protocol.check_piece_type()
        if (request.content_length or 0) > length:
            raise TooLarge("More bytes came than the whole file has.")
        hold_place()
    check_upload_started(person)
    command = SendFile(assignment_id=assignment_id, length=length, name=metadata.name, client_metadata=metadata.text)
    upload = perform(begin_to_send, person, command, disk.fill_of(the_storage().receiving), at=now())
    if protocol.brings_bytes() or length == 0:
        try:
            upload = append(person, upload.id, 0, checksum)
        except protocol.WrongSum:  # its sender never learns the address
            discard(perform(end_upload, person, upload.id, UploadEnd.TERMINATED, at=now()))
            raise
    response = Response(status=201)
    response.headers["Location"] = url_for("uploads.ask", upload_id=upload.id)
    return _tell(response, upload)


@blueprint.route(ONE, methods=["HEAD"], provide_automatic_options=False)
@requires(Permission.SUBMIT_ASSIGNMENT, polled=True, by_script=True)
def ask(upload_id: str) -> Response:
    """Say how far an upload is: from there on it goes on."""
    upload = _own(upload_id)
    if upload.state is UploadState.RECEIVING and (the_storage().parts.size(upload.id) or 0) < upload.offset:
        raise Gone(ENDED_WORDS[UploadEnd.LOST])
    response = Response(status=200)
    response.headers["Upload-Length"] = str(upload.length)
    if upload.client_metadata:
        response.headers["Upload-Metadata"] = upload.client_metadata
    return _tell(response, upload)


@blueprint.route(ONE, methods=["PATCH"], provide_automatic_options=False)
@requires(Permission.SUBMIT_ASSIGNMENT, by_script=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def go_on(upload_id: str) -> Response:
    """Add the bytes of this request, as far as they come."""
    _own(upload_id)
    protocol.check_version()
    protocol.check_piece_type()
    offset, checksum = protocol.declared_offset(), protocol.checksum()
    hold_place()
    return _tell(Response(status=204), append(the_person(), upload_id, offset, checksum))


@blueprint.route(ONE, methods=["DELETE"], provide_automatic_options=False)
@requires(Permission.SUBMIT_ASSIGNMENT, by_script=True)
def give_up(upload_id: str) -> Response:
    """End an upload and erase what has come."""
    _own(upload_id)
    protocol.check_version()
    discard(perform(end_upload, the_person(), upload_id, UploadEnd.TERMINATED, at=now()))
    return Response(status=204)


@blueprint.route(ONE, methods=["POST"], provide_automatic_options=False)
@requires(Permission.SUBMIT_ASSIGNMENT, by_script=True)
@takes_files(LARGEST, only=protocol.PIECE_TYPE)
def in_other_words(upload_id: str) -> BaseResponse:
    """Do what another method does, for lines that let only POST through. Like every POST it has proved its token."""
    _own(upload_id)
    meant = {"PATCH": go_on, "DELETE": give_up}.get(request.headers.get("X-HTTP-Method-Override", "").upper())
    if meant is None:
        abort(405)
    return meant(upload_id)


def _own(upload_id: str) -> KnownUpload:
    """Return an upload of this person; no connection is held when this returns."""
    upload = uploads.upload_of(current_session(), the_person().person_id, upload_id)
    release_connection()
    return upload


def _tell(response: Response, upload: KnownUpload) -> Response:
    response.headers["Upload-Offset"] = str(upload.offset)
    if upload.state is not UploadState.TAKEN:
        protocol.tell_expiry(response, upload.expires_at)
    return response
