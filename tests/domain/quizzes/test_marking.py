"""Marking a quiz: short answers by hand, the rest by the rule, every mark with the points of its questions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.assignments.marking import GradeSubmission, MarkedMeanwhile, grade_submission
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.errors import Invalid, NotFound
from portal.domain.quizzes.marking import MarkAnswer, MarkQuiz, mark_quiz
from portal.domain.quizzes.models import GradeQuestion
from portal.domain.quizzes.queries.trainers import figures_of, points_given
from portal.domain.quizzes.reading import GivenAnswer, questions_of
from tests.cast import Cast, actor
from tests.domain.quizzes.arranging import MULTIPLE, SHORT, SINGLE, begin, hand_in, make_quiz, right_answers, save
from tests.factories import now


@pytest.fixture
def quiz(world: Session, cast: Cast) -> Assignment:
    return make_quiz(world, cast, (SINGLE, SHORT, SHORT))


@pytest.fixture
def submission(world: Session, cast: Cast, quiz: Assignment) -> Submission:
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    return hand_in(world, cast, attempt)


def mark(world: Session, cast: Cast, submission: Submission, *points: str, **values: Any) -> Grade:
    short = [each.id for each in questions_of(world, submission.assignment_id) if not each.options]
    answers = tuple(
        MarkAnswer(question_id=each, points=Decimal(worth)) for each, worth in zip(short, points, strict=False)
    )
    command = MarkQuiz(submission_id=submission.id, answers=answers, **values)
    grades = mark_quiz(world, actor(cast.kofi), command, at=now())
    world.commit()
    return grades[0]


def test_a_mark_is_what_was_counted_and_what_was_given(world: Session, cast: Cast, submission: Submission) -> None:
    grade = mark(world, cast, submission, "3", "0.5")
    assert grade.raw_points == Decimal("5.5")
    assert sorted(each.points for each in points_given(world, submission.id).values()) == [Decimal("0.5"), 2, 3]


@pytest.mark.parametrize("points", [(), ("1",), ("1", "4.01"), ("1", "-1"), ("1", "1.234"), ("1", "NaN")])
def test_every_short_answer_needs_points_that_fit(
    world: Session, cast: Cast, submission: Submission, points: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid) as refusal:
        mark(world, cast, submission, *points)
    assert all(name.startswith("points-") for name in refusal.value.fields)
    world.rollback()
    assert world.scalars(select(Grade)).all() == []


def test_points_of_what_was_counted_are_not_given_by_hand(
    world: Session, cast: Cast, quiz: Assignment, submission: Submission
) -> None:
    counted = MarkAnswer(question_id=questions_of(world, quiz.id)[0].id, points=Decimal(2))
    with pytest.raises(Invalid, match="short answers alone"):
        mark_quiz(world, actor(cast.kofi), MarkQuiz(submission_id=submission.id, answers=(counted,)), at=now())
    world.rollback()


def test_no_other_door_gives_a_quiz_its_points(world: Session, cast: Cast, submission: Submission) -> None:
    plain = GradeSubmission(submission_id=submission.id, points=Decimal(5))
    with pytest.raises(Invalid, match="follow from its questions"):
        grade_submission(world, actor(cast.kofi), plain, at=now())
    world.rollback()
    with pytest.raises(NotFound):
        mark_quiz(world, actor(cast.yaw), MarkQuiz(submission_id=submission.id), at=now())
    world.rollback()


def test_a_mark_that_changes_in_its_parts_alone_is_a_further_one_and_keeps_the_first(
    world: Session, cast: Cast, submission: Submission
) -> None:
    first = mark(world, cast, submission, "3", "1")
    assert mark(world, cast, submission, "3", "1").id == first.id
    with pytest.raises(MarkedMeanwhile):
        mark(world, cast, submission, "1", "3")
    world.rollback()
    second = mark(world, cast, submission, "1", "3", seen=first.id, reason="They were mixed up.")
    assert (second.id == first.id, second.raw_points) == (False, first.raw_points)
    kept = dict(world.execute(select(GradeQuestion.grade_id, GradeQuestion.points.label("p"))).all())
    assert set(kept) == {first.id, second.id}
    with pytest.raises(IntegrityError, match="append-only"):
        world.execute(text("UPDATE grade_questions SET points = 0"))
    world.rollback()


def test_figures_name_the_share_and_the_wrong_option_chosen_most(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE, MULTIPLE))
    single, multiple = questions_of(world, quiz.id)
    for place in (0, 2, 2):
        attempt = begin(world, cast, quiz)
        chosen = {
            single.id: GivenAnswer(frozenset({single.options[place].id})),
            multiple.id: GivenAnswer(multiple.right),
        }
        save(world, cast, attempt, chosen)
        hand_in(world, cast, attempt)
    unfinished = begin(world, cast, quiz)
    save(world, cast, unfinished, {single.id: GivenAnswer(frozenset({single.options[0].id}))})
    first, second = figures_of(world, quiz.id)
    assert (first.answered, first.share, first.wrong_option, first.wrong_chosen) == (3, 0, "The film", 2)
    assert (second.answered, second.share, second.wrong_option) == (3, 1, None)
