"""The files of a brief: add, order, take out, and bring back what was archived."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform, release_connection
from portal.domain.assignments import attaching, queries
from portal.domain.assignments.attaching import MOST_ATTACHMENTS
from portal.domain.assignments.queries.attachments import assignment_of_attachment, attachment_set_by, attachments_of
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, TooLarge
from portal.domain.files.kinds import LARGEST
from portal.domain.files.operations import StoredBytes
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.formats import plural
from portal.web.forms import FilesField, PortalForm
from portal.web.htmx import go_to, respond
from portal.web.send_file import send_stored
from portal.web.sessions import the_person
from portal.web.uploads import discard, receive_all, takes_files


class AttachForm(PortalForm):
    """Files for a brief."""

    files = FilesField("Files")


@blueprint.get("/assignments/<uuid:assignment_id>/attachments")
@requires(Permission.SET_ASSIGNMENT)
def attachments(assignment_id: UUID) -> Response:
    """List the files of a brief."""
    return _list(assignment_id, AttachForm(formdata=None))


@blueprint.post("/assignments/<uuid:assignment_id>/attachments")
@requires(Permission.SET_ASSIGNMENT)
@takes_files(LARGEST)
def attach(assignment_id: UUID) -> BaseResponse:
    """Add files to a brief."""
    person = the_person()
    queries.assignment_set_by(current_session(), person.person_id, assignment_id)
    release_connection()  # files go to the disk now, and that can take long
    form, received = AttachForm(), list[StoredBytes]()
    if not form.validate():
        return _list(assignment_id, form, status=422)
    try:
        received = receive_all(form.files.data or [])
        added, again = perform(attaching.attach_to_brief, person, assignment_id, received, at=now())
    except (Invalid, Conflict, TooLarge) as refusal:
        discard(received)
        return _list(assignment_id, form, status=form.refuse(refusal))
    discard(again)
    flash(f"{plural(len(added), 'file')} added." if added else "All of it is part of the brief already.", "done")
    return go_to(url_for("trainer.attachments", assignment_id=assignment_id))


@blueprint.get("/attachments/<uuid:attachment_id>")
@requires(Permission.SET_ASSIGNMENT)
def attachment(attachment_id: UUID) -> Response:
    """Send a file of a brief; `?inline` shows it where that is safe."""
    file = attachment_set_by(current_session(), the_person().person_id, attachment_id)
    return send_stored(file, inline="inline" in request.args)


@blueprint.post("/attachments/<uuid:attachment_id>/place")
@requires(Permission.SET_ASSIGNMENT)
def move_attachment(attachment_id: UUID) -> BaseResponse:
    """Move a file one place up or down."""
    move = partial(attaching.move_attachment, up=request.form.get("direction") == "up")
    return _act(attachment_id, move, lambda _: None)


@blueprint.post("/attachments/<uuid:attachment_id>/removal")
@requires(Permission.SET_ASSIGNMENT)
def remove_attachment(attachment_id: UUID) -> BaseResponse:
    """Take a file out of its brief."""
    words = {True: "Taken out: students no longer see it. It stays below, for work was handed in.", False: "Removed."}
    return _act(attachment_id, attaching.remove_attachment, words.get)


@blueprint.post("/attachments/<uuid:attachment_id>/restoration")
@requires(Permission.SET_ASSIGNMENT)
def restore_attachment(attachment_id: UUID) -> BaseResponse:
    """Bring an archived file back."""
    return _act(attachment_id, attaching.restore_attachment, lambda _: "It is part of the brief again.")


def _act(attachment_id: UUID, operation: Callable[..., Any], words: Callable[[Any], str | None]) -> BaseResponse:
    """Do one thing to a file and go back to its brief; say there what was done, or why not."""
    assignment_id = assignment_of_attachment(current_session(), the_person().person_id, attachment_id)
    try:
        if said := words(perform(operation, the_person(), attachment_id, at=now())):
            flash(said, "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("trainer.attachments", assignment_id=assignment_id))


def _list(assignment_id: UUID, form: AttachForm, *, status: int = 200) -> Response:
    session = current_session()
    page = queries.assignment_set_by(session, the_person().person_id, assignment_id)
    files = attachments_of(session, assignment_id)
    return respond(
        "trainer/attachments.html",
        status=status,
        assignment=page,
        form=form,
        files=[file for file in files if file.archived_at is None],
        archived=[file for file in files if file.archived_at is not None],
        most=MOST_ATTACHMENTS,
    )
