"""The worker ends quizzes whose time is over, once, by the job of each and by a look once a minute."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.models import Grade, Submission
from portal.domain.quizzes.models import QuizAttempt
from portal.domain.quizzes.timing import GRACE
from portal.jobs import quizzes
from tests.cast import Cast, actor
from tests.domain.quizzes.arranging import begin, make_quiz, right_answers, save
from tests.factories import now


def test_an_attempt_asks_for_its_end_and_is_handed_in_once(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, minutes=10)
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    asked = "SELECT scheduled_at, args ->> 'attempt_id' FROM procrastinate_jobs WHERE task_name = 'quizzes.end_attempt'"
    assert world.execute(text(asked)).all() == [(attempt.ends_at + 2 * GRACE, str(attempt.id))]
    quizzes.end_attempts(at=attempt.ends_at)
    assert world.scalar(select(func.count()).select_from(Submission)) == 0
    over = attempt.ends_at + 2 * GRACE
    for _ in range(2):
        quizzes.end_attempt(str(attempt.id), at=over)
        quizzes.end_attempts(at=over)
    assert world.scalar(select(func.count()).select_from(Submission)) == 1
    assert world.scalars(select(Grade.final_points)).all() == [6]


def test_whoever_has_more_time_goes_on(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=None, due_at=at + timedelta(minutes=10))
    attempt = begin(world, cast, quiz, at=at)
    give_extensions(world, actor(cast.kofi), quiz.id, [cast.enrolment.id], 1, at=at)
    world.commit()
    quizzes.end_attempts(at=at + timedelta(minutes=11))
    world.refresh(attempt)
    assert (attempt.state, attempt.ends_at) == ("open", at + timedelta(minutes=70))
    quizzes.end_attempts(at=at + timedelta(minutes=71))
    assert world.scalars(select(QuizAttempt.state).execution_options(populate_existing=True)).all() == ["handed_in"]
