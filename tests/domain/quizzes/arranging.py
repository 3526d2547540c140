"""Arranging quizzes in tests: one of each kind of question, an attempt, its answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.quizzes.attempting import begin_attempt, save_answers
from portal.domain.quizzes.handing_in import hand_in_attempt
from portal.domain.quizzes.models import QuestionKind, QuizAttempt
from portal.domain.quizzes.questions import SetOption, SetQuestion, SetQuiz, add_question, set_quiz, true_or_false
from portal.domain.quizzes.reading import GivenAnswer, KnownQuestion, questions_of
from tests.cast import Cast, actor
from tests.factories import make_assignment, now

RIGHT_WORDS = ("The opening of the lens", "Aperture", "Shutter speed", "True")
EXPLANATIONS = ("It is written as an f-number.", "Grain comes from the sensor.", "Light adds up.", "Think of water.")

SINGLE = SetQuestion(
    kind=QuestionKind.SINGLE,
    text="What is the **aperture**?",
    points=2,
    options=(
        SetOption(text="The time it is open"),
        SetOption(text="The opening of the lens", is_right=True),
        SetOption(text="The film"),
    ),
    explanation=EXPLANATIONS[0],
)
MULTIPLE = SetQuestion(
    kind=QuestionKind.MULTIPLE,
    text="What changes the exposure?",
    points=3,
    options=(
        SetOption(text="Aperture", is_right=True),
        SetOption(text="Shutter speed", is_right=True),
        SetOption(text="The strap"),
    ),
    explanation=EXPLANATIONS[1],
)
TRUE_FALSE = SetQuestion(
    kind=QuestionKind.TRUE_FALSE,
    text="Two lights give more light than one.",
    points=1,
    options=true_or_false(True),
    explanation=EXPLANATIONS[2],
)
SHORT = SetQuestion(kind=QuestionKind.SHORT, text="Why does water look milky?", points=4, explanation=EXPLANATIONS[3])
COUNTED = (SINGLE, MULTIPLE, TRUE_FALSE)


def make_quiz(
    session: Session,
    cast: Cast,
    questions: tuple[SetQuestion, ...] = COUNTED,
    *,
    minutes: int | None = 30,
    shuffle: bool = False,
    by: User | None = None,
    **values: Any,
) -> Assignment:
    """Return a published quiz of Kofi's, or of another trainer's."""
    trainer = by or cast.kofi
    intake = values.pop("intake", cast.intake)
    worth = sum(question.points for question in questions)
    defaults: dict[str, Any] = {"assignment_type": "quiz", "title": "Light", "points": worth}
    assignment = make_assignment(session, intake, trainer, **(defaults | values))
    for question in questions:
        add_question(session, actor(trainer), assignment.id, question, at=now())
    set_quiz(session, actor(trainer), assignment.id, SetQuiz(minutes=minutes, shuffle=shuffle), at=now())
    session.commit()
    return assignment


def begin(session: Session, cast: Cast, quiz: Assignment, *, by: User | None = None, at: datetime | None = None):
    """Return the attempt that Ama, or somebody else, begins."""
    attempt = begin_attempt(session, actor(by or cast.ama), quiz.id, at=at or now())
    session.commit()
    return attempt


def right_answers(session: Session, quiz: Assignment) -> dict[UUID, GivenAnswer]:
    """Return all that is right, and words for what is answered in words."""
    return {each.id: answer_with(each) for each in questions_of(session, quiz.id)}


def answer_with(question: KnownQuestion) -> GivenAnswer:
    return GivenAnswer(question.right) if question.options else GivenAnswer(text="The shutter stays open long.")


def save(session: Session, cast: Cast, attempt: QuizAttempt, answers: dict[UUID, GivenAnswer], **options: Any) -> None:
    by, at = options.get("by") or cast.ama, options.get("at") or now()
    save_answers(session, actor(by), attempt.id, answers, at=at)
    session.commit()


def hand_in(session: Session, cast: Cast, attempt: QuizAttempt, *, at: datetime | None = None) -> Submission:
    submission = hand_in_attempt(session, actor(cast.ama), attempt.id, at=at or now())
    session.commit()
    return submission
