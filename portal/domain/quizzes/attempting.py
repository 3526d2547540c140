"""Taking a quiz: an attempt is begun once, and answers are saved one by one while the server's clock allows it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.assignments import deadlines
from portal.domain.assignments.checking import lock_for_work, made_so_far, refuse_by_state, refuse_by_time
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.own_dates import as_away, away_since
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor
from portal.domain.quizzes.models import Answer, AttemptState, ChosenOption, QuestionKind, Quiz, QuizAttempt
from portal.domain.quizzes.reading import GivenAnswer, KnownQuestion, questions_of
from portal.domain.quizzes.timing import HANDED_IN_AFTER, end_of, is_over
from portal.outbox import enqueue

LONGEST_ANSWER = 10_000  # characters of a short answer
TIME_IS_UP = "The time is over. What was saved before is handed in."
HANDED_IN = "This attempt is handed in already, with what was saved before."
NO_SUCH_OPTION = "That is no option of this question. Open the quiz again."
ONE_AT_MOST = "One option can be chosen here."


def begin_attempt(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> QuizAttempt:
    """Return the student's open attempt; a new one where none is open, so that two tabs have the same."""
    enrolment, assignment, dates = lock_for_work(session, actor, assignment_id)
    if assignment.question_points is None:
        raise NotFound
    open_attempt = _open(session, enrolment.id, assignment.id)
    if open_attempt is not None:
        return open_attempt
    refuse_by_state(enrolment, assignment)
    made = made_so_far(session, enrolment, assignment)
    refuse_by_time(assignment, dates, made, at)
    quiz = session.get(Quiz, assignment.id)
    minutes = quiz.minutes if quiz else None
    attempt = QuizAttempt(
        id=uuid7(),
        assignment_id=assignment.id,
        enrolment_id=enrolment.id,
        state=AttemptState.OPEN,
        seed=1 + secrets.randbelow(2**31 - 1) if quiz and quiz.shuffle else 0,
        began_at=at,
        minutes=minutes,
        ends_at=end_of(at, minutes, _closes_at(dates, made)),
        by_itself=False,
    )
    session.add(attempt)
    session.flush()
    begun = {"assignment_id": assignment.id, "ends_at": attempt.ends_at}
    audit.record(session, actor, "quiz:begin", attempt, for_user=enrolment.user_id, after=begun, at=at)
    ask_for_the_end(session, attempt)
    return attempt


def save_answers(
    session: Session, actor: Actor, attempt_id: UUID, answers: Mapping[UUID, GivenAnswer], *, at: datetime
) -> QuizAttempt:
    """Keep answers as they are now, in place of what was saved before; one without anything in it is taken away.

    All of them or none: a question of another quiz is not there, an option of another question is refused.
    """
    enrolment, assignment, attempt = lock_attempt(session, actor, attempt_id, at=at)
    if attempt.state != AttemptState.OPEN:
        raise Conflict(HANDED_IN)
    if is_over(attempt.ends_at, at):
        raise Conflict(TIME_IS_UP)
    refuse_by_state(enrolment, assignment)
    _check(questions_of(session, assignment.id), answers)
    given = {question_id: answer for question_id, answer in answers.items() if answer.is_given}
    of_these = ChosenOption.question_id.in_(list(answers))
    session.execute(delete(ChosenOption).where(ChosenOption.attempt_id == attempt.id, of_these))
    if gone := [question_id for question_id in answers if question_id not in given]:
        session.execute(delete(Answer).where(Answer.attempt_id == attempt.id, Answer.question_id.in_(gone)))
    if given:
        _write(session, attempt, given, at)
    return attempt


