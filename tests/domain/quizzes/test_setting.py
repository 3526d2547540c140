"""A trainer decides when and how a quiz is taken, and puts it away while nobody is at it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from portal.domain.assignments.setting import choose_rubric
from portal.domain.errors import Conflict
from portal.domain.quizzes.handing_in import end_attempt
from portal.domain.quizzes.setting import put_away
from tests.cast import Cast
from tests.domain.assignments.arranging import actor
from tests.domain.quizzes.arranging import begin, hand_in, make_quiz
from tests.factories import make_assignment, make_enrolment, make_user, now


def test_a_quiz_is_not_put_away_while_students_are_at_it(world: Session, cast: Cast) -> None:
    at = now()
    quiz, other = make_quiz(world, cast), make_quiz(world, cast)
    kwame = make_user(world)
    make_enrolment(world, kwame, cast.intake)
    hers, his = begin(world, cast, quiz, at=at), begin(world, cast, quiz, by=kwame, at=at)
    for number, words in ((2, "2 students are at this quiz now"), (1, "1 student is at this quiz now")):
        with pytest.raises(Conflict, match=words):
            put_away(world, actor(cast.kofi), quiz.id, at=at)
        world.rollback()
        assert quiz.state == "published", number
        if number == 2:
            hand_in(world, cast, hers, at=at)
    end_attempt(world, his.id, at=at + timedelta(hours=1))
    assert put_away(world, actor(cast.kofi), quiz.id, at=at).state == "archived"
    assert put_away(world, actor(cast.kofi), other.id, at=at).state == "archived"


def test_other_work_is_put_away_as_ever(world: Session, cast: Cast) -> None:
    homework = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    assert put_away(world, actor(cast.kofi), homework.id, at=now()).state == "archived"


def test_a_quiz_with_questions_may_be_told_once_more_that_it_has_no_rubric(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    assert choose_rubric(world, actor(cast.kofi), quiz.id, None, at=now()).assignment_type == "quiz"
