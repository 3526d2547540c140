"""A student takes a quiz: begins once, saves what they choose, and hands in, by hand or by the end of the time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.assignments.drafting import save_work_draft
from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.models import Grade, Submission
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.assignments.withdrawing import withdraw_submission
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.quizzes.attempting import begin_attempt, save_answers
from portal.domain.quizzes.handing_in import end_attempt, hand_in_attempt, overdue
from portal.domain.quizzes.models import GradeQuestion, QuizAttempt
from portal.domain.quizzes.questions import SetQuiz, set_quiz
from portal.domain.quizzes.reading import GivenAnswer, answers_of, questions_of
from portal.domain.quizzes.timing import GRACE, HANDED_IN_AFTER
from portal.domain.watch.models import Outage
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import work
from tests.domain.quizzes.arranging import (
    COUNTED,
    MULTIPLE,
    SHORT,
    SINGLE,
    begin,
    hand_in,
    make_quiz,
    right_answers,
    save,
)
from tests.factories import make_enrolment, make_user, now

SECOND = timedelta(seconds=1)


def test_two_tabs_have_the_same_attempt(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    first, second = begin(world, cast, quiz), begin(world, cast, quiz)
    assert first.id == second.id
    with pytest.raises(IntegrityError, match="uq_quiz_attempts_open"):
        world.execute(
            text(
                "INSERT INTO quiz_attempts (id, assignment_id, enrolment_id, seed, began_at, ends_at) "
                "SELECT gen_random_uuid(), assignment_id, enrolment_id, 0, began_at, ends_at FROM quiz_attempts"
            )
        )
    world.rollback()


def test_the_time_is_the_servers_and_never_beyond_the_students_own_close(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=30, due_at=at + timedelta(minutes=20))
    kwame = make_user(world)
    make_enrolment(world, kwame, cast.intake)
    attempt = begin(world, cast, quiz, at=at)
    assert attempt.ends_at == at + timedelta(minutes=20)
    give_extensions(world, actor(cast.kofi), quiz.id, [cast.enrolment.id], 1, at=at)
    question = questions_of(world, quiz.id)[0]
    after_the_first_end = at + timedelta(minutes=25)
    save(world, cast, attempt, {question.id: GivenAnswer(question.right)}, at=after_the_first_end)
    world.refresh(attempt)
    assert attempt.ends_at == at + timedelta(minutes=30)
    assert begin(world, cast, quiz, by=kwame, at=at).ends_at == at + timedelta(minutes=20)


def test_who_was_cut_off_has_the_lost_minutes_and_nobody_else_has_them(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=30, due_at=at + timedelta(days=2))
    kwame = make_user(world)
    make_enrolment(world, kwame, cast.intake)
    attempt = begin(world, cast, quiz, at=at)
    world.add(Outage(since=at + timedelta(minutes=10), until=at + timedelta(minutes=18)))
    world.commit()
    question = questions_of(world, quiz.id)[0]
    save(world, cast, attempt, {question.id: GivenAnswer(question.right)}, at=at + timedelta(minutes=37))
    assert attempt.ends_at == at + timedelta(minutes=38)
    with pytest.raises(Conflict, match="time is over"):
        save_answers(world, actor(cast.ama), attempt.id, {}, at=at + timedelta(minutes=39))
    world.rollback()
    later = begin(world, cast, quiz, by=kwame, at=at + timedelta(minutes=20))
    save(world, cast, later, {}, by=kwame, at=at + timedelta(minutes=21))
    assert later.ends_at == at + timedelta(minutes=50)


def test_the_lost_minutes_end_with_the_close_as_it_stands_after_our_absence(world: Session, cast: Cast) -> None:
    at = now() - timedelta(hours=2)  # an absence counts for a close once it is over
    due = at + timedelta(minutes=30)
    quiz = make_quiz(world, cast, minutes=30, due_at=due)
    short, long = begin(world, cast, quiz, at=at), timedelta(minutes=20)
    world.add(Outage(since=at + timedelta(minutes=5), until=at + timedelta(minutes=10)))
    save(world, cast, short, {}, at=due)
    assert short.ends_at == due, "five minutes move no close"
    world.add(Outage(since=at + timedelta(minutes=10), until=at + timedelta(minutes=10) + long))
    save(world, cast, short, {}, at=due)
    assert short.ends_at == due + timedelta(minutes=25), "the close has moved by fifty, so all that was lost is there"


def test_an_attempt_keeps_the_time_it_was_begun_with(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=30)
    attempt = begin(world, cast, quiz, at=at)
    set_quiz(world, actor(cast.kofi), quiz.id, SetQuiz(minutes=5), at=at)
    world.commit()
    save(world, cast, attempt, right_answers(world, quiz), at=at + timedelta(minutes=29))
    assert attempt.ends_at == at + timedelta(minutes=30)


def test_the_answer_saved_last_stands_and_an_empty_one_is_taken_away(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE, MULTIPLE, SHORT))
    attempt = begin(world, cast, quiz)
    single, multiple, short = questions_of(world, quiz.id)
    save(world, cast, attempt, {single.id: GivenAnswer(frozenset({single.options[0].id}))})
    save(world, cast, attempt, {single.id: GivenAnswer(frozenset({single.options[2].id}))})
    save(world, cast, attempt, {single.id: GivenAnswer(frozenset({single.options[2].id}))})
    save(world, cast, attempt, {multiple.id: GivenAnswer(multiple.right), short.id: GivenAnswer(text="Time.")})
    assert answers_of(world, attempt.id) == {
        single.id: GivenAnswer(frozenset({single.options[2].id})),
        multiple.id: GivenAnswer(multiple.right),
        short.id: GivenAnswer(text="Time."),
    }
    save(world, cast, attempt, {multiple.id: GivenAnswer(), short.id: GivenAnswer(text="  ")})
    assert set(answers_of(world, attempt.id)) == {single.id}


def test_an_answer_is_taken_some_seconds_after_the_end_and_then_no_more(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=10)
    attempt = begin(world, cast, quiz, at=at)
    end = at + timedelta(minutes=10)
    save(world, cast, attempt, right_answers(world, quiz), at=end + GRACE)
    with pytest.raises(Conflict, match="time is over"):
        save_answers(world, actor(cast.ama), attempt.id, right_answers(world, quiz), at=end + GRACE + SECOND)
    world.rollback()


def test_what_belongs_to_another_quiz_or_question_is_not_taken(world: Session, cast: Cast) -> None:
    quiz, other = make_quiz(world, cast, (SINGLE, MULTIPLE)), make_quiz(world, cast, (SINGLE,))
    attempt = begin(world, cast, quiz)
    single, multiple = questions_of(world, quiz.id)
    foreign = questions_of(world, other.id)[0]
    for question_id, options, refusal in (
        (foreign.id, foreign.right, NotFound),
        (uuid4(), frozenset(), NotFound),
        (single.id, multiple.right, Invalid),
        (single.id, foreign.right, Invalid),
        (single.id, frozenset(option.id for option in single.options), Invalid),
    ):
        with pytest.raises(refusal):
            save_answers(world, actor(cast.ama), attempt.id, {question_id: GivenAnswer(options)}, at=now())
        world.rollback()
    with pytest.raises(Invalid):
        save_answers(world, actor(cast.ama), attempt.id, {single.id: GivenAnswer(text="words")}, at=now())
    world.rollback()
    assert answers_of(world, attempt.id) == {}


def test_the_database_itself_keeps_answers_to_their_quiz_and_options_to_their_question(
    world: Session, cast: Cast
) -> None:
    quiz, other = make_quiz(world, cast, (SINGLE, MULTIPLE)), make_quiz(world, cast, (SINGLE,))
    attempt = begin(world, cast, quiz)
    single, multiple = questions_of(world, quiz.id)
    save(world, cast, attempt, {single.id: GivenAnswer(single.right)})
    foreign = questions_of(world, other.id)[0].id
    answer = text(
        "INSERT INTO quiz_answers (attempt_id, question_id, assignment_id, saved_at) VALUES (:a, :q, :quiz, now())"
    )
    with pytest.raises(IntegrityError, match="fk_quiz_answers_question"):
        world.execute(answer, {"a": attempt.id, "q": foreign, "quiz": quiz.id})
    world.rollback()
    option = text("INSERT INTO quiz_chosen_options (attempt_id, question_id, option_id) VALUES (:a, :q, :o)")
    with pytest.raises(IntegrityError, match="fk_quiz_chosen_options_option"):
        world.execute(option, {"a": attempt.id, "q": single.id, "o": multiple.options[0].id})
    world.rollback()


def test_another_students_attempt_is_not_there(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    kwame = make_user(world)
    make_enrolment(world, kwame, cast.intake)
    world.commit()
    for stranger in (kwame, cast.esi):
        with pytest.raises(NotFound):
            save_answers(world, actor(stranger), attempt.id, right_answers(world, quiz), at=now())
        world.rollback()
        with pytest.raises(NotFound):
            hand_in_attempt(world, actor(stranger), attempt.id, at=now())
        world.rollback()
    with pytest.raises(NotFound):
        begin_attempt(world, actor(cast.esi), quiz.id, at=now())
    world.rollback()


def test_nothing_begins_before_the_opening_after_the_close_or_without_an_attempt_left(
    world: Session, cast: Cast
) -> None:
    at = now()
    early = make_quiz(world, cast, opens_at=at + timedelta(hours=1))
    closed = make_quiz(world, cast, due_at=at - timedelta(hours=1))
    once = make_quiz(world, cast, attempts_allowed=1)
    hand_in(world, cast, begin(world, cast, once))
    for quiz, words in ((early, "not open yet"), (closed, "has passed"), (once, "used all attempts")):
        with pytest.raises(Conflict, match=words):
            begin_attempt(world, actor(cast.ama), quiz.id, at=at)
        world.rollback()


def test_handing_in_makes_one_submission_with_its_receipt_and_a_mark_at_once(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    made, again = hand_in(world, cast, attempt), hand_in(world, cast, attempt)
    assert made.id == again.id
    assert made.number
    assert made.text.startswith("1. What is the **aperture**?\n→ The opening of the lens")
    grade = world.scalars(select(Grade).where(Grade.submission_id == made.id)).one()
    assert (grade.final_points, grade.graded_by) == (Decimal(6), cast.kofi.id)
    assert grade.released_at is not None
    assert world.scalar(select(func.sum(GradeQuestion.points))) == 6
    world.refresh(made)
    assert made.state == "returned"
    with pytest.raises(Conflict, match="handed in already"):
        save_answers(world, actor(cast.ama), attempt.id, {}, at=now())
    world.rollback()


def test_marks_that_are_held_back_are_computed_and_not_shown(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, hold_marks=True)
    attempt = begin(world, cast, quiz)
    made = hand_in(world, cast, attempt)
    grade = world.scalars(select(Grade).where(Grade.submission_id == made.id)).one()
    assert (grade.final_points, grade.released_at) == (0, None)


def test_a_short_answer_waits_for_a_person(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE, SHORT))
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    made = hand_in(world, cast, attempt)
    assert made.state == "submitted"
    assert world.scalar(select(func.count()).select_from(Grade)) == 0


def test_when_time_is_up_the_portal_hands_in_what_was_saved_once(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=10)
    attempt = begin(world, cast, quiz, at=at)
    save(world, cast, attempt, right_answers(world, quiz), at=at)
    end = at + timedelta(minutes=10)
    end_attempt(world, attempt.id, at=end)
    assert overdue(world, at=end + HANDED_IN_AFTER) == []
    assert world.scalar(select(func.count()).select_from(Submission)) == 0
    assert overdue(world, at=end + HANDED_IN_AFTER + SECOND) == [attempt.id]
    for _ in range(2):
        end_attempt(world, attempt.id, at=end + GRACE + SECOND)
        world.commit()
    made = hand_in(world, cast, attempt, at=end + timedelta(hours=1))
    assert world.scalar(select(func.count()).select_from(Submission)) == 1
    world.refresh(attempt)
    assert (attempt.by_itself, attempt.submission_id, made.submitted_at) == (True, made.id, end)
    assert made.late is False


def test_handing_in_after_the_end_hands_in_what_was_saved_before(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(world, cast, minutes=10, due_at=at + timedelta(minutes=5), cut_off_at=at + timedelta(hours=1))
    attempt = begin(world, cast, quiz, at=at)
    made = hand_in(world, cast, attempt, at=at + timedelta(hours=3))
    assert made.submitted_at == at + timedelta(minutes=10)
    assert made.late
    world.refresh(attempt)
    assert attempt.by_itself


def test_a_suspended_student_keeps_what_was_saved_and_one_who_left_hands_in_nothing(world: Session, cast: Cast) -> None:
    at = now()
    quiz, other = make_quiz(world, cast, minutes=10), make_quiz(world, cast, minutes=10)
    attempt, dropped = begin(world, cast, quiz, at=at), begin(world, cast, other, at=at)
    over = at + timedelta(minutes=11)
    cast.enrolment.state = "suspended"
    world.commit()
    with pytest.raises(Conflict, match="suspended"):
        save_answers(world, actor(cast.ama), attempt.id, {}, at=at)
    world.rollback()
    end_attempt(world, attempt.id, at=over)
    cast.enrolment.state = "withdrawn"
    cast.enrolment.ended_at = at
    world.commit()
    end_attempt(world, dropped.id, at=over)
    world.commit()
    states = dict(world.execute(select(QuizAttempt.id, QuizAttempt.state)).all())
    assert (states[attempt.id], states[dropped.id]) == ("handed_in", "dropped")


def test_who_handed_in_on_time_cannot_replace_it_by_an_attempt_that_ends_late(world: Session, cast: Cast) -> None:
    at = now()
    due = at + timedelta(minutes=15)
    quiz = make_quiz(world, cast, minutes=30, due_at=due, cut_off_at=at + timedelta(days=1))
    first = begin(world, cast, quiz, at=at)
    assert first.ends_at == at + timedelta(minutes=30)
    hand_in(world, cast, first, at=at + SECOND)
    assert begin(world, cast, quiz, at=at + timedelta(minutes=2)).ends_at == due


def test_a_late_attempt_loses_what_lateness_costs(world: Session, cast: Cast) -> None:
    at = now()
    quiz = make_quiz(
        world, cast, due_at=at - timedelta(hours=1), cut_off_at=at + timedelta(days=2), late_percent=10, minutes=None
    )
    attempt = begin(world, cast, quiz, at=at)
    save(world, cast, attempt, right_answers(world, quiz), at=at)
    made = hand_in(world, cast, attempt, at=at)
    grade = world.scalars(select(Grade).where(Grade.submission_id == made.id)).one()
    assert (grade.raw_points, grade.final_points) == (6, Decimal("5.40"))


def test_a_quiz_takes_no_text_no_files_and_no_withdrawal(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    with pytest.raises(Conflict, match="This is a quiz"):
        submit_assignment(world, actor(cast.ama), work(quiz), at=now())
    world.rollback()
    with pytest.raises(Conflict, match="This is a quiz"):
        save_work_draft(world, actor(cast.ama), quiz.id, text="words", links=(), at=now())
    world.rollback()
    made = hand_in(world, cast, begin(world, cast, quiz))
    with pytest.raises(Conflict, match="stands as it was handed in"):
        withdraw_submission(world, actor(cast.ama), made.id, at=now())
    world.rollback()


def test_each_attempt_has_an_order_of_its_own_that_never_changes(world: Session, cast: Cast) -> None:
    plain, shuffled = make_quiz(world, cast), make_quiz(world, cast, COUNTED, shuffle=True)
    assert begin(world, cast, plain).seed == 0
    assert begin(world, cast, shuffled).seed > 0
