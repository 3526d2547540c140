"""A student's own assignments, and handing in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify, request, url_for

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import PageArguments, PaginationSchema, call, enveloped, page_of, success
from portal.blueprints.api_v1.schemas import (
    NO_NUL,
    AssignmentDetailSchema,
    AssignmentSchema,
    KeptDraftSchema,
    SubmissionSchema,
)
from portal.db import current_session, perform, release_connection
from portal.domain.assignments.drafting import save_work_draft
from portal.domain.assignments.late_policy import percent_off
from portal.domain.assignments.queries.attachments import AttachedFile
from portal.domain.assignments.queries.attempts import Attempt, attempts_of
from portal.domain.assignments.queries.files import WorkFile, files_of
from portal.domain.assignments.queries.handed_in import receipt_for
from portal.domain.assignments.queries.students import (
    AssignmentPage,
    ListedAssignment,
    assignment_for,
    page_of_assignments,
)
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.assignments.withdrawing import withdraw_submission
from portal.domain.assignments.work import LONGEST_TEXT, MOST_LINKS, SubmitAssignment
from portal.domain.clock import now
from portal.domain.errors import DomainError
from portal.domain.files.beginning import MOST_OPEN
from portal.domain.files.uploads import NAME
from portal.domain.permissions import Permission
from portal.web.arriving_forms import arrival_of_form, moment_of
from portal.web.bearer import caller
from portal.web.idempotency import idempotent, name_of_request
from portal.web.uploads import MB, discard, receive_all, takes_files

blueprint = ApiBlueprint("api_assignments", __name__, url_prefix="/api/v1/assignments", description="Assignments")

LARGEST_HAND_IN = 200 * MB  # all files of one call together, as in the form of the page
NONE_OF_YOURS = "No such assignment of yours."


Answer = enveloped(SubmissionSchema)


class WorkSchema(ma.Schema):
    """Text, links and files of a hand-in; at least one of them."""

    class Meta:
        unknown = ma.EXCLUDE

    submission_text = ma.fields.String(load_default="", validate=[at_most(LONGEST_TEXT), NO_NUL])
    links = ma.fields.List(ma.fields.String(validate=NO_NUL), metadata={"description": f"at most {MOST_LINKS}"})
    uploads = ma.fields.List(
        ma.fields.String(
            validate=ma.validate.Regexp(f"^{NAME.pattern}$", error="The last part of the address of an upload.")
        ),
        validate=ma.validate.Length(max=MOST_OPEN),
        metadata={"description": "names of whole uploads: the last part of their addresses"},
    )
    files = ma.fields.Raw(metadata={"type": "array", "items": {"type": "string", "format": "binary"}})
    """For the document: the files themselves are received as they stream in, not by this schema."""


class DraftSchema(ma.Schema):
    """Work as far as it is typed."""

    class Meta:
        unknown = ma.EXCLUDE

    submission_text = ma.fields.String(load_default="", validate=NO_NUL)
    links = ma.fields.List(
        ma.fields.String(validate=NO_NUL),
        load_default=list,
        metadata={"description": "kept as typed, also where they are no links yet"},
    )


Draft = enveloped(KeptDraftSchema)


@call(
    blueprint,
    "/my-assignments",
    "GET",
    enveloped(AssignmentSchema, many=True, paginated=PaginationSchema),
    permission=Permission.SUBMIT_ASSIGNMENT,
)
@blueprint.arguments(PageArguments, location="query")
def my_assignments(asked: dict[str, int]) -> dict[str, Any]:
    """List the assignments of one's own intakes, by due date"""
    page, limit = asked["page"], asked["limit"]
    skipped = (page - 1) * limit
    rows, total = page_of_assignments(current_session(), caller().person_id, skipped=skipped, rows=limit)
    shown = [_assignment(row, _status(row)) for row in rows]
    return page_of(shown, page=page, limit=limit, total=total, more=total > page * limit)


@call(
    blueprint,
    "/<uuid:assignment_id>",
    "GET",
    enveloped(AssignmentDetailSchema),
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS},
)
def assignment(assignment_id: UUID) -> dict[str, Any]:
    """Read one assignment with one's own hand-ins"""
    session, student_id = current_session(), caller().person_id
    found = assignment_for(session, student_id, assignment_id)
    attempts = attempts_of(session, student_id, assignment_id)
    files = files_of(session, [attempt.id for attempt in attempts])
    submissions = [_submission(assignment_id, attempt, files[attempt.id]) for attempt in attempts]
    status = submissions[0]["status"] if submissions else "not_submitted"
    return success(
        _assignment(found, status)
        | {
            "instructions": found.instructions,
            "attachments": [_attachment(file) for file in found.attachments],
            "rubric": found.rubric,
            "late_policy": found.late_policy,
            "group_work": _group_work(found),
            "group": found.group,
            "percent_off_now": percent_off(found.late_policy, found.due_at, now()),
            "draft": _draft(found) if found.draft_text is not None else None,
            "submissions": submissions,
        }
    )


