"""What a student has typed and not handed in is kept; what was handed in by mistake is taken back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import flash, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.student import blueprint
from portal.blueprints.student.assignments import HandInForm, show_assignment
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.drafting import save_work_draft
from portal.domain.assignments.withdrawing import withdraw_submission
from portal.domain.assignments.work import links_of
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import go_to, respond, wants_fragment
from portal.web.sessions import the_person


@blueprint.post("/assignments/<uuid:assignment_id>/draft")
@requires(Permission.SUBMIT_ASSIGNMENT)
def keep_work(assignment_id: UUID) -> BaseResponse:
    """Keep text and links as far as they are typed."""
    page = queries.assignment_for(current_session(), the_person().person_id, assignment_id)
    form, at = HandInForm(), now()
    text, links = form.text.data or "", links_of(form.links.data or "")
    key = (form.key.data or "") if wants_fragment() else ""  # whoever presses the button means a further attempt
    try:
        perform(save_work_draft, the_person(), assignment_id, text=text, links=links, at=at, key=key)
    except (Invalid, Conflict) as refusal:
        status = form.refuse(refusal)
        return (
            _beside(None, refusal.message, status) if wants_fragment() else show_assignment(page, form, status=status)
        )
    if wants_fragment():
        return _beside(at)
    flash("Kept as a draft. It is not handed in yet.", "done")
    return go_to(url_for("student.assignment", assignment_id=assignment_id))


@blueprint.post("/submissions/<uuid:submission_id>/withdrawal")
@requires(Permission.SUBMIT_ASSIGNMENT)
def withdraw(submission_id: UUID) -> BaseResponse:
    """Take back what was handed in by mistake."""
    found = queries.receipt_for(current_session(), the_person().person_id, submission_id)
    try:
        perform(withdraw_submission, the_person(), submission_id, at=now())
        flash(f"Attempt {found.attempt} is withdrawn. You can hand in again until it is due.", "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("student.assignment", assignment_id=found.assignment_id))


def _beside(saved_at: datetime | None, problem: str = "", status: int = 200) -> BaseResponse:
    """Say beside the form that what was typed is kept, or why not."""
    return respond("student/assignment.html", "work_draft", status=status, saved_at=saved_at, draft_problem=problem)
