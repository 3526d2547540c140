"""A trainer marks a quiz: reads the answers of one attempt and gives points for those in the student's own words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.blueprints.trainer.marking import (
    WAITING_WORDS,
    MarkForm,
    address_of_next,
    chosen_part,
    id_or_none,
    parameters_of,
)
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.marking import MarkedMeanwhile, save_draft
from portal.domain.assignments.queries.marking import GradeRow, SubmissionPage
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Permission
from portal.domain.quizzes.marking import MarkAnswer, MarkQuiz, counted, mark_quiz
from portal.domain.quizzes.models import QuestionKind
from portal.domain.quizzes.queries.trainers import AttemptToMark, attempt_to_mark, points_given
from portal.domain.quizzes.reading import NOTHING, KnownQuestion, answers_of, questions_of
from portal.web.access import requires
from portal.web.formats import points
from portal.web.forms import tidy
from portal.web.htmx import go_to, is_htmx, respond
from portal.web.sessions import the_person

LONGEST_NAME = 60  # characters of the name of a field: a word and an id
TYPED = ("points-", "comment-")


@blueprint.get("/submissions/<uuid:submission_id>/answers")
@requires(Permission.MARK_SUBMISSION)
def quiz_answers(submission_id: UUID) -> Response:
    """The answers of one attempt: what was counted, and what waits for points."""
    return _bench(*_page(submission_id))


@blueprint.post("/submissions/<uuid:submission_id>/answers")
@requires(Permission.MARK_SUBMISSION)
def mark_answers(submission_id: UUID) -> BaseResponse:
    """Give a mark, and go on to the next in the queue where that is wanted."""
    page, attempt = _page(submission_id)
    form = MarkForm()
    if not form.validate():
        return _bench(page, attempt, form, status=422)
    after = address_of_next(page) if request.form.get("then") == "next" else None
    short = [each for each in questions_of(current_session(), page.assignment_id) if each.kind is QuestionKind.SHORT]
    command = MarkQuiz(
        submission_id=submission_id,
        answers=tuple(_given(question, _typed()) for question in short),
        feedback=form.feedback.data or "",
        release=form.release.data,
        seen=id_or_none(form.seen.data),
        reason=form.reason.data or "",
    )
    try:
        grades = perform(mark_quiz, the_person(), command, at=now())
    except (Invalid, Conflict) as refusal:
        meanwhile = isinstance(refusal, MarkedMeanwhile)
        status = form.refuse(refusal)
        return _bench(*_page(submission_id), form, status=status, meanwhile=meanwhile, refused=refusal.fields)
    released = "released" if form.release.data else "saved and held back"
    flash(f"{page.student}: {points(grades[0].raw_points)} of {page.points}, {released}.", "done")
    return go_to(after or _address(submission_id))


@blueprint.post("/submissions/<uuid:submission_id>/answers/draft")
@requires(Permission.MARK_SUBMISSION)
def keep_marked_answers(submission_id: UUID) -> BaseResponse:
    """Keep points and comments as typed, without giving a mark."""
    _page(submission_id)
    form, at = MarkForm(), now()
    kept: dict[str, Any] = {
        "points": "",
        "feedback": form.feedback.data or "",
        "reason": form.reason.data or "",
        "levels": _typed(),
        "seen": id_or_none(form.seen.data),
    }
    try:
        perform(save_draft, the_person(), submission_id, **kept, at=at)
    except Invalid as refusal:
        return respond("trainer/submission.html", "draft", status=422, saved_at=None, refusal=refusal.message)
    if is_htmx():
        return respond("trainer/submission.html", "draft", saved_at=at, refusal=None)
    flash("Kept as typed. It is not a mark yet.", "done")
    return go_to(_address(submission_id))


def _page(submission_id: UUID) -> tuple[SubmissionPage, AttemptToMark]:
    session = current_session()
    page = queries.submission_for(session, the_person().person_id, submission_id)
    attempt = attempt_to_mark(session, submission_id)
    if attempt is None:
        raise NotFound
    return page, attempt


def _address(submission_id: UUID) -> str:
    return url_for("trainer.quiz_answers", submission_id=submission_id, **parameters_of(chosen_part()))


def _typed() -> dict[str, str]:
    """Return points and comments of short answers as typed, by the names of their fields."""
    named = {name: tidy(text) for name, text in request.form.items() if name.startswith(TYPED)}
    return {name: text for name, text in named.items() if text and len(name) < LONGEST_NAME}


def _given(question: KnownQuestion, typed: Mapping[str, str]) -> MarkAnswer:
    text = typed.get(f"points-{question.id}", "")
    worth = Decimal(text) if text.replace(".", "", 1).isdecimal() and text.isascii() else None
    return MarkAnswer(question_id=question.id, points=worth, comment=typed.get(f"comment-{question.id}", ""))


def _bench(
    page: SubmissionPage,
    attempt: AttemptToMark,
    form: MarkForm | None = None,
    *,
    status: int = 200,
    meanwhile: bool = False,
    refused: Mapping[str, str] | None = None,
) -> Response:
    session, chosen = current_session(), chosen_part()
    attempts = queries.attempts_beside(session, page)
    grades = next(each.grades for each in attempts if each.id == page.id)
    questions, answers = questions_of(session, page.assignment_id), answers_of(session, attempt.id)
    typed = _typed() if form else _kept(session, page, grades)
    form = form or _form(page, grades)
    if meanwhile and grades:
        form.seen.data = str(grades[0].id)
    return respond(
        "trainer/quiz_answers.html",
        status=status,
        submission=page,
        attempt=attempt,
        attempts=attempts,
        grades=grades,
        around=queries.around(session, the_person().person_id, chosen, page.id, page.submitted_at),
        parameters=parameters_of(chosen),
        waiting_words=WAITING_WORDS,
        form=form,
        meanwhile=meanwhile,
        rows=[(question, worth, answers.get(question.id, NOTHING)) for question, worth in counted(questions, answers)],
        typed=typed,
        refused=refused or {},
        saved_at=page.draft_saved_at,
        refusal=None,
    )


def _form(page: SubmissionPage, grades: list[GradeRow]) -> MarkForm:
    seen = str(grades[0].id) if grades else ""
    if page.draft_saved_at is not None:
        return MarkForm(formdata=None, seen=seen, feedback=page.draft_feedback, reason=page.draft_reason)
    return MarkForm(formdata=None, seen=seen, feedback=grades[0].feedback if grades else "")


def _kept(session: Any, page: SubmissionPage, grades: list[GradeRow]) -> dict[str, str]:
    """Return what was typed and not yet given, else what stands in the newest mark."""
    if page.draft_saved_at is not None:
        return page.draft_levels or {}
    given = points_given(session, page.id) if grades else {}
    return {
        name: text
        for question_id, each in given.items()
        for name, text in ((f"points-{question_id}", points(each.points)), (f"comment-{question_id}", each.comment))
    }
