"""Questions as operations read them: with what is right, for marking and for the trainer alone.

What a student is sent while a quiz can be answered comes from `queries.students`, whose statement reads neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from portal.domain.errors import NotFound
from portal.domain.quizzes.models import Answer, ChosenOption, Option, Question, QuestionKind


@dataclass(frozen=True)
class KnownOption:
    """An option, and whether it is right."""

    id: UUID
    text: str
    is_right: bool


@dataclass(frozen=True)
class KnownQuestion:
    """A question with what is right."""

    id: UUID
    position: int
    kind: QuestionKind
    text: str
    points: int
    explanation: str
    options: tuple[KnownOption, ...]

    @property
    def right(self) -> frozenset[UUID]:
        """The options that are right."""
        return frozenset(option.id for option in self.options if option.is_right)


@dataclass(frozen=True)
class GivenAnswer:
    """What was answered to one question: options, or words."""

    options: frozenset[UUID] = frozenset()
    text: str = ""

    @property
    def is_given(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.options or self.text.strip())


NOTHING = GivenAnswer()


def questions_of(session: Session, assignment_id: UUID) -> list[KnownQuestion]:
    """Return the questions of a quiz in their order, with what is right."""
    return [
        KnownQuestion(
            row.id,
            row.position,
            QuestionKind(row.kind),
            row.text,
            row.points,
            row.explanation,
            tuple(KnownOption(UUID(option_id), text, is_right) for option_id, text, is_right in row.options or ()),
        )
        for row in session.execute(_questions(), {"assignment_id": assignment_id})
    ]


def question_of(session: Session, assignment_id: UUID, question_id: UUID) -> KnownQuestion:
    """Return one question of a quiz, with what is right."""
    for question in questions_of(session, assignment_id):
        if question.id == question_id:
            return question
    raise NotFound


def answers_of(session: Session, attempt_id: UUID) -> dict[UUID, GivenAnswer]:
    """Return what was answered in an attempt, by question; what was not is not there."""
    return {
        row.question_id: GivenAnswer(frozenset(row.options or ()), row.text)
        for row in session.execute(_answers(), {"attempt_id": attempt_id})
    }


@cache
def _questions() -> Select[*tuple[Any, ...]]:
    option = func.json_build_array(Option.id, Option.text, Option.is_right)
    options = (
        select(func.json_agg(aggregate_order_by(option, Option.position)))
        .where(Option.question_id == Question.id)
        .correlate(Question)
        .scalar_subquery()
    )
    return (
        select(
            Question.id,
            Question.position,
            Question.kind,
            Question.text,
            Question.points,
            Question.explanation,
            options.label("options"),
        )
        .where(Question.assignment_id == bindparam("assignment_id"))
        .order_by(Question.position)
    )


@cache
def _answers() -> Select[*tuple[Any, ...]]:
    chosen = (
        select(func.array_agg(ChosenOption.option_id))
        .where(ChosenOption.attempt_id == Answer.attempt_id, ChosenOption.question_id == Answer.question_id)
        .correlate(Answer)
        .scalar_subquery()
    )
    return select(Answer.question_id, Answer.text, chosen.label("options")).where(
        Answer.attempt_id == bindparam("attempt_id")
    )
