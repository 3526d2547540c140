"""A student's assignments: what is due, handing in, receipts, marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from flask import Response, current_app, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField

from portal.blueprints.student import blueprint
from portal.blueprints.student.review import review_of
from portal.db import current_session, perform, release_connection
from portal.domain.assignments import deadlines, extensions, late_policy, queries
from portal.domain.assignments.arrivals import judge
from portal.domain.assignments.group_work import NO_GROUP
from portal.domain.assignments.models import Submission
from portal.domain.assignments.pending import cancel_pending, hand_in_when_complete
from portal.domain.assignments.queries.attachments import attachment_for
from portal.domain.assignments.queries.attempts import Attempt
from portal.domain.assignments.queries.students import AssignmentPage, Group
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
    problem_of_kind,
)
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, TooLarge
from portal.domain.files.models import FilePurpose, UploadState
from portal.domain.files.operations import StoredBytes
from portal.domain.files.uploads import waiting_uploads
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.arriving_forms import arrival_of_form, moment_of
from portal.web.forms import FilesField, LongTextField, PortalForm, at_most
from portal.web.htmx import go_to, respond, unchanged, wants_fragment
from portal.web.kept_files import kept_ids, named_uploads
from portal.web.qr_codes import qr_code
from portal.web.send_file import send_stored
from portal.web.sessions import the_person
from portal.web.uploads import MB, discard, receive, takes_files

PLAIN_FORM_FILE = 50 * MB  # a form is sent in one go: a line that drops after more than that has wasted an hour
PLAIN_FORM_TOTAL = 200 * MB
GROUPS = (
    (Group.NOW, "Now"),
    (Group.LATER, "Later"),
    (Group.HANDED_IN, "Handed in"),
    (Group.MARKED, "Marked"),
    (Group.MISSED, "Not handed in"),
)


class HandInForm(PortalForm):
    """Text, links and files of one attempt; `key` names this hand-in, so that sending it twice makes it once."""

    key = HiddenField("Form", [at_most(LONGEST_KEY)])
    text = LongTextField("Your text", [at_most(LONGEST_TEXT)])
    links = LongTextField("Links", [at_most(MOST_LINKS * (LONGEST_LINK + 1))])
    files = FilesField("Files")


@dataclass
class Arrived:
    """The files of one request: those that are safe in the store, and what is wrong with the others."""

    received: list[StoredBytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@blueprint.get("/assignments")
@requires(Permission.SUBMIT_ASSIGNMENT)
def assignments() -> Response:
    """Everything that is due, was handed in, or is marked."""
    rows = queries.assignments_of(current_session(), the_person().person_id)
    at = now()
    groups = [(group, title, [row for row in rows if row.group(at) is group]) for group, title in GROUPS]
    return respond("student/assignments.html", groups=groups, rows=rows)


@blueprint.get("/assignments/<uuid:assignment_id>")
@requires(Permission.SUBMIT_ASSIGNMENT)
def assignment(assignment_id: UUID) -> Response:
    """One assignment: its brief, the form to hand in, the attempts and their marks."""
    page = queries.assignment_for(current_session(), the_person().person_id, assignment_id)
    return show_assignment(page, kept=page.pending.kept if page.pending else ())


@blueprint.post("/assignments/<uuid:assignment_id>/submission")
@requires(Permission.SUBMIT_ASSIGNMENT)
@takes_files(PLAIN_FORM_TOTAL)
def hand_in(assignment_id: UUID) -> BaseResponse:
    """Hand in; where that is refused, everything that arrived is kept and shown in the form again."""
    person = the_person()
    page = queries.assignment_for(current_session(), person.person_id, assignment_id)
    release_connection()  # files go to the disk now, and that can take long
    form = HandInForm()
    arrived = _receive(form.files.data or [], page)
    if not form.validate() or arrived.problems:
        form.files.errors = [*form.files.errors, *arrived.problems]
        return _refuse(page, form, arrived, 422)
    command = SubmitAssignment(
        assignment_id=assignment_id,
        key=form.key.data or "",
        text=form.text.data or "",
        links=links_of(form.links.data or ""),
        files=tuple(arrived.received),
        kept=kept_ids(),
        uploads=named_uploads("uploads", "awaited") if _when_complete() else named_uploads("uploads"),
        form=arrival_of_form(),
    )
    operation = hand_in_when_complete if _when_complete() else submit_assignment
    try:
        made = perform(operation, person, command, at=moment_of(command.form))
    except (Invalid, Conflict, TooLarge) as error:
        status = form.refuse(error)
        form.key.data = str(uuid4())  # what this key handed in, if anything, stays as it is
        return _refuse(page, form, arrived, status)
    if isinstance(made, Submission):
        return go_to(url_for("student.receipt", submission_id=made.id))
    return _go_on(assignment_id)


@blueprint.get("/assignments/<uuid:assignment_id>/pending-hand-in")
@requires(Permission.SUBMIT_ASSIGNMENT, polled=True)
def pending_hand_in(assignment_id: UUID) -> BaseResponse:
    """Whether what waits has handed itself in: a page left open asks, and goes to the receipt."""
    session, student_id = current_session(), the_person().person_id
    page = queries.assignment_for(session, student_id, assignment_id)
    if page.pending and page.pending.waits:
        return unchanged()
    if page.pending and wants_fragment():
        return show_assignment(page, block="pending_hand_in")
    made = [] if page.pending else queries.attempts_of(session, student_id, assignment_id)
    if not made:
        return go_to(url_for("student.assignment", assignment_id=assignment_id))
    return go_to(url_for("student.receipt", submission_id=made[0].id))


@blueprint.post("/assignments/<uuid:assignment_id>/pending-hand-in/cancellation")
@requires(Permission.SUBMIT_ASSIGNMENT)
def cancel_hand_in(assignment_id: UUID) -> BaseResponse:
    """Hand nothing in by itself any more; what was sent stays in the form."""
    queries.assignment_for(current_session(), the_person().person_id, assignment_id)
    perform(cancel_pending, the_person(), assignment_id, at=now())
    return _go_on(assignment_id)


@blueprint.get("/submissions/<uuid:submission_id>/receipt")
@requires(Permission.SUBMIT_ASSIGNMENT)
def receipt(submission_id: UUID) -> Response:
    """The receipt of one attempt, to look at and to print."""
    found = queries.receipt_for(current_session(), the_person().person_id, submission_id)
    path = receipt_path(found.number, found.code)
    address = current_app.config["SETTINGS"].portal_url + path
    return respond("student/receipt.html", receipt_row=found, path=path, address=address, qr=qr_code(address))


@blueprint.get("/submissions/<uuid:submission_id>/files/<uuid:file_id>")
@requires(Permission.SUBMIT_ASSIGNMENT)
def submission_file(submission_id: UUID, file_id: UUID) -> Response:
    """A file that the student handed in, as it was sent."""
    return send_stored(queries.own_file(current_session(), the_person().person_id, submission_id, file_id))


@blueprint.get("/attachments/<uuid:attachment_id>")
@requires(Permission.SUBMIT_ASSIGNMENT)
def attachment(attachment_id: UUID) -> Response:
    """A file of a brief; `?inline` shows it where that is safe."""
    file = attachment_for(current_session(), the_person().person_id, attachment_id)
    return send_stored(file, inline="inline" in request.args)


def _blank_form(page: AssignmentPage) -> HandInForm:
    """Return the form as it is opened: with what waits to hand itself in or could not, or what was typed so far."""
    if page.pending is not None:
        text, links = page.pending.text, page.pending.links
    else:
        text, links = page.draft_text or "", page.draft_links
    return HandInForm(formdata=None, key=str(uuid4()), text=text, links="\n".join(links))


def _when_complete() -> bool:
    """Return whether the work is to hand itself in when all is here."""
    return request.form.get("when") == "complete"


def _go_on(assignment_id: UUID) -> BaseResponse:
    """Show the assignment as it is now. A script that sends files goes on with them: for htmx the page stays."""
    if not wants_fragment():
        return go_to(url_for("student.assignment", assignment_id=assignment_id))
    return assignment(assignment_id)


def _receive(files: Iterable[FileStorage], page: AssignmentPage) -> Arrived:
    """Bring every file that may be taken into the store; one that may not never costs the others."""
    arrived = Arrived()
    for file in files:
        try:
            stored = receive(file)
        except (Invalid, TooLarge) as error:
            arrived.problems.append(error.message)
            continue
        problem = _too_large(stored) or problem_of_kind(stored.name, stored.kind, page.accepted_kinds)
        if problem:
            discard([stored])
            arrived.problems.append(problem)
        else:
            arrived.received.append(stored)
    return arrived


def _too_large(stored: StoredBytes) -> str | None:
    if stored.size <= PLAIN_FORM_FILE:
        return None
    return f"“{stored.name}” is larger than {PLAIN_FORM_FILE // MB} MB. Send a smaller copy, or give a link to it."


def _refuse(page: AssignmentPage, form: HandInForm, arrived: Arrived, status: int) -> Response:
    """Show the form again with all that was typed and all that arrived."""
    person = the_person()
    kept = kept_ids()
    if arrived.received:
        kept += tuple(row.id for row in perform(keep_files, person, arrived.received, at=now()))
    return show_assignment(page, form, kept=kept, status=status)


def show_assignment(
    page: AssignmentPage,
    form: HandInForm | None = None,
    *,
    kept: tuple[UUID, ...] = (),
    status: int = 200,
    block: str = "submission",
    **more: Any,
) -> Response:
    """Return the page of an assignment, with what was typed into a form that was refused."""
    form = form or _blank_form(page)
    session, student_id, at = current_session(), the_person().person_id, now()
    attempts = queries.attempts_of(session, student_id, page.id)
    own = [each for each in attempts if each.owner_id == page.owner_id and each.state != "withdrawn"]
    made = deadlines.Made.of(page.group.late if page.group else [attempt.late for attempt in own])
    uploads = waiting_uploads(session, student_id, FilePurpose.SUBMISSION, page.id) if page.has_uploads else []
    unfinished = [upload for upload in uploads if upload.state == UploadState.RECEIVING]
    judged_at = judge(session, page.due_at, uploads, at).at
    context: dict[str, Any] = {
        "assignment": page,
        "saved_at": None,
        "draft_problem": "",
        "choice_refusal": why_closed(page) or page.choice_refusal(at),
        "small_group_advice": page.advice_if_small(at),
        "can_withdraw": at <= page.due_at and page.question_points is None and not why_closed(page),
        "standing": deadlines.standing(page.dates, judged_at),
        "still_arriving": judged_at != at,
        "percent_off": late_policy.percent_off(page.late_policy, page.due_at, judged_at),
        "more_time": extensions.in_words,
        "late_policy": late_policy.in_words(page.late_policy) if page.late_policy else "",
        "refusal": _why_refused(page) or deadlines.refusal(page.dates, page.attempts_allowed, made, judged_at),
        "attempts_made": made.number,
        "attempts_left": deadlines.attempts_left(page.attempts_allowed, made.number),
        "attempts": attempts,
        "mark": _counting(page, attempts),
        "form": form,
        "kept": queries.kept_files(session, student_id, kept),
        "uploads": uploads,
        "unfinished": unfinished,
        "ticked": page.pending.uploads if page.pending and page.pending.waits else None,
        "kinds": kinds_in_words(page.accepted_kinds),
        "largest_file": PLAIN_FORM_FILE // MB,
        "largest_form": PLAIN_FORM_TOTAL // MB,
    }
    context |= review_of(page, attempts) | more
    return respond("student/assignment.html", block, status=status, **context)


def _why_refused(page: AssignmentPage) -> str | None:
    """Return why nothing is taken from this student now whatever the time, if so."""
    without_group = page.group_formation is not None and page.group is None
    return why_closed(page) or (NO_GROUP if without_group else None)


def why_closed(page: AssignmentPage) -> str | None:
    """Return why nothing is taken whatever the time, if so."""
    if page.state == "archived":
        return "This assignment is closed for good; your work and marks stay here."
    if page.enrolment_state == "suspended":
        return "Your enrolment is suspended, so nothing can be handed in now. The office can tell you more."
    if page.enrolment_state != "active":
        return "Your time in this intake is over; your work and marks stay here."
    return None


def _counting(page: AssignmentPage, attempts: list[Attempt]) -> Attempt | None:
    """Return the attempt whose released mark counts: the latest that has one, or the best."""
    marked = [attempt for attempt in attempts if attempt.mark is not None]
    if page.counted_attempt == "best":
        return max(marked, key=lambda attempt: (attempt.mark, attempt.attempt), default=None)
    return marked[0] if marked else None
