"""Quizzes by a program: a student takes one, by the same clock as on the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify, url_for

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL
from portal.db import current_session, perform
from portal.domain.assignments import deadlines
from portal.domain.assignments.queries.attempts import attempts_of
from portal.domain.assignments.queries.students import assignment_for
from portal.domain.clock import now
from portal.domain.errors import NotFound
from portal.domain.permissions import Permission
from portal.domain.quizzes.attempting import LONGEST_ANSWER, begin_attempt, save_answers
from portal.domain.quizzes.handing_in import end_attempt, hand_in_attempt
from portal.domain.quizzes.queries.students import AttemptPage, attempt_for, quiz_facts, solution_of
from portal.domain.quizzes.questions import MOST_OPTIONS
from portal.domain.quizzes.reading import GivenAnswer
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint("api_quizzes", __name__, url_prefix="/api/v1/quizzes", description="Quizzes")

NO_QUIZ = "No such quiz of yours."
NO_ATTEMPT = "No such attempt of yours."
KINDS = ["single", "multiple", "true_false", "short"]


class SittingSchema(ma.Schema):
    """An attempt on a list."""

    id = ma.fields.UUID(required=True)
    status = ma.fields.String(required=True, attribute="state", metadata={"enum": ["open", "handed_in", "dropped"]})
    began_at = ma.fields.AwareDateTime(required=True)
    submission_id = ma.fields.UUID(required=True, allow_none=True)


class QuizSchema(ma.Schema):
    """How a quiz is taken, without its questions: those come with an attempt."""

    id = ma.fields.UUID(required=True, metadata={"description": "that of its assignment"})
    title = ma.fields.String(required=True)
    course_title = ma.fields.String(required=True)
    max_points = ma.fields.Integer(required=True)
    questions = ma.fields.Integer(required=True, metadata={"description": "how many there are"})
    minutes = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "from the beginning of an attempt; null: until it closes"},
    )
    opens_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    due_date = ma.fields.AwareDateTime(required=True)
    cut_off_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    attempts_left = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: as many as one likes"}
    )
    attempts = ma.fields.List(ma.fields.Nested(SittingSchema), required=True)


class AskedOptionSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    text = ma.fields.String(required=True)


class AnswerSchema(ma.Schema):
    """An answer as it is saved."""

    option_ids = ma.fields.List(ma.fields.UUID(), required=True)
    text = ma.fields.String(required=True)


class OutcomeSchema(ma.Schema):
    """What is right, once the quiz is closed for everybody."""

    right_option_ids = ma.fields.List(ma.fields.UUID(), required=True)
    explanation = ma.fields.String(required=True, metadata={"description": "Markdown"})
    points = ma.fields.Decimal(
        required=True, as_string=True, allow_none=True, metadata={"description": "null before the mark is released"}
    )
    comment = ma.fields.String(required=True)


class AskedQuestionSchema(ma.Schema):
    """A question with what was answered to it."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": KINDS})
    text = ma.fields.String(required=True, metadata={"description": "Markdown"})
    points = ma.fields.Integer(required=True)
    options = ma.fields.List(ma.fields.Nested(AskedOptionSchema), required=True)
    answer = ma.fields.Nested(AnswerSchema, required=True, allow_none=True)
    outcome = ma.fields.Nested(
        OutcomeSchema, required=True, allow_none=True, metadata={"description": "null before the quiz is closed"}
    )


class QuizAttemptSchema(ma.Schema):
    """One attempt: its questions in their order, and how long it lasts."""

    id = ma.fields.UUID(required=True)
    assignment_id = ma.fields.UUID(required=True)
    status = ma.fields.String(required=True, attribute="state", metadata={"enum": ["open", "handed_in", "dropped"]})
    began_at = ma.fields.AwareDateTime(required=True)
    ends_at = ma.fields.AwareDateTime(required=True, metadata={"description": "by the portal's clock"})
    submission_id = ma.fields.UUID(required=True, allow_none=True)
    number = ma.fields.String(required=True, allow_none=True, metadata={"description": "of the receipt"})
    submitted_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    by_itself = ma.fields.Boolean(
        required=True, metadata={"description": "whether the portal handed it in when the time was over"}
    )
    questions = ma.fields.List(ma.fields.Nested(AskedQuestionSchema), required=True)


class AnswerToSaveSchema(ma.Schema):
    """Options that are chosen, or words; neither takes an answer away."""

    class Meta:
        unknown = ma.EXCLUDE

    option_ids = ma.fields.List(ma.fields.UUID(), load_default=list, validate=ma.validate.Length(max=MOST_OPTIONS))
    text = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_ANSWER), NO_NUL])


