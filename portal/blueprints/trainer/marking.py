"""A trainer marks: the queue over all intakes, and the bench where one submission lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any
from uuid import UUID

from flask import Response, abort, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, HiddenField

from portal.blueprints.trainer import blueprint
from portal.blueprints.trainer.group_marks import (
    MarksShown,
    marks_shown,
    member_asked,
    member_id_asked,
    members_to_mark,
)
from portal.blueprints.trainer.note_form import NoteForm, notes_beside
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.by_rubric import ChooseLevel
from portal.domain.assignments.marking import (
    LONGEST_FEEDBACK,
    LONGEST_POINTS,
    LONGEST_REASON,
    GradeSubmission,
    MarkedMeanwhile,
    grade_submission,
    points_of,
    save_draft,
)
from portal.domain.assignments.phrases import with_phrases
from portal.domain.assignments.queries.marking import GradeRow, SubmissionPage
from portal.domain.assignments.queries.queue import QueueFilter, Waiting, WaitingCount
from portal.domain.assignments.releasing import release_marks
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.cache import cached
from portal.web.formats import plural, points
from portal.web.forms import LongTextField, PortalForm, TextField, at_most, tidy
from portal.web.htmx import go_to, is_htmx, respond
from portal.web.pagination import cursor_of_request, links
from portal.web.security_headers import allow_frames_of_this_site, allow_recording
from portal.web.send_file import send_stored
from portal.web.sessions import the_person

LONGEST_SEARCH = 100  # characters
LONGEST_NAME = 60  # characters of the name of a field: a word and an id
KEPT_SECONDS = 15  # of the figures beside the queue; the queue itself is always as it is now
WAITING_WORDS = {
    Waiting.TO_MARK: "To mark",
    Waiting.HELD_BACK: "Marked, not released",
    Waiting.RETURNED: "Released",
    Waiting.ALL: "All",
}


class MarkForm(PortalForm):
    """Points and feedback of one submission."""

    points = TextField("Points", [at_most(LONGEST_POINTS)])
    feedback = LongTextField("Feedback", [at_most(LONGEST_FEEDBACK)])
    reason = TextField("Why the mark changes", [at_most(LONGEST_REASON)])
    release = BooleanField("Release to the student now")
    seen = HiddenField("The mark it replaces")
    """The newest mark that this form was opened with."""


@blueprint.get("/marking")
@requires(Permission.MARK_SUBMISSION)
def marking() -> Response:
    """What waits for a mark, over all intakes."""
    session, trainer_id, chosen = current_session(), the_person().person_id, chosen_part()
    page = queries.marking_queue(session, trainer_id, chosen, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "trainer/marking.html",
        "queue",
        page=page,
        chosen=chosen,
        parameters=parameters_of(chosen),
        counts=_work_waiting(trainer_id),
        waiting_words=WAITING_WORDS,
        previous_url=previous_url,
        next_url=next_url,
    )


@blueprint.post("/marking/release")
@requires(Permission.MARK_SUBMISSION)
def release_chosen() -> BaseResponse:
    """Show the marks of the submissions that were ticked."""
    try:
        number = perform(release_marks, the_person(), [_id(text) for text in request.form.getlist("ids")], at=now())
        flash(f"{plural(number, 'mark')} released.", "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("trainer.marking", **parameters_of(chosen_part())))


@blueprint.get("/submissions/<uuid:submission_id>")
@requires(Permission.MARK_SUBMISSION)
def submission(submission_id: UUID) -> BaseResponse:
    """One submission on the bench, with what this trainer has typed so far."""
    page = _page(submission_id)
    if page.question_points is not None:
        return go_to(url_for("trainer.quiz_answers", submission_id=submission_id, **parameters_of(chosen_part())))
    return bench(page, form=None)


@blueprint.post("/submissions/<uuid:submission_id>/draft")
@requires(Permission.MARK_SUBMISSION)
def keep_draft(submission_id: UUID) -> BaseResponse:
    """Keep points and feedback as typed, without grading; asked again and again while the trainer types."""
    form, member_id, at = _with_phrases(MarkForm()), member_id_asked(), now()
    typed: dict[str, Any] = {
        "points": form.points.data or "",
        "feedback": form.feedback.data or "",
        "reason": form.reason.data or "",
        "levels": _levels_as_typed(),
        "seen": id_or_none(form.seen.data),
    }
    try:
        perform(save_draft, the_person(), submission_id, **typed, enrolment_id=member_id, at=at)
    except Invalid as refusal:
        if is_htmx():
            return respond("trainer/submission.html", "draft", status=422, saved_at=None, refusal=refusal.message)
        return bench(_page(submission_id), form, status=form.refuse(refusal))
    if is_htmx():
        return respond("trainer/submission.html", "draft", saved_at=at, refusal=None)
    flash("Kept as typed. It is not a mark yet.", "done")
    here = parameters_of(chosen_part()) | {"member": member_id}
    return go_to(url_for("trainer.submission", submission_id=submission_id, **here))


@blueprint.post("/submissions/<uuid:submission_id>/grade")
@requires(Permission.MARK_SUBMISSION)
def grade(submission_id: UUID) -> BaseResponse:
    """Give a mark, held back or released, and go on to the next in the queue where that is wanted."""
    page = _page(submission_id)
    member = member_asked(members_to_mark(page))
    form = _with_phrases(MarkForm())
    if not form.validate():
        return bench(page, form, status=422)
    following = address_of_next(page) if request.form.get("then") == "next" else None
    try:
        command = GradeSubmission(
            submission_id=submission_id,
            points=None if page.rubric else points_of(form.points.data or "", page.points),
            levels=_levels(page),
            feedback=form.feedback.data or "",
            release=form.release.data,
            seen=id_or_none(form.seen.data),
            reason=form.reason.data or "",
            enrolment_id=member.enrolment_id if member else None,
        )
        given = perform(grade_submission, the_person(), command, at=now())
    except (Invalid, Conflict) as refusal:
        status = form.refuse(refusal)
        meanwhile = isinstance(refusal, MarkedMeanwhile)
        return bench(_page(submission_id), form, status=status, meanwhile=meanwhile, unchosen=refusal.fields)
    released = "released" if form.release.data else "saved and held back"
    lateness = f", less {page.percent_off} % for being late" if page.percent_off else ""
    whose = f"{member.student} alone" if member else page.student
    flash(f"{whose}: {points(given[0].raw_points)} of {page.points}{lateness}, {released}.", "done")
    return go_to(
        following or url_for("trainer.submission", submission_id=submission_id, **parameters_of(chosen_part()))
    )


@blueprint.post("/submissions/<uuid:submission_id>/release")
@requires(Permission.MARK_SUBMISSION)
def release(submission_id: UUID) -> BaseResponse:
    """Show the student the newest mark of this submission, or each member of a group theirs."""
    member = member_asked(members_to_mark(_page(submission_id)))
    alone = member.enrolment_id if member else None
    try:
        perform(release_marks, the_person(), [submission_id], enrolment_id=alone, at=now())
        flash("Released: the student sees mark and feedback.", "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("trainer.submission", submission_id=submission_id, **parameters_of(chosen_part())))


@blueprint.get("/submissions/<uuid:submission_id>/files/<uuid:file_id>")
@requires(Permission.MARK_SUBMISSION)
def submission_file(submission_id: UUID, file_id: UUID) -> Response:
    """A file of the work: shown where the browser can do that safely, else to download."""
    file = queries.submission_to_serve(current_session(), the_person().person_id, submission_id, file_id)
    return send_stored(file, inline="download" not in request.args)


@blueprint.get("/submissions/<uuid:submission_id>/files/<uuid:file_id>/copies/<copy>")
@requires(Permission.MARK_SUBMISSION)
def submission_copy(submission_id: UUID, file_id: UUID, copy: str) -> Response:
    """A small copy of a file of the work."""
    file = queries.copy_to_serve(current_session(), the_person().person_id, submission_id, file_id, copy)
    return send_stored(file, inline=True)


def _work_waiting(trainer_id: UUID) -> list[WaitingCount]:
    """Return how much of each assignment waits: counted over a term's work, and so kept until any is handed in."""

    def make() -> list[list[Any]]:
        found = queries.work_waiting(current_session(), trainer_id)
        return [[str(row.assignment_id), row.title, str(row.intake_id), *astuple(row)[3:]] for row in found]

    kept = cached("submissions", f"waiting:{trainer_id}", KEPT_SECONDS, make)
    return [WaitingCount(UUID(assignment), title, UUID(intake), *rest) for assignment, title, intake, *rest in kept]