@call(
    blueprint,
    "/<uuid:assignment_id>/submit",
    "POST",
    Answer,
    permission=Permission.SUBMIT_ASSIGNMENT,
    status=201,
    refusals={
        404: NONE_OF_YOURS,
        409: "Not open, closed, no attempt left, in no group, or the first request with this key is still at work.",
        413: "A file, or all of them together, is too large.",
    },
)
@takes_files(LARGEST_HAND_IN)
@blueprint.arguments(WorkSchema, location="form", content_type="multipart/form-data")
@idempotent
def submit(work: dict[str, Any], assignment_id: UUID) -> Response:
    """Hand in

    The answer comes when every byte is stored. With `Idempotency-Key` a repeat is the same hand-in.
    """
    student = caller()
    assignment_for(current_session(), student.person_id, assignment_id)
    release_connection()
    received = receive_all(request.files.getlist("files"))
    command = SubmitAssignment(
        assignment_id=assignment_id,
        key=name_of_request(),
        text=work["submission_text"],
        links=tuple(work.get("links", ())),
        files=tuple(received),
        uploads=tuple(work.get("uploads", ())),
        form=arrival_of_form(),
    )
    try:
        made = perform(submit_assignment, student, command, at=moment_of(command.form))
    except DomainError:
        discard(received)
        raise
    return _receipt(student.person_id, assignment_id, made.id)


@call(
    blueprint,
    "/<uuid:assignment_id>/draft",
    "POST",
    Draft,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS, 409: "Nothing is taken for it now."},
)
@blueprint.arguments(DraftSchema)
@idempotent
def keep_draft(typed: dict[str, Any], assignment_id: UUID) -> Response:
    """Keep text and links as far as they are typed; handing in clears them, and so does keeping nothing"""
    student, text, links = caller(), typed["submission_text"], typed["links"]
    assignment_for(current_session(), student.person_id, assignment_id)
    perform(save_work_draft, student, assignment_id, text=text, links=links, at=now())
    page = assignment_for(current_session(), student.person_id, assignment_id)
    return jsonify(Draft().dump(success(_draft(page), "Kept. It is not handed in.")))


@call(
    blueprint,
    "/submissions/<uuid:submission_id>/withdrawal",
    "POST",
    Answer,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: "No such hand-in of yours.", 409: "It has fallen due, has a mark, or was withdrawn before."},
)
@idempotent
def withdraw(submission_id: UUID) -> Response:
    """Take back what was handed in by mistake, until it is due"""
    student_id = caller().person_id
    found = receipt_for(current_session(), student_id, submission_id)
    perform(withdraw_submission, caller(), submission_id, at=now())
    return jsonify(Answer().dump(success(_own(student_id, found.assignment_id, submission_id), "Withdrawn.")))


def _own(student_id: UUID, assignment_id: UUID, submission_id: UUID) -> dict[str, Any]:
    session = current_session()
    attempt = next(row for row in attempts_of(session, student_id, assignment_id) if row.id == submission_id)
    return _submission(assignment_id, attempt, files_of(session, [submission_id])[submission_id])


def _draft(page: AssignmentPage) -> dict[str, Any]:
    return {"submission_text": page.draft_text or "", "links": page.draft_links}


def _receipt(student_id: UUID, assignment_id: UUID, submission_id: UUID) -> Response:
    answer = jsonify(Answer().dump(success(_own(student_id, assignment_id, submission_id), "Handed in.")))
    answer.status_code = 201
    answer.headers["Location"] = url_for("api_assignments.assignment", assignment_id=assignment_id)
    return answer


def _attachment(file: AttachedFile) -> dict[str, Any]:
    return asdict(file) | {"url": url_for("api_attachments.attachment", attachment_id=file.id)}


def _group_work(page: AssignmentPage) -> dict[str, Any] | None:
    if page.group_formation is None:
        return None
    return {
        "formed_by": page.group_formation,
        "least": page.group_least,
        "most": page.group_most,
        "until": page.group_until,
    }


def _status(row: ListedAssignment) -> str:
    return (row.attempt_state or "submitted") if row.attempts else "not_submitted"


def _assignment(row: ListedAssignment | AssignmentPage, status: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "course_id": row.course_id,
        "intake_id": row.intake_id,
        "course_title": row.course,
        "title": row.title,
        "assignment_type": row.assignment_type,
        "max_points": row.points,
        "opens_at": row.opens_at,
        "due_date": row.due_at,
        "cut_off_at": row.cut_off_at,
        "status": status,
    }


def _submission(assignment_id: UUID, attempt: Attempt, files: list[WorkFile]) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "assignment_id": assignment_id,
        "attempt": attempt.attempt,
        "status": attempt.state,
        "number": attempt.number,
        "code": attempt.code,
        "submitted_at": attempt.submitted_at,
        "late": attempt.late,
        "submission_text": attempt.text,
        "links": attempt.links,
        "files": files,
        "group": attempt.group,
        "handed_in_by": attempt.by,
        "mark": attempt.shown,
        "earlier_marks": attempt.marks[1:],
    }
