"""The worker ends quizzes whose time is over, once, by the job of each and by a look once a minute."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.models import Grade, Submission
from portal.domain.quizzes.models import QuizAttempt
from portal.domain.quizzes.timing import HANDED_IN_AFTER
from portal.domain.watch.heartbeat import beat
from portal.domain.watch.models import Beat
from portal.jobs import quizzes
from tests.cast import Cast, actor
from tests.domain.quizzes.arranging import begin, make_quiz, right_answers, save
from tests.factories import now

SECOND = timedelta(seconds=1)


def test_an_attempt_asks_for_its_end_and_is_handed_in_once(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, minutes=10)
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    asked = "SELECT scheduled_at, args ->> 'attempt_id' FROM procrastinate_jobs WHERE task_name = 'quizzes.end_attempt'"
    assert world.execute(text(asked)).all() == [(attempt.ends_at + HANDED_IN_AFTER, str(attempt.id))]
    quizzes.end_attempts(at=attempt.ends_at)
    assert world.scalar(select(func.count()).select_from(Submission)) == 0
    over = attempt.ends_at + HANDED_IN_AFTER + SECOND
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
    quizzes.end_attempts(at=at + timedelta(minutes=12))
    world.refresh(attempt)
    assert (attempt.state, attempt.ends_at) == ("open", at + timedelta(minutes=70))
    quizzes.end_attempts(at=at + timedelta(minutes=72))
    assert world.scalars(select(QuizAttempt.state).execution_options(populate_existing=True)).all() == ["handed_in"]


def test_while_nobody_reaches_the_portal_nothing_is_handed_in_and_the_lost_minutes_are_there_afterwards(
    world: Session, cast: Cast
) -> None:
    began = now() - timedelta(minutes=25)
    attempt = begin(world, cast, make_quiz(world, cast, minutes=20), at=began)
    beat(world)
    silent = began + timedelta(minutes=12)
    world.execute(update(Beat).values(at=silent))
    world.commit()
    quizzes.end_attempts(at=now())
    quizzes.end_attempt(str(attempt.id), at=now())
    world.refresh(attempt)
    assert (attempt.state, attempt.ends_at) == ("open", began + timedelta(minutes=20))
    beat(world)
    world.commit()
    quizzes.end_attempts(at=now())
    world.refresh(attempt)
    assert attempt.state == "open"
    assert timedelta(minutes=7) < attempt.ends_at - now() <= timedelta(minutes=8)
    quizzes.end_attempts(at=attempt.ends_at + HANDED_IN_AFTER + SECOND)
    world.refresh(attempt)
    assert (attempt.state, attempt.closed_at) == ("handed_in", attempt.ends_at)


def test_a_silence_that_began_after_the_end_keeps_nothing_open(world: Session, cast: Cast) -> None:
    began = now() - timedelta(minutes=25)
    attempt = begin(world, cast, make_quiz(world, cast, minutes=20), at=began)
    beat(world)
    world.execute(update(Beat).values(at=began + timedelta(minutes=21)))
    world.commit()
    quizzes.end_attempts(at=now())
    world.refresh(attempt)
    assert attempt.state == "handed_in"