Attempt = enveloped(QuizAttemptSchema)


@call(
    blueprint,
    "/<uuid:quiz_id>",
    "GET",
    enveloped(QuizSchema),
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NO_QUIZ},
)
def quiz(quiz_id: UUID) -> dict[str, Any]:
    """Read how a quiz is taken, and one's own attempts"""
    session, student_id = current_session(), caller().person_id
    page = assignment_for(session, student_id, quiz_id)
    facts = quiz_facts(session, page.id, page.enrolment_id)
    if facts is None:
        raise NotFound
    attempts = [each for each in attempts_of(session, student_id, page.id) if each.owner_id == page.enrolment_id]
    return success(
        {
            "id": page.id,
            "title": page.title,
            "course_title": page.course,
            "max_points": page.points,
            "questions": facts.questions,
            "minutes": facts.minutes,
            "opens_at": page.opens_at,
            "due_date": page.due_at,
            "cut_off_at": page.cut_off_at,
            "attempts_left": deadlines.attempts_left(page.attempts_allowed, len(attempts)),
            "attempts": facts.sittings,
        }
    )


@call(
    blueprint,
    "/<uuid:quiz_id>/attempts",
    "POST",
    Attempt,
    permission=Permission.SUBMIT_ASSIGNMENT,
    status=201,
    refusals={404: NO_QUIZ, 409: "Not open, closed, or no attempt left."},
)
@idempotent
def begin(quiz_id: UUID) -> Response:
    """Begin an attempt, or go on with the one that is open

    Its time runs from now and ends at `ends_at`; then the portal hands in what was saved.
    """
    attempt = perform(begin_attempt, caller(), quiz_id, at=now())
    answer = jsonify(Attempt().dump(success(_attempt(attempt.id), "Begun.")))
    answer.status_code = 201
    answer.headers["Location"] = url_for("api_quizzes.attempt", attempt_id=attempt.id)
    return answer


@call(
    blueprint,
    "/attempts/<uuid:attempt_id>",
    "GET",
    Attempt,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NO_ATTEMPT},
)
def attempt(attempt_id: UUID) -> dict[str, Any]:
    """Read one's own attempt: questions and answers, and what is right once the quiz is closed"""
    return success(_attempt(attempt_id))


@call(
    blueprint,
    "/attempts/<uuid:attempt_id>/answers/<uuid:question_id>",
    "POST",
    Attempt,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={
        404: "No such question in an attempt of yours.",
        409: "The time is over, or it is handed in.",
    },
)
@blueprint.arguments(AnswerToSaveSchema)
@idempotent
def save(sent: dict[str, Any], attempt_id: UUID, question_id: UUID) -> Response:
    """Save the answer to one question

    It takes the place of the one saved before; the last one stands when the attempt is handed in.
    """
    given = GivenAnswer(frozenset(sent["option_ids"]), sent["text"])
    perform(save_answers, caller(), attempt_id, {question_id: given}, at=now())
    return jsonify(Attempt().dump(success(_attempt(attempt_id), "Saved.")))


@call(
    blueprint,
    "/attempts/<uuid:attempt_id>/submission",
    "POST",
    Attempt,
    permission=Permission.SUBMIT_ASSIGNMENT,
    refusals={404: NO_ATTEMPT, 409: "The enrolment allows no work now."},
)
@idempotent
def hand_in(attempt_id: UUID) -> Response:
    """Hand in what is saved; a repeat changes nothing"""
    perform(hand_in_attempt, caller(), attempt_id, at=now())
    return jsonify(Attempt().dump(success(_attempt(attempt_id), "Handed in.")))


def _attempt(attempt_id: UUID) -> dict[str, Any]:
    """Return an attempt as it is now: one whose time is over is handed in on the way."""
    session, student_id, at = current_session(), caller().person_id, now()
    page = attempt_for(session, student_id, attempt_id)
    if page.is_over(at):
        perform(end_attempt, attempt_id, at=at)
        page = attempt_for(session, student_id, attempt_id)
    solved = {each.question.id: each for each in solution_of(session, page, at) or ()}
    questions = [
        vars(question)
        | {
            "answer": _answer(page, question.id),
            "outcome": {
                "right_option_ids": sorted(solved[question.id].question.right),
                "explanation": solved[question.id].question.explanation,
                "points": solved[question.id].points,
                "comment": solved[question.id].comment,
            }
            if question.id in solved
            else None,
        }
        for question in page.questions
    ]
    return vars(page) | {"questions": questions}


def _answer(page: AttemptPage, question_id: UUID) -> dict[str, Any] | None:
    answer = page.answers.get(question_id)
    return None if answer is None else {"option_ids": sorted(answer.options), "text": answer.text}
