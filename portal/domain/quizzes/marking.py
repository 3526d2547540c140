"""Marking a quiz: what was chosen is counted by the rule, short answers by a trainer, and a mark keeps both.

The points of each question stand with the mark they are part of, so a mark that changes keeps its history whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal.domain.assignments.marking import GradeSubmission, give_computed_mark, grade_submission
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.releasing import taught
from portal.domain.errors import Invalid, NotFound
from portal.domain.permissions import Actor
from portal.domain.quizzes.models import GradeQuestion, QuestionKind, QuizAttempt
from portal.domain.quizzes.points import points_for
from portal.domain.quizzes.reading import NOTHING, GivenAnswer, KnownQuestion, answers_of, questions_of

LONGEST_COMMENT = 5_000  # characters, on one short answer


@dataclass(frozen=True, kw_only=True)
class MarkAnswer:
    """What a trainer gives for one short answer."""

    question_id: UUID
    points: Decimal | None
    """None where nothing was typed yet."""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class MarkQuiz:
    """A mark of an attempt: the points of its short answers; all others follow from the rule."""

    submission_id: UUID
    answers: tuple[MarkAnswer, ...] = ()
    feedback: str = ""
    release: bool = False
    seen: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class QuestionPoints:
    """What one question gives."""

    question_id: UUID
    points: Decimal
    comment: str = ""


def mark_quiz(session: Session, actor: Actor, command: MarkQuiz, *, at: datetime) -> Sequence[Grade]:
    """Return the mark that the answers of an attempt have now, with the points of each question."""
    assignment_id, attempt_id = _of_submission(session, actor, command.submission_id)
    questions, answers = questions_of(session, assignment_id), answers_of(session, attempt_id)
    each = _points(questions, answers, command)
    newest = _newest(session, command.submission_id)
    grades = grade_submission(
        session,
        actor,
        GradeSubmission(
            submission_id=command.submission_id,
            points=total(each),
            feedback=command.feedback,
            release=command.release,
            seen=command.seen,
            reason=command.reason,
            by_questions=True,
            anew=newest is not None and newest != set(each),
        ),
        at=at,
    )
    _keep(session, grades, each)
    return grades


def mark_by_itself(
    session: Session,
    submission: Submission,
    assignment: Assignment,
    questions: Sequence[KnownQuestion],
    answers: Mapping[UUID, GivenAnswer],
    *,
    at: datetime,
) -> Sequence[Grade]:
    """Return the mark of an attempt that has no short answer."""
    each = [QuestionPoints(question.id, worth) for question, worth in counted(questions, answers) if worth is not None]
    grades = give_computed_mark(session, submission, assignment, total(each), at=at)
    _keep(session, grades, each)
    return grades


def counted(
    questions: Sequence[KnownQuestion], answers: Mapping[UUID, GivenAnswer]
) -> list[tuple[KnownQuestion, Decimal | None]]:
    """Return what each question gives by the rule; None where a person gives the points."""
    return [
        (each, points_for(each.kind, each.points, each.right, answers.get(each.id, NOTHING).options))
        for each in questions
    ]


def total(each: Sequence[QuestionPoints]) -> Decimal:
    """Return the points of a mark: those of its questions together."""
    return sum((one.points for one in each), Decimal("0.00"))


def _of_submission(session: Session, actor: Actor, submission_id: UUID) -> tuple[UUID, UUID]:
    """Return the quiz and the attempt of work handed in to an intake that this person teaches, held."""
    statement = taught(actor).join(QuizAttempt, QuizAttempt.submission_id == Submission.id)
    statement = statement.where(Submission.id == submission_id).with_for_update(of=Submission)
    row = session.execute(statement.with_only_columns(QuizAttempt.assignment_id, QuizAttempt.id)).one_or_none()
    if row is None:
        raise NotFound
    return row.assignment_id, row.id


def _points(
    questions: Sequence[KnownQuestion], answers: Mapping[UUID, GivenAnswer], command: MarkQuiz
) -> list[QuestionPoints]:
    """Return the points of every question; each short answer needs its own, and no other question takes any."""
    by_hand = {answer.question_id: answer for answer in command.answers}
    short = {question.id for question in questions if question.kind is QuestionKind.SHORT}
    if by_hand.keys() - short:
        raise Invalid("Points are given to short answers alone; those of the others follow from what was chosen.")
    each, problems = [], {}
    for question, worth in counted(questions, answers):
        if worth is not None:
            each.append(QuestionPoints(question.id, worth))
            continue
        given = by_hand.get(question.id)
        if given is None or given.points is None or not _fits(given.points, question.points):
            problems[f"points-{question.id}"] = (
                f"Question {question.position}: a number from 0 to {question.points}, with at most two decimals."
            )
        elif len(given.comment) > LONGEST_COMMENT:
            problems[f"comment-{question.id}"] = f"At most {LONGEST_COMMENT:,} characters."
        else:
            each.append(QuestionPoints(question.id, given.points.quantize(Decimal("0.01")), given.comment))
    if problems:
        raise Invalid("The mark is not saved; what you typed is here.", fields=problems)
    return each


def _fits(points: Decimal, most: int) -> bool:
    return points.is_finite() and 0 <= points <= most and points == points.quantize(Decimal("0.01"))


def _newest(session: Session, submission_id: UUID) -> set[QuestionPoints] | None:
    """Return what the questions gave in the newest mark, None where there is none."""
    newest = select(Grade.id).where(Grade.submission_id == submission_id)
    grade_id = session.scalar(newest.order_by(*NEWEST_FIRST).limit(1))
    if grade_id is None:
        return None
    columns = GradeQuestion.question_id, GradeQuestion.points, GradeQuestion.comment
    rows = session.execute(select(*columns).where(GradeQuestion.grade_id == grade_id))
    return {QuestionPoints(*row) for row in rows}


def _keep(session: Session, grades: Sequence[Grade], each: Sequence[QuestionPoints]) -> None:
    """Write down what the questions gave, with each mark that does not have it yet."""
    session.flush()
    ids = [grade.id for grade in grades]
    known = set(session.scalars(select(GradeQuestion.grade_id).where(GradeQuestion.grade_id.in_(ids)).distinct()))
    rows = [
        {"grade_id": grade_id, "question_id": one.question_id, "points": one.points, "comment": one.comment}
        for grade_id in ids
        if grade_id not in known
        for one in each
    ]
    if rows:
        session.execute(insert(GradeQuestion).values(rows))
