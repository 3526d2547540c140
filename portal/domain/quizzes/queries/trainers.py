"""What a trainer sees of a quiz: how it is set, the answers of one attempt, and how its questions went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Numeric, Select, and_, bindparam, cast, exists, func, lateral, select, true
from sqlalchemy.orm import Session, aliased

from portal.db import among, read
from portal.domain.assignments.models import Assignment, AssignmentType, Grade, Submission
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.queries.setting import SetPage, assignment_set_by
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.errors import NotFound
from portal.domain.quizzes.models import (
    ChosenOption,
    GradeQuestion,
    Option,
    Question,
    QuestionKind,
    Quiz,
    QuizAttempt,
)


@dataclass(frozen=True)
class SetUp:
    """How a quiz is taken, and whether it may still change."""

    minutes: int | None
    shuffle: bool
    is_begun: bool
    question_points: int | None


@dataclass(frozen=True)
class AttemptToMark:
    """The attempt that a submission was made of."""

    id: UUID
    assignment_id: UUID
    seed: int
    began_at: datetime
    minutes: int | None
    by_itself: bool


@dataclass(frozen=True)
class GivenPoints:
    """What a question gave in the newest mark."""

    points: Decimal
    comment: str


@dataclass(frozen=True)
class QuestionFigures:
    """How one question went, over all attempts that were marked, each by its newest mark."""

    id: UUID
    position: int
    kind: str
    text: str
    points: int
    answered: int
    """How many marks there are of it."""
    share: Decimal | None
    """The share of its points that was given on average; None where nothing is marked."""
    wrong_option: str | None
    """The wrong option that was chosen most."""
    wrong_chosen: int | None


def quiz_set_by(session: Session, trainer_id: UUID, quiz_id: UUID) -> SetPage:
    """Return a quiz of an intake that this trainer teaches; another kind of assignment is none."""
    page = assignment_set_by(session, trainer_id, quiz_id)
    if page.assignment_type != AssignmentType.QUIZ:
        raise NotFound
    return page


def set_up_of(session: Session, assignment_id: UUID) -> SetUp:
    """Return how a quiz is taken; whoever asks has loaded its assignment through its trainer."""
    return SetUp(*read(session, _set_up(), {"assignment_id": assignment_id}).one())


def attempt_to_mark(session: Session, submission_id: UUID) -> AttemptToMark | None:
    """Return the attempt of a submission; None where that is no quiz."""
    row = read(session, _attempt(), {"submission_id": submission_id}).one_or_none()
    return AttemptToMark(*row) if row else None


def points_given(session: Session, submission_id: UUID) -> dict[UUID, GivenPoints]:
    """Return what each question gave in the newest mark of a submission, released or not."""
    rows = read(session, _given(), {"submission_id": submission_id})
    return {row.question_id: GivenPoints(row.points, row.comment) for row in rows}


def figures_of(session: Session, assignment_id: UUID) -> list[QuestionFigures]:
    """Return how the questions of a quiz went, in their order."""
    return [QuestionFigures(*row) for row in read(session, _figures(), {"assignment_id": assignment_id})]


@cache
def _set_up() -> Select[*tuple[Any, ...]]:
    begun = exists().where(QuizAttempt.assignment_id == Assignment.id).correlate(Assignment)
    return (
        select(
            Quiz.minutes,
            func.coalesce(Quiz.shuffle, False),
            begun.label("is_begun"),
            Assignment.question_points,
        )
        .select_from(Assignment)
        .outerjoin(Quiz, Quiz.assignment_id == Assignment.id)
        .where(Assignment.id == bindparam("assignment_id"))
    )


@cache
def _attempt() -> Select[*tuple[Any, ...]]:
    return select(
        QuizAttempt.id,
        QuizAttempt.assignment_id,
        QuizAttempt.seed,
        QuizAttempt.began_at,
        QuizAttempt.minutes,
        QuizAttempt.by_itself,
    ).where(QuizAttempt.submission_id == bindparam("submission_id"))


@cache
def _given() -> Select[*tuple[Any, ...]]:
    newest = (
        select(Grade.id)
        .where(Grade.submission_id == bindparam("submission_id"))
        .order_by(*NEWEST_FIRST)
        .limit(1)
        .scalar_subquery()
    )
    return select(GradeQuestion.question_id, GradeQuestion.points, GradeQuestion.comment).where(
        GradeQuestion.grade_id == newest
    )


@cache
def _figures() -> Select[*tuple[Any, ...]]:
    newest = lateral(
        select(Grade.id)
        .where(Grade.submission_id == Submission.id)
        .order_by(*NEWEST_FIRST)
        .limit(1)
        .correlate(Submission),
        "newest",
    )
    given = (
        select(
            GradeQuestion.question_id,
            func.count().label("answered"),
            func.avg(GradeQuestion.points).label("average"),
        )
        .select_from(Submission)
        .join(newest, true())
        .join(GradeQuestion, GradeQuestion.grade_id == newest.c.id)
        .where(Submission.assignment_id == bindparam("assignment_id"), among(Submission.state, HANDED_IN))
        .group_by(GradeQuestion.question_id)
        .subquery("given")
    )
    wrong = aliased(Option)
    of_attempts = and_(QuizAttempt.id == ChosenOption.attempt_id, QuizAttempt.submission_id.is_not(None))
    misled = lateral(
        select(wrong.text, func.count().label("number"))
        .join(
            ChosenOption,
            and_(ChosenOption.question_id == wrong.question_id, ChosenOption.option_id == wrong.id),
        )
        .join(QuizAttempt, of_attempts)
        .where(wrong.question_id == Question.id, ~wrong.is_right)
        .group_by(wrong.id, wrong.text, wrong.position)
        .order_by(func.count().desc(), wrong.position)
        .limit(1)
        .correlate(Question),
        "misled",
    )
    return (
        select(
            Question.id,
            Question.position,
            Question.kind,
            Question.text,
            Question.points,
            func.coalesce(given.c.answered, 0),
            cast(given.c.average / Question.points, Numeric(5, 4)),
            misled.c.text.label("wrong_option"),
            misled.c.number,
        )
        .outerjoin(given, given.c.question_id == Question.id)
        .outerjoin(misled, Question.kind != QuestionKind.SHORT.value)
        .where(Question.assignment_id == bindparam("assignment_id"))
        .order_by(Question.position)
    )