def bench(
    page: SubmissionPage,
    form: MarkForm | None = None,
    note_form: NoteForm | None = None,
    *,
    status: int = 200,
    meanwhile: bool = False,
    unchosen: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Return the page of one submission, with what was typed into a form that was refused.

    Where another mark was given meanwhile, both are shown, and saving again replaces it knowingly.
    """
    session, trainer_id, chosen = current_session(), the_person().person_id, chosen_part()
    attempts = queries.attempts_beside(session, page)
    marks = marks_shown(page, next(attempt.grades for attempt in attempts if attempt.id == page.id))
    grades = marks.grades
    typed = _levels_as_typed() if form else _levels_of(page, marks.to_change)
    form = form or _form_as_typed(page, marks)
    if marks.members and not marks.member:
        form.release.label.text = "Release to all members now"
    if meanwhile and grades:
        form.seen.data = str(grades[0].id)
    if any(file.kind == "application/pdf" for file in page.files):
        allow_frames_of_this_site()
    allow_recording()
    context: dict[str, Any] = {
        "submission": page,
        **marks.as_context,
        "files": page.files,
        "attempts": attempts,
        "around": queries.around(session, trainer_id, chosen, page.id, page.submitted_at),
        "chosen": chosen,
        "waiting_words": WAITING_WORDS,
        "form": form,
        "meanwhile": meanwhile,
        "levels": typed,
        "unchosen": unchosen or {},
        "saved_at": page.draft_saved_at,
        "refusal": None,
    }
    context |= notes_beside(page, note_form, parameters_of(chosen)) | more
    return respond("trainer/submission.html", status=status, **context)


def _page(submission_id: UUID) -> SubmissionPage:
    """Return a submission with what this trainer has typed for the mark that the address is of: of all, or of one."""
    return queries.submission_for(current_session(), the_person().person_id, submission_id, member_id=member_id_asked())


def _form_as_typed(page: SubmissionPage, marks: MarksShown) -> MarkForm:
    """Return the form with what was typed and not yet given, else with the newest mark."""
    seen, grades = str(marks.grades[0].id) if marks.grades else "", marks.to_change
    if page.draft_saved_at is not None:
        typed = {"points": page.draft_points, "feedback": page.draft_feedback, "reason": page.draft_reason}
        return MarkForm(formdata=None, seen=seen, **typed)
    if grades:
        return MarkForm(formdata=None, seen=seen, points=points(grades[0].raw_points), feedback=grades[0].feedback)
    return MarkForm(formdata=None)


def _with_phrases(form: MarkForm) -> MarkForm:
    """Return the form with the phrases that were ticked put after the feedback."""
    chosen = [_id(text) for text in request.form.getlist("phrase")]
    form.feedback.data = with_phrases(current_session(), the_person().person_id, form.feedback.data or "", chosen)
    return form


def _levels_as_typed() -> dict[str, str]:
    """Return what the form says of the criteria of a rubric, by the names of its fields."""
    named = {name: tidy(text) for name, text in request.form.items() if name.startswith(("level-", "comment-"))}
    return {name: text for name, text in named.items() if text and len(name) < LONGEST_NAME}


def _levels_of(page: SubmissionPage, grades: list[GradeRow]) -> dict[str, str]:
    """Return what was chosen and not yet given, else what was chosen for the newest mark."""
    if page.draft_saved_at is not None:
        return page.draft_levels or {}
    given = grades[0].levels if grades else {}
    return {
        f"{name}-{level.criterion_id}": text
        for level in given.values()
        for name, text in (("level", str(level.level_id)), ("comment", level.comment))
    }


def _levels(page: SubmissionPage) -> tuple[ChooseLevel, ...]:
    """Return the levels that were chosen, one for each criterion of the rubric."""
    typed = _levels_as_typed()
    return tuple(
        ChooseLevel(
            criterion_id=criterion.id,
            level_id=id_or_none(typed.get(f"level-{criterion.id}")),
            comment=typed.get(f"comment-{criterion.id}", ""),
        )
        for criterion in (page.rubric.criteria if page.rubric else ())
    )


def address_of_next(page: SubmissionPage) -> str | None:
    """Return the address of the next submission in the queue, else of the queue itself."""
    chosen = chosen_part()
    around = queries.around(current_session(), the_person().person_id, chosen, page.id, page.submitted_at)
    if around.next is None:
        return url_for("trainer.marking", **parameters_of(chosen))
    return url_for("trainer.submission", submission_id=around.next.id, **parameters_of(chosen))


def chosen_part() -> QueueFilter:
    """Return which part of the queue the address names."""
    state = request.args.get("state")
    return QueueFilter(
        waiting=next((part for part in Waiting if part.value == state), Waiting.TO_MARK),
        intake_id=request.args.get("intake", type=UUID),
        assignment_id=request.args.get("assignment", type=UUID),
        words=request.args.get("q", "").strip()[:LONGEST_SEARCH],
    )


def parameters_of(chosen: QueueFilter) -> dict[str, Any]:
    """Return the same choice as parameters of an address, without what is usual."""
    named = {
        "state": "" if chosen.waiting is Waiting.TO_MARK else chosen.waiting.value,
        "intake": str(chosen.intake_id or ""),
        "assignment": str(chosen.assignment_id or ""),
        "q": chosen.words,
    }
    return {name: value for name, value in named.items() if value}


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        abort(400)


def id_or_none(text: str | None) -> UUID | None:
    """Return the id that a field of the form holds, None where it is empty."""
    return _id(text) if text else None
