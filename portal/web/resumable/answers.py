"""What is answered to each request of an upload, whoever has proved who they are, and by which door they came."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Response, abort, request

from portal.adapters import disk
from portal.db import current_session, perform, release_connection
from portal.domain.assignments import queries
from portal.domain.assignments.pending import end_upload
from portal.domain.assignments.queries.for_students import student_served
from portal.domain.assignments.sending import SendFile, begin_to_send
from portal.domain.clock import now
from portal.domain.errors import Gone, TooLarge
from portal.domain.files import uploads
from portal.domain.files.models import UploadEnd, UploadState
from portal.domain.files.uploads import ENDED_WORDS, KnownUpload
from portal.domain.permissions import Actor
from portal.web.idempotency import key_of_request
from portal.web.limits import check_upload_started
from portal.web.resumable import protocol
from portal.web.resumable.arriving import append, discard, read_on
from portal.web.uploads import hold_place, the_storage


def name_the_version(response: Response) -> Response:
    """Name the version in every answer; nothing of an upload is ever kept by a cache."""
    response.headers["Tus-Resumable"] = protocol.VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == protocol.WrongVersion.code:
        response.headers["Tus-Version"] = protocol.VERSION
    return response


def begin(person: Actor, assignment_id: UUID, address_of: Callable[[str], str]) -> Response:
    """Begin to send a file for an assignment; the first bytes may come with it."""
    queries.assignment_for(current_session(), person.person_id, assignment_id)
    return _begin(person, assignment_id, None, address_of)


def begin_for(person: Actor, enrolment_id: UUID, assignment_id: UUID, address_of: Callable[[str], str]) -> Response:
    """Begin to send a file that a student brought, for their work and no other."""
    student = student_served(current_session(), person, enrolment_id)
    return _begin(person, assignment_id, student.user_id, address_of)


def _begin(person: Actor, assignment_id: UUID, student_id: UUID | None, address_of: Callable[[str], str]) -> Response:
    release_connection()
    if request.headers.get("X-HTTP-Method-Override", "POST").upper() != "POST":
        abort(405)
    protocol.check_version()
    length, metadata, checksum = protocol.declared_length(), protocol.metadata(), protocol.checksum()
    key = key_of_request()
    if protocol.brings_bytes():
        protocol.check_piece_type()
        if (request.content_length or 0) > length:
            raise TooLarge("More bytes came than the whole file has.")
        hold_place()
    check_upload_started(person)
    command = SendFile(
        assignment_id=assignment_id,
        student_id=student_id,
        length=length,
        name=metadata.name,
        client_metadata=metadata.text,
        key=key,
    )
    upload = perform(begin_to_send, person, command, disk.fill_of(the_storage().receiving), at=now())
    if upload.offset > 0:
        read_on()  # a repeat: its bytes came the first time, as far as they did
    elif protocol.brings_bytes() or length == 0:
        try:
            upload = append(person, upload.id, 0, checksum)
        except protocol.WrongSum:  # its sender never learns the address
            discard(perform(end_upload, person, upload.id, UploadEnd.TERMINATED, at=now()))
            raise
    response = Response(status=201)
    response.headers["Location"] = address_of(upload.id)
    return _tell(response, upload)


def ask(person: Actor, upload_id: str) -> Response:
    """Say how far an upload is: from there on it goes on."""
    upload = _own(person, upload_id)
    if _is_short(upload):
        upload = _own(person, upload_id)  # its part goes when it is whole, and that may have been in this moment
        if _is_short(upload):
            raise Gone(ENDED_WORDS[UploadEnd.LOST])
    response = Response(status=200)
    response.headers["Upload-Length"] = str(upload.length)
    if upload.client_metadata:
        response.headers["Upload-Metadata"] = upload.client_metadata
    return _tell(response, upload)


def go_on(person: Actor, upload_id: str) -> Response:
    """Add the bytes of this request, as far as they come."""
    _own(person, upload_id)
    protocol.check_version()
    protocol.check_piece_type()
    offset, checksum = protocol.declared_offset(), protocol.checksum()
    hold_place()
    return _tell(Response(status=204), append(person, upload_id, offset, checksum))


def give_up(person: Actor, upload_id: str) -> Response:
    """End an upload and erase what has come."""
    _own(person, upload_id)
    protocol.check_version()
    discard(perform(end_upload, person, upload_id, UploadEnd.TERMINATED, at=now()))
    return Response(status=204)


def in_other_words(person: Actor, upload_id: str) -> Response:
    """Do what another method does, for lines that let only POST through."""
    _own(person, upload_id)
    meant = {"PATCH": go_on, "DELETE": give_up}.get(request.headers.get("X-HTTP-Method-Override", "").upper())
    if meant is None:
        abort(405)
    return meant(person, upload_id)


def _own(person: Actor, upload_id: str) -> KnownUpload:
    """Return an upload of this person; no connection is held when this returns."""
    upload = uploads.upload_of(current_session(), person.person_id, upload_id)
    release_connection()
    return upload


def _is_short(upload: KnownUpload) -> bool:
    """Return whether less lies on the disk than was acknowledged, of one that is under way."""
    return upload.state is UploadState.RECEIVING and (the_storage().parts.size(upload.id) or 0) < upload.offset


def _tell(response: Response, upload: KnownUpload) -> Response:
    response.headers["Upload-Offset"] = str(upload.offset)
    if upload.state is not UploadState.TAKEN:
        protocol.tell_expiry(response, upload.expires_at)
    return response
