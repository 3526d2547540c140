"""A student takes a quiz: looks at what it asks for, begins, answers one by one, and hands in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.student import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import deadlines, late_policy, queries
from portal.domain.assignments.queries.students import AssignmentPage
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Permission
from portal.domain.quizzes.attempting import begin_attempt, save_answers
from portal.domain.quizzes.handing_in import end_attempt, hand_in_attempt
from portal.domain.quizzes.models import AttemptState
from portal.domain.quizzes.points import IN_WORDS
from portal.domain.quizzes.queries.students import AttemptPage, QuizFacts, attempt_for, quiz_facts, solution_of
from portal.domain.quizzes.reading import GivenAnswer
from portal.web.access import requires
from portal.web.forms import tidy
from portal.web.htmx import go_to, respond, wants_fragment
from portal.web.sessions import the_person


@blueprint.get("/assignments/<uuid:quiz_id>/quiz")
@requires(Permission.SUBMIT_ASSIGNMENT)
def quiz(quiz_id: UUID) -> Response:
    """What a quiz asks for: how many questions, how much time, how many attempts; and those made so far."""
    return _start(*_quiz(quiz_id))


@blueprint.post("/assignments/<uuid:quiz_id>/quiz/attempts")
@requires(Permission.SUBMIT_ASSIGNMENT)
def begin_quiz(quiz_id: UUID) -> BaseResponse:
    """Begin, or go on with the attempt that is open."""
    page, facts = _quiz(quiz_id)
    try:
        attempt = perform(begin_attempt, the_person(), quiz_id, at=now())
    except Conflict as refusal:
        return _start(page, facts, refused=refusal.message, status=409)
    return go_to(url_for("student.quiz_attempt", attempt_id=attempt.id))


@blueprint.get("/quiz-attempts/<uuid:attempt_id>")
@requires(Permission.SUBMIT_ASSIGNMENT)
def quiz_attempt(attempt_id: UUID) -> Response:
    """The questions of an attempt with what was saved; once it is handed in, what was answered."""
    return _show(_attempt(attempt_id))


@blueprint.post("/quiz-attempts/<uuid:attempt_id>/answers")
@requires(Permission.SUBMIT_ASSIGNMENT)
def save_quiz_answers(attempt_id: UUID) -> BaseResponse:
    """Save all that the form holds, without a script; and go on to hand in where that was pressed."""
    page = _attempt(attempt_id)
    typed = {question.id: _typed(question.id) for question in page.questions}
    if refused := _save(page, typed):
        return refused
    if request.form.get("then") == "hand-in":
        return go_to(url_for("student.check_quiz", attempt_id=attempt_id))
    flash("Saved. Nothing is handed in yet.", "done")
    return go_to(url_for("student.quiz_attempt", attempt_id=attempt_id))


@blueprint.post("/quiz-attempts/<uuid:attempt_id>/answers/<uuid:question_id>")
@requires(Permission.SUBMIT_ASSIGNMENT)
def save_quiz_answer(attempt_id: UUID, question_id: UUID) -> BaseResponse:
    """Save the answer to one question, as it is chosen."""
    page = _attempt(attempt_id)
    if refused := _save(page, {question_id: _typed(question_id)}):
        return refused
    if not wants_fragment():
        return go_to(url_for("student.quiz_attempt", attempt_id=attempt_id, _anchor=f"question-{question_id}"))
    context: dict[str, Any] = {"question_id": question_id, "saved_at": now(), "problem": ""}
    return respond("partials/quiz_saved.html", events={"quiz:save": {"ends_at": page.ends_at.isoformat()}}, **context)


@blueprint.get("/quiz-attempts/<uuid:attempt_id>/hand-in")
@requires(Permission.SUBMIT_ASSIGNMENT)
def check_quiz(attempt_id: UUID) -> BaseResponse:
    """What will be handed in, with the questions that have no answer, before it is."""
    page = _attempt(attempt_id)
    if page.state != AttemptState.OPEN:
        return go_to(url_for("student.quiz_attempt", attempt_id=attempt_id))
    return respond("student/quiz_check.html", attempt=page)


@blueprint.post("/quiz-attempts/<uuid:attempt_id>/hand-in")
@requires(Permission.SUBMIT_ASSIGNMENT)
def hand_in_quiz(attempt_id: UUID) -> BaseResponse:
    """Hand in what is saved."""
    attempt_for(current_session(), the_person().person_id, attempt_id)
    try:
        perform(hand_in_attempt, the_person(), attempt_id, at=now())
        flash("Handed in. Your receipt is on this page.", "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("student.quiz_attempt", attempt_id=attempt_id))


def _quiz(quiz_id: UUID) -> tuple[AssignmentPage, QuizFacts]:
    session = current_session()
    page = queries.assignment_for(session, the_person().person_id, quiz_id)
    facts = quiz_facts(session, page.id, page.enrolment_id)
    if facts is None:
        raise NotFound
    return page, facts


def _attempt(attempt_id: UUID) -> AttemptPage:
    """Return an attempt of this student as it is now: one whose time is over is handed in on the way."""
    session, student_id, at = current_session(), the_person().person_id, now()
    page = attempt_for(session, student_id, attempt_id)
    if page.is_over(at):
        perform(end_attempt, attempt_id, at=at)
        page = attempt_for(session, student_id, attempt_id)
    return page


def _typed(question_id: UUID) -> GivenAnswer:
    """Return what the form holds of one question: values of options, or words."""
    try:
        options = frozenset(map(UUID, request.form.getlist(f"option-{question_id}")))
    except ValueError:
        raise Invalid("This form is not whole. Open the quiz again.") from None
    return GivenAnswer(options, tidy(request.form.get(f"text-{question_id}", "")))


def _save(page: AttemptPage, typed: dict[UUID, GivenAnswer]) -> BaseResponse | None:
    """Save answers, or return the page that says why not, with what was typed."""
    at = now()
    try:
        perform(save_answers, the_person(), page.id, typed, at=at)
    except (Invalid, Conflict) as refusal:
        status = 422 if isinstance(refusal, Invalid) else 409
        if wants_fragment():
            context: dict[str, Any] = {"question_id": next(iter(typed)), "saved_at": None, "problem": refusal.message}
            return respond("partials/quiz_saved.html", status=status, **context)
        return _show(page, typed, refused=refusal.message, status=status)
    return None


def _start(page: AssignmentPage, facts: QuizFacts, *, refused: str = "", status: int = 200) -> Response:
    at = now()
    attempts = queries.attempts_of(current_session(), the_person().person_id, page.id)
    made = deadlines.Made.of(attempt.late for attempt in attempts if attempt.owner_id == page.enrolment_id)
    context: dict[str, Any] = {
        "assignment": page,
        "quiz": facts,
        "attempts": attempts,
        "sittings": {sitting.submission_id: sitting for sitting in facts.sittings if sitting.submission_id},
        "refusal": refused or _why_not(page, made),
        "attempts_left": deadlines.attempts_left(page.attempts_allowed, made.number),
        "rules": [IN_WORDS[kind] for kind in IN_WORDS if kind.value in facts.kinds],
        "standing": deadlines.standing(page.dates, at),
        "percent_off": late_policy.percent_off(page.late_policy, page.due_at, at),
    }
    return respond("student/quiz.html", status=status, **context)


def _why_not(page: AssignmentPage, made: deadlines.Made) -> str:
    """Return why no attempt can be begun now, or an empty text."""
    if page.state == "archived":
        return "This quiz is closed for good; your answers and marks stay here."
    if page.enrolment_state == "suspended":
        return "Your enrolment is suspended, so nothing can be begun now. The office can tell you more."
    if page.enrolment_state != "active":
        return "Your time in this intake is over; your answers and marks stay here."
    return deadlines.refusal(page.dates, page.attempts_allowed, made, now()) or ""


def _show(
    page: AttemptPage, typed: dict[UUID, GivenAnswer] | None = None, *, refused: str = "", status: int = 200
) -> Response:
    if page.state == AttemptState.OPEN:
        answers = page.answers | (typed or {})
        return respond("student/quiz_attempt.html", status=status, attempt=page, answers=answers, refused=refused)
    session = current_session()
    marks = queries.attempts_of(session, the_person().person_id, page.assignment_id) if page.submission_id else []
    return respond(
        "student/quiz_result.html",
        status=status,
        attempt=page,
        refused=refused,
        submission=next((each for each in marks if each.id == page.submission_id), None),
        solution=solution_of(session, page, now()),
    )