def lock_attempt(
    session: Session, actor: Actor, attempt_id: UUID, *, at: datetime
) -> tuple[Enrolment, Assignment, QuizAttempt]:
    """Return a student's own attempt, held with enrolment and assignment, and its end by their dates as they stand."""
    assignment_id = session.scalar(
        select(QuizAttempt.assignment_id)
        .join(Enrolment, Enrolment.id == QuizAttempt.enrolment_id)
        .where(QuizAttempt.id == attempt_id, Enrolment.user_id == actor.person_id)
    )
    if assignment_id is None:
        raise NotFound
    enrolment, assignment, dates = lock_for_work(session, actor, assignment_id)
    statement = select(QuizAttempt).where(QuizAttempt.id == attempt_id, QuizAttempt.enrolment_id == enrolment.id)
    attempt = session.scalar(statement.with_for_update().execution_options(populate_existing=True))
    if attempt is None:  # of an earlier enrolment in the same intake
        raise NotFound
    if attempt.state == AttemptState.OPEN:
        move_end(session, attempt, dates, made_so_far(session, enrolment, assignment))
    return enrolment, assignment, attempt


def move_end(session: Session, attempt: QuizAttempt, dates: Dates, made: Sequence[bool]) -> None:
    """Move the end of an attempt where its student has more time since it began; it never moves earlier.

    More time is what was granted, and what was lost because the portal was away.
    """
    away = as_away(session.scalar(select(away_since(literal(attempt.began_at)))))
    end = end_of(attempt.began_at, attempt.minutes, _closes_at(dates, made), away)
    if end > attempt.ends_at:
        attempt.ends_at = end
        session.flush()
        ask_for_the_end(session, attempt)


def ask_for_the_end(session: Session, attempt: QuizAttempt) -> None:
    """Have the attempt handed in when its time is over, whether its student comes back or not."""
    after = attempt.ends_at + HANDED_IN_AFTER
    key = f"quiz-end:{attempt.id}:{int(attempt.ends_at.timestamp())}"
    enqueue(session, "quizzes.end_attempt", key=key, at=after, attempt_id=attempt.id)


def _open(session: Session, enrolment_id: UUID, assignment_id: UUID) -> QuizAttempt | None:
    statement = select(QuizAttempt).where(
        QuizAttempt.enrolment_id == enrolment_id,
        QuizAttempt.assignment_id == assignment_id,
        QuizAttempt.state == AttemptState.OPEN,
    )
    return session.scalar(statement.execution_options(populate_existing=True))


def _closes_at(dates: Dates, made: Sequence[bool]) -> datetime:
    """Return when a quiz closes for a student: who has handed in on time may not replace that by late work."""
    return dates.due_at if deadlines.Made.of(made).on_time else dates.closes_at


def _check(questions: Sequence[KnownQuestion], answers: Mapping[UUID, GivenAnswer]) -> None:
    asked = {question.id: question for question in questions}
    for question_id, answer in answers.items():
        question = asked.get(question_id)
        if question is None:
            raise NotFound
        name = f"answer-{question_id}"
        if answer.options - {option.id for option in question.options}:
            raise Invalid(NO_SUCH_OPTION, fields={name: NO_SUCH_OPTION})
        if question.kind in (QuestionKind.SINGLE, QuestionKind.TRUE_FALSE) and len(answer.options) > 1:
            raise Invalid(ONE_AT_MOST, fields={name: ONE_AT_MOST})
        if question.kind is not QuestionKind.SHORT and answer.text:
            raise Invalid("Choose among the options.", fields={name: "Choose among the options."})
        if len(answer.text) > LONGEST_ANSWER:
            too_long = f"At most {LONGEST_ANSWER:,} characters."
            raise Invalid(f"An answer is too long and not saved. {too_long}", fields={name: too_long})


def _write(session: Session, attempt: QuizAttempt, given: Mapping[UUID, GivenAnswer], at: datetime) -> None:
    rows = [
        {
            "attempt_id": attempt.id,
            "question_id": question_id,
            "assignment_id": attempt.assignment_id,
            "text": answer.text,
            "saved_at": at,
        }
        for question_id, answer in given.items()
    ]
    statement = insert(Answer).values(rows)
    newest = {"text": statement.excluded.text, "saved_at": statement.excluded.saved_at}
    session.execute(statement.on_conflict_do_update(index_elements=["attempt_id", "question_id"], set_=newest))
    chosen = [
        {"attempt_id": attempt.id, "question_id": question_id, "option_id": option_id}
        for question_id, answer in given.items()
        for option_id in sorted(answer.options)
    ]
    if chosen:
        session.execute(insert(ChosenOption).values(chosen))
