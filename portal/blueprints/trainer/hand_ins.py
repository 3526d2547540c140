"""Staff hand in for a student: what was brought on a memory card, by the same rules, and the receipt says who did."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from flask import Response, current_app, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField, SelectField

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform, release_connection
from portal.domain.assignments.queries.for_students import StudentServed, WorkOpen, student_served, work_open
from portal.domain.assignments.queries.handed_in import kept_files, receipt_made_by
from portal.domain.assignments.receipts import receipt_path
from portal.domain.assignments.submitting import keep_files, submit_assignment
from portal.domain.assignments.work import (
    LONGEST_KEY,
    LONGEST_LINK,
    LONGEST_TEXT,
    MOST_LINKS,
    SubmitAssignment,
    kinds_in_words,
    links_of,
)
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, TooLarge
from portal.domain.files.kinds import LARGEST
from portal.domain.files.models import FilePurpose
from portal.domain.files.operations import StoredBytes
from portal.domain.files.uploads import waiting_uploads
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.arriving_forms import arrival_of_form, moment_of
from portal.web.forms import FilesField, LongTextField, PortalForm, SelectChoice, at_most
from portal.web.htmx import go_to, respond
from portal.web.kept_files import kept_ids, named_uploads
from portal.web.qr_codes import qr_code
from portal.web.sessions import the_person
from portal.web.uploads import receive_all, takes_files


class HandInForStudentForm(PortalForm):
    """What a student brought; `key` names this hand-in, so that sending it twice makes it once."""

    key = HiddenField("Form", [at_most(LONGEST_KEY)])
    assignment_id = SelectField("Assignment")
    text = LongTextField("Text", [at_most(LONGEST_TEXT)])
    links = LongTextField("Links", [at_most(MOST_LINKS * (LONGEST_LINK + 1))])
    files = FilesField("Files")


@blueprint.get("/enrolments/<uuid:enrolment_id>/submission")
@requires(Permission.HAND_IN_FOR_STUDENT)
def hand_in_for(enrolment_id: UUID) -> Response:
    """The form to hand in for a student of an intake, once the assignment is chosen."""
    student = student_served(current_session(), the_person(), enrolment_id)
    chosen = request.args.get("assignment_id", "")
    return _show(student, HandInForStudentForm(formdata=None, key=str(uuid4()), assignment_id=chosen))


@blueprint.post("/enrolments/<uuid:enrolment_id>/submission")
@requires(Permission.HAND_IN_FOR_STUDENT)
@takes_files(LARGEST)
def submit_for(enrolment_id: UUID) -> BaseResponse:
    """Hand in for a student; where that is refused, everything that arrived is kept and shown in the form again."""
    person = the_person()
    student = student_served(current_session(), person, enrolment_id)
    form = HandInForStudentForm()
    form.assignment_id.choices = _choices(work_open(current_session(), student))
    release_connection()  # files go to the disk now, and that can take long
    received, problem = _receive(form)
    if not form.validate() or problem:
        form.files.errors = [*form.files.errors, *filter(None, [problem])]
        return _refuse(student, form, received, 422)
    command = _command(student, form, received)
    try:
        made = perform(submit_assignment, person, command, at=moment_of(command.form))
    except (Invalid, Conflict, TooLarge) as error:
        return _refuse(student, form, received, form.refuse(error))
    return go_to(url_for("trainer.receipt_of_hand_in", submission_id=made.id))


@blueprint.get("/submissions/<uuid:submission_id>/receipt")
@requires(Permission.HAND_IN_FOR_STUDENT)
def receipt_of_hand_in(submission_id: UUID) -> Response:
    """The receipt of what this person handed in for a student, to be printed and given to them."""
    found = receipt_made_by(current_session(), the_person().person_id, submission_id)
    path = receipt_path(found.number, found.code)
    address = current_app.config["SETTINGS"].portal_url + path
    return respond("trainer/receipt.html", receipt_row=found, path=path, address=address, qr=qr_code(address))


def _receive(form: HandInForStudentForm) -> tuple[list[StoredBytes], str | None]:
    """Return the files of the form, durable, or what is wrong with one of them."""
    try:
        return receive_all(form.files.data or []), None
    except (Invalid, TooLarge) as error:
        return [], error.message


def _command(student: StudentServed, form: HandInForStudentForm, received: list[StoredBytes]) -> SubmitAssignment:
    return SubmitAssignment(
        assignment_id=UUID(form.assignment_id.data),
        student_id=student.user_id,
        key=form.key.data or "",
        text=form.text.data or "",
        links=links_of(form.links.data or ""),
        files=tuple(received),
        kept=kept_ids(),
        uploads=named_uploads("uploads"),
        form=arrival_of_form(),
    )


def _choices(open_work: list[WorkOpen]) -> list[SelectChoice]:
    return [SelectChoice(str(work.id), _named(work)) for work in open_work]


def _named(work: WorkOpen) -> str:
    """Return an assignment with the group for which it is handed in; without one nothing can be."""
    if not work.in_groups:
        return work.title
    return f"{work.title}, for {work.group}" if work.group else f"{work.title}, in groups: in none yet"


def _refuse(student: StudentServed, form: HandInForStudentForm, received: list[StoredBytes], status: int) -> Response:
    """Show the form again with all that was typed and all that arrived."""
    kept = kept_ids()
    if received:
        kept += tuple(row.id for row in perform(keep_files, the_person(), received, at=now()))
    return _show(student, form, kept=kept, status=status)


def _show(
    student: StudentServed, form: HandInForStudentForm, *, kept: tuple[UUID, ...] = (), status: int = 200
) -> Response:
    session, person = current_session(), the_person()
    open_work = work_open(session, student)
    form.assignment_id.choices = _choices(open_work)
    work = next((row for row in open_work if str(row.id) == form.assignment_id.data), None)
    whose: dict[str, Any] = {"for_id": student.enrolment_id}
    sent = waiting_uploads(session, person.person_id, FilePurpose.SUBMISSION, work.id, **whose) if work else []
    return respond(
        "trainer/hand_in.html",
        status=status,
        student=student,
        form=form,
        work=work,
        kinds=kinds_in_words(work.accepted_kinds) if work else "",
        uploads=sent,
        kept=kept_files(session, person.person_id, kept),
    )
