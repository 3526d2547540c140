"""Quizzes by a program of their trainer: reading what was answered, and marking what was answered in words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.quiz_setting import KnownQuestionSchema
from portal.blueprints.api_v1.schemas import NO_NUL
from portal.db import current_session, perform
from portal.domain.assignments.marking import LONGEST_FEEDBACK, LONGEST_REASON
from portal.domain.assignments.queries.marking import attempts_beside, submission_for
from portal.domain.clock import now
from portal.domain.errors import NotFound
from portal.domain.permissions import Permission
from portal.domain.quizzes.marking import LONGEST_COMMENT, MarkAnswer, MarkQuiz, counted, mark_quiz
from portal.domain.quizzes.queries.trainers import attempt_to_mark, points_given
from portal.domain.quizzes.questions import MOST_QUESTIONS
from portal.domain.quizzes.reading import NOTHING, answers_of, questions_of
from portal.web.bearer import caller
from portal.web.idempotency import idempotent

blueprint = ApiBlueprint("api_quiz_marking", __name__, url_prefix="/api/v1/quizzes", description="Marking quizzes")

NO_SUBMISSION = "No such quiz handed in to an intake you teach."


class AnsweredSchema(ma.Schema):
    """A question of an attempt, its answer, and what that gives."""

    question = ma.fields.Nested(KnownQuestionSchema, required=True)
    option_ids = ma.fields.List(ma.fields.UUID(), required=True)
    text = ma.fields.String(required=True)
    points = ma.fields.Decimal(
        required=True, as_string=True, allow_none=True, metadata={"description": "null: waits for a person"}
    )
    comment = ma.fields.String(required=True)


class AnswersSchema(ma.Schema):
    """A quiz as it was handed in."""

    submission_id = ma.fields.UUID(required=True)
    assignment_id = ma.fields.UUID(required=True)
    student = ma.fields.String(required=True)
    status = ma.fields.String(required=True, metadata={"enum": ["submitted", "graded", "returned", "withdrawn"]})
    max_points = ma.fields.Integer(required=True)
    mark_id = ma.fields.UUID(
        required=True, allow_none=True, metadata={"description": "the newest mark: what `seen` names"}
    )
    points = ma.fields.Decimal(required=True, as_string=True, allow_none=True)
    answers = ma.fields.List(ma.fields.Nested(AnsweredSchema), required=True)


class AnswerToMarkSchema(ma.Schema):
    """Points of one short answer."""

    question_id = ma.fields.UUID(required=True)
    points = ma.fields.Decimal(required=True, metadata={"description": "from 0 to those of the question"})
    comment = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_COMMENT), NO_NUL])


class QuizMarkSchema(ma.Schema):
    """A mark: the points of every short answer; all others follow from what was chosen."""

    class Meta:
        unknown = ma.EXCLUDE

    answers = ma.fields.List(
        ma.fields.Nested(AnswerToMarkSchema), load_default=list, validate=ma.validate.Length(max=MOST_QUESTIONS)
    )
    feedback = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_FEEDBACK), NO_NUL])
    release = ma.fields.Boolean(load_default=False)
    seen = ma.fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "a newer mark is not replaced unseen (409)"}
    )
    reason = ma.fields.String(
        load_default="",
        validate=[ma.validate.Length(max=LONGEST_REASON), NO_NUL],
        metadata={"description": "why it replaces that mark: required then"},
    )


Answers = enveloped(AnswersSchema)


@call(
    blueprint,
    "/submissions/<uuid:submission_id>",
    "GET",
    Answers,
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NO_SUBMISSION},
)
def answers(submission_id: UUID) -> dict[str, Any]:
    """Read the answers of one attempt, and what each gives"""
    return success(_answers(submission_id))


@call(
    blueprint,
    "/submissions/<uuid:submission_id>/grade",
    "POST",
    Answers,
    permission=Permission.MARK_SUBMISSION,
    refusals={404: NO_SUBMISSION, 409: "Another mark was given since `seen`, or marks are released all together."},
)
@blueprint.arguments(QuizMarkSchema)
@idempotent
def grade(sent: dict[str, Any], submission_id: UUID) -> Response:
    """Mark the short answers of one attempt

    A mark is a new row each time, with the points of each question; the newest counts.
    """
    given = tuple(MarkAnswer(**answer) for answer in sent.pop("answers"))
    perform(mark_quiz, caller(), MarkQuiz(submission_id=submission_id, answers=given, **sent), at=now())
    return jsonify(Answers().dump(success(_answers(submission_id), "Marked.")))


def _answers(submission_id: UUID) -> dict[str, Any]:
    session = current_session()
    page = submission_for(session, caller().person_id, submission_id)
    attempt = attempt_to_mark(session, submission_id)
    if attempt is None:
        raise NotFound
    given = points_given(session, submission_id)
    attempts = attempts_beside(session, page)
    newest = next(iter(next(each.grades for each in attempts if each.id == submission_id)), None)
    answered = answers_of(session, attempt.id)
    rows = []
    for question, worth in counted(questions_of(session, page.assignment_id), answered):
        answer, mark = answered.get(question.id, NOTHING), given.get(question.id)
        rows.append(
            {
                "question": question,
                "option_ids": sorted(answer.options),
                "text": answer.text,
                "points": mark.points if mark else worth,
                "comment": mark.comment if mark else "",
            }
        )
    return {
        "submission_id": page.id,
        "assignment_id": page.assignment_id,
        "student": page.student,
        "status": page.state,
        "max_points": page.points,
        "mark_id": newest.id if newest else None,
        "points": newest.final_points if newest else None,
        "answers": rows,
    }
