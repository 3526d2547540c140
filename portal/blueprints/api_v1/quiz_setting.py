"""Quizzes by a program of their trainer: what is asked and what is right, and when and how they are taken."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify, url_for

from portal.blueprints.api_v1.bodies import ApiBlueprint, at_most
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, Taken
from portal.db import current_session, perform
from portal.domain.assignments.models import CountedAttempt
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.quizzes.models import QuestionKind
from portal.domain.quizzes.queries.trainers import quiz_set_by, set_up_of
from portal.domain.quizzes.questions import (
    LONGEST_EXPLANATION,
    LONGEST_OPTION,
    LONGEST_QUESTION,
    MOST_MINUTES,
    MOST_OPTIONS,
    MOST_QUESTIONS,
    SetOption,
    SetQuestion,
    add_question,
    edit_question,
    explain_question,
    move_question,
    remove_question,
)
from portal.domain.quizzes.reading import KnownQuestion, question_of, questions_of
from portal.domain.quizzes.setting import QuizSettings, change_settings
from portal.web.bearer import caller
from portal.web.forms import tidy
from portal.web.idempotency import idempotent
from portal.web.once import perform_once

blueprint = ApiBlueprint("api_quiz_setting", __name__, url_prefix="/api/v1/quizzes", description="Setting quizzes")

NONE_OF_YOURS = "No such quiz in an intake you teach."
NO_QUESTION = "No such question of a quiz in an intake you teach."
STANDS_STILL = "It is archived, has a rubric, or somebody has begun it."
ARCHIVED = "It is archived."


class KnownOptionSchema(Taken):
    """An option, and whether it is right."""

    id = ma.fields.UUID(dump_only=True)
    text = ma.fields.String(required=True, validate=[at_most(LONGEST_OPTION), NO_NUL])
    is_right = ma.fields.Boolean(required=True)


class KnownQuestionSchema(Taken):
    """A question with what is right."""

    id = ma.fields.UUID(dump_only=True)
    position = ma.fields.Integer(dump_only=True)
    kind = ma.fields.Enum(QuestionKind, by_value=True, required=True)
    text = ma.fields.String(
        required=True, validate=[at_most(LONGEST_QUESTION), NO_NUL], metadata={"description": "Markdown"}
    )
    points = ma.fields.Integer(required=True, metadata={"description": "at least 1"})
    explanation = ma.fields.String(
        load_default="",
        validate=[at_most(LONGEST_EXPLANATION), NO_NUL],
        metadata={"description": "shown with what is right, once the quiz is closed for everybody"},
    )
    options = ma.fields.List(
        ma.fields.Nested(KnownOptionSchema),
        load_default=list,
        validate=ma.validate.Length(max=MOST_OPTIONS),
        metadata={"description": "in their order; “True” and “False” of a true/false question, none of a short answer"},
    )


class ExplanationSchema(Taken):
    """What is shown with what is right."""

    explanation = ma.fields.String(required=True, validate=NO_NUL, metadata={"description": "Markdown"})


class PlaceSchema(Taken):
    """Where a question stands among the others."""

    position = ma.fields.Integer(
        required=True, validate=ma.validate.Range(1, MOST_QUESTIONS), metadata={"description": "1 is the first"}
    )


class QuizSettingsSchema(Taken):
    """When a quiz is taken, how often and for how long, and what it is worth."""

    id = ma.fields.UUID(dump_only=True)
    title = ma.fields.String(dump_only=True)
    status = ma.fields.String(dump_only=True, attribute="state", metadata={"enum": ["draft", "published", "archived"]})
    is_begun = ma.fields.Boolean(
        dump_only=True, metadata={"description": "whether its questions stand still, because somebody has begun"}
    )
    question_points = ma.fields.Integer(
        dump_only=True,
        allow_none=True,
        metadata={"description": "what its questions are worth together; null: it has none"},
    )
    max_points = ma.fields.Integer(
        required=True,
        attribute="points",
        metadata={"description": "a published quiz is worth what its questions are"},
    )
    minutes = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": f"from the beginning of an attempt, up to {MOST_MINUTES}; null: until it closes"},
    )
    shuffle = ma.fields.Boolean(
        required=True, metadata={"description": "each attempt has questions and options in an order of its own"}
    )
    attempts_allowed = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: as many as one likes"}
    )
    counted_attempt = ma.fields.Enum(CountedAttempt, by_value=True, required=True)
    opens_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    due_date = ma.fields.AwareDateTime(required=True, attribute="due_at")
    cut_off_at = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "null: it closes when it is due"}
    )
    hold_marks = ma.fields.Boolean(required=True, metadata={"description": "until they are released all together"})


One = enveloped(KnownQuestionSchema)
All = enveloped(KnownQuestionSchema, many=True)
Settings = enveloped(QuizSettingsSchema)


@call(
    blueprint,
    "/<uuid:quiz_id>/settings",
    "GET",
    Settings,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS},
)
def settings(quiz_id: UUID) -> dict[str, Any]:
    """Read when and how a quiz one teaches is taken"""
    return success(_settings(quiz_id))


@call(
    blueprint,
    "/<uuid:quiz_id>/settings",
    "PUT",
    Settings,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS, 409: ARCHIVED},
)
@blueprint.arguments(QuizSettingsSchema)
def change_how(sent: dict[str, Any], quiz_id: UUID) -> dict[str, Any]:
    """Decide when and how a quiz is taken, all of it together

    Whoever has begun already keeps the time they were given.
    """
    quiz_set_by(current_session(), caller().person_id, quiz_id)
    with QuizSettingsSchema.naming_refusals():
        perform(change_settings, caller(), quiz_id, QuizSettings(**sent), at=now())
    return success(_settings(quiz_id), "Saved.")


@call(
    blueprint,
    "/<uuid:quiz_id>/questions",
    "GET",
    All,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NONE_OF_YOURS},
)
def questions(quiz_id: UUID) -> dict[str, Any]:
    """Read the questions of a quiz one teaches, with what is right"""
    quiz_set_by(current_session(), caller().person_id, quiz_id)
    return _all(quiz_id)


@call(
    blueprint,
    "/<uuid:quiz_id>/questions",
    "POST",
    One,
    permission=Permission.SET_ASSIGNMENT,
    status=201,
    refusals={404: NONE_OF_YOURS, 409: STANDS_STILL},
)
@blueprint.arguments(KnownQuestionSchema)
@idempotent
def add(sent: dict[str, Any], quiz_id: UUID) -> Response:
    """Add a question to a quiz, after the others, until somebody begins it"""
    quiz_set_by(current_session(), caller().person_id, quiz_id)
    made = UUID(perform_once(add_question, caller(), quiz_id, _command(sent), at=now()))
    answer = jsonify(One().dump(success(_question(quiz_id, made), "Added.")))
    answer.status_code = 201
    answer.headers["Location"] = url_for("api_quiz_setting.question", quiz_id=quiz_id, question_id=made)
    return answer


@call(
    blueprint,
    "/<uuid:quiz_id>/questions/<uuid:question_id>",
    "GET",
    One,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NO_QUESTION},
)
def question(quiz_id: UUID, question_id: UUID) -> dict[str, Any]:
    """Read one question, with what is right"""
    return success(_question(quiz_id, question_id))


@call(
    blueprint,
    "/<uuid:quiz_id>/questions/<uuid:question_id>",
    "PUT",
    One,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NO_QUESTION, 409: STANDS_STILL},
)
@blueprint.arguments(KnownQuestionSchema)
def change(sent: dict[str, Any], quiz_id: UUID, question_id: UUID) -> dict[str, Any]:
    """Change a question with all its options, until somebody begins the quiz"""
    _question(quiz_id, question_id)
    perform(edit_question, caller(), quiz_id, question_id, _command(sent), at=now())
    return success(_question(quiz_id, question_id), "Saved.")


@call(
    blueprint,
    "/<uuid:quiz_id>/questions/<uuid:question_id>",
    "DELETE",
    All,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NO_QUESTION, 409: f"{STANDS_STILL} A published quiz keeps at least one question."},
)
def remove(quiz_id: UUID, question_id: UUID) -> dict[str, Any]:
    """Take a question away, until somebody begins the quiz; those after it move up"""
    _question(quiz_id, question_id)
    perform(remove_question, caller(), quiz_id, question_id, at=now())
    return _all(quiz_id)


@call(
    blueprint,
    "/<uuid:quiz_id>/questions/<uuid:question_id>/place",
    "PUT",
    All,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NO_QUESTION, 409: STANDS_STILL},
)
@blueprint.arguments(PlaceSchema)
def move(sent: dict[str, int], quiz_id: UUID, question_id: UUID) -> dict[str, Any]:
    """Put a question at a place among the others, until somebody begins the quiz"""
    _question(quiz_id, question_id)
    perform(move_question, caller(), quiz_id, question_id, sent["position"], at=now())
    return _all(quiz_id)


@call(
    blueprint,
    "/<uuid:quiz_id>/questions/<uuid:question_id>/explanation",
    "PUT",
    One,
    permission=Permission.SET_ASSIGNMENT,
    refusals={404: NO_QUESTION, 409: ARCHIVED},
)
@blueprint.arguments(ExplanationSchema)
def explain(sent: dict[str, str], quiz_id: UUID, question_id: UUID) -> dict[str, Any]:
    """Write what is shown once the quiz is closed; that may be done after somebody began as well"""
    _question(quiz_id, question_id)
    perform(explain_question, caller(), quiz_id, question_id, tidy(sent["explanation"]), at=now())
    return success(_question(quiz_id, question_id), "Saved.")


def _question(quiz_id: UUID, question_id: UUID) -> KnownQuestion:
    """Return a question of a quiz that the caller teaches; before all else, one of others is not there."""
    quiz_set_by(current_session(), caller().person_id, quiz_id)
    return question_of(current_session(), quiz_id, question_id)


def _settings(quiz_id: UUID) -> dict[str, Any]:
    page = quiz_set_by(current_session(), caller().person_id, quiz_id)
    set_up = set_up_of(current_session(), quiz_id)
    return vars(page) | vars(set_up) | {"counted_attempt": CountedAttempt(page.counted_attempt)}


def _all(quiz_id: UUID) -> dict[str, Any]:
    return success(questions_of(current_session(), quiz_id))


def _command(sent: dict[str, Any]) -> SetQuestion:
    """Return a question as the operations take it, with its texts as a form would bring them."""
    return SetQuestion(
        kind=sent["kind"],
        text=tidy(sent["text"]),
        points=sent["points"],
        options=tuple(SetOption(text=tidy(each["text"]), is_right=each["is_right"]) for each in sent["options"]),
        explanation=tidy(sent["explanation"]),
    )
