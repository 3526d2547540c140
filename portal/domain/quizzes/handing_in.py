"""Handing in a quiz: its attempt becomes a submission with a receipt, by its student or by the end of its time, once.

What can be marked without a person is marked in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.checking import lock_for_work, made_so_far, refuse_by_state
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.assignments.work import SubmitAssignment
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import CURRENT, Enrolment
from portal.domain.errors import Conflict
from portal.domain.permissions import Actor, Role, system_actor
from portal.domain.quizzes.attempting import TIME_IS_UP, lock_attempt, move_end
from portal.domain.quizzes.marking import mark_by_itself
from portal.domain.quizzes.models import AttemptState, QuestionKind, QuizAttempt
from portal.domain.quizzes.reading import NOTHING, GivenAnswer, KnownQuestion, answers_of, questions_of
from portal.domain.quizzes.shuffling import in_order
from portal.domain.quizzes.timing import HANDED_IN_AFTER, is_over
from portal.domain.watch.heartbeat import silent_since

LONGEST_TITLE = 200  # characters of a question, where its answer stands under it


def hand_in_attempt(session: Session, actor: Actor, attempt_id: UUID, *, at: datetime) -> Submission:
    """Return what an attempt is handed in as; a repeat returns the same. After its end it is what was saved before."""
    enrolment, assignment, attempt = lock_attempt(session, actor, attempt_id, at=at)
    if attempt.submission_id is not None:
        return session.get_one(Submission, attempt.submission_id)
    if attempt.state != AttemptState.OPEN:
        raise Conflict(TIME_IS_UP)
    over = is_over(attempt.ends_at, at)
    if not over:
        refuse_by_state(enrolment, assignment)
    return _hand_in(session, actor, assignment, attempt, at, by_itself=over)


def end_attempt(session: Session, attempt_id: UUID, *, at: datetime) -> None:
    """Hand in what was saved in an attempt whose time is over; where it is not, or is handed in, nothing happens.

    What was begun in time counts whatever has become of the enrolment since; of somebody who has left it is dropped.
    While nobody reaches the portal it waits: how much time is given back is known once it is there again.
    """
    row = session.execute(
        select(QuizAttempt.assignment_id, Enrolment, User)
        .join(Enrolment, Enrolment.id == QuizAttempt.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(QuizAttempt.id == attempt_id)
        .with_for_update(of=Enrolment, key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    attempt = session.get_one(QuizAttempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt.state != AttemptState.OPEN:
        return
    student = Actor(id=row.User.id, role=Role(row.User.role))
    if row.Enrolment.state not in CURRENT:
        if is_over(attempt.ends_at, at):
            _drop(session, attempt, row.User.id, at)
        return
    enrolment, assignment, dates = lock_for_work(session, student, row.assignment_id)
    if enrolment.id != attempt.enrolment_id:  # they left, and came back into the same intake
        _drop(session, attempt, row.User.id, at)
        return
    move_end(session, attempt, dates, made_so_far(session, enrolment, assignment))
    if is_over(attempt.ends_at, at) and not _is_away_since_before(session, attempt.ends_at):
        _hand_in(session, student, assignment, attempt, at, by_itself=True)


def overdue(session: Session, *, at: datetime) -> Sequence[UUID]:
    """Return the attempts that are still open so long after their time that they are handed in by themselves."""
    over = (QuizAttempt.state == AttemptState.OPEN) & (QuizAttempt.ends_at < at - HANDED_IN_AFTER)
    return session.scalars(select(QuizAttempt.id).where(over).order_by(QuizAttempt.ends_at)).all()


def _is_away_since_before(session: Session, moment: datetime) -> bool:
    silent = silent_since(session)
    return silent is not None and silent < moment


def _hand_in(
    session: Session, student: Actor, assignment: Assignment, attempt: QuizAttempt, at: datetime, *, by_itself: bool
) -> Submission:
    questions, answers = questions_of(session, assignment.id), answers_of(session, attempt.id)
    command = SubmitAssignment(
        assignment_id=assignment.id,
        key=f"quiz:{uuid4()}",
        text=answers_in_words(in_order(questions, attempt.seed), answers),
        answers_since=attempt.began_at,
    )
    handed_in_at = min(at, attempt.ends_at)
    submission = submit_assignment(session, student, command, at=at, whole_at=handed_in_at)
    attempt.state, attempt.closed_at, attempt.by_itself = AttemptState.HANDED_IN, handed_in_at, by_itself
    attempt.submission_id = submission.id
    session.flush()
    if by_itself:
        told = {"submission_id": submission.id, "ends_at": attempt.ends_at}
        actor = system_actor("quiz")
        audit.record(session, actor, "quiz:end", attempt, for_user=student.id, after=told, at=at)
    if all(question.kind is not QuestionKind.SHORT for question in questions):
        mark_by_itself(session, submission, assignment, questions, answers, at=at)
    return submission


def answers_in_words(questions: Sequence[KnownQuestion], answers: Mapping[UUID, GivenAnswer]) -> str:
    """Return what was answered as the text of the work: it stands in lists, sheets and the trail like any other."""
    parts = []
    for place, question in enumerate(questions, start=1):
        answer = answers.get(question.id, NOTHING)
        chosen = [option.text for option in question.options if option.id in answer.options]
        said = "\n".join(f"→ {text}" for text in chosen) or (f"→ {answer.text}" if answer.text else "(no answer)")
        title = " ".join(question.text.split())[:LONGEST_TITLE]
        parts.append(f"{place}. {title}\n{said}")
    return "\n\n".join(parts)


def _drop(session: Session, attempt: QuizAttempt, student_id: UUID, at: datetime) -> None:
    attempt.state, attempt.closed_at = AttemptState.DROPPED, at
    session.flush()
    audit.record(session, system_actor("quiz"), "quiz:drop", attempt, for_user=student_id, at=at)
