"""What a student sees of a quiz: how it is taken, an attempt with its questions, and once it is closed what is right.

`attempt_for` reads neither what is right nor an explanation; `solution_of` does, and answers nothing before the close.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, case, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from portal.db import among, read
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.assignments.own_dates import as_away, away_before, away_since, of_extension, own, standing_dates
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.quizzes.closing import answers_are_shown
from portal.domain.quizzes.models import (
    Answer,
    AttemptState,
    ChosenOption,
    GradeQuestion,
    Option,
    Question,
    QuestionKind,
    Quiz,
    QuizAttempt,
)
from portal.domain.quizzes.reading import NOTHING, GivenAnswer, KnownQuestion, questions_of
from portal.domain.quizzes.shuffling import in_order
from portal.domain.quizzes.timing import end_of, given_back, is_over


@dataclass(frozen=True)
class Sitting:
    """An attempt on the list of a student's attempts."""

    id: UUID
    state: str
    began_at: datetime
    submission_id: UUID | None


@dataclass(frozen=True)
class QuizFacts:
    """How a quiz is taken, without any of its questions."""

    minutes: int | None
    shuffle: bool
    questions: int
    short: int
    """How many of them a person marks."""
    kinds: list[str]
    sittings: list[Sitting]
    """This student's attempts, the newest first."""

    @property
    def open(self) -> Sitting | None:
        """The attempt that is under way."""
        return next((sitting for sitting in self.sittings if sitting.state == AttemptState.OPEN), None)


@dataclass(frozen=True)
class AskedOption:
    """An option as it is asked."""

    id: UUID
    text: str


@dataclass(frozen=True)
class AskedQuestion:
    """A question as it is asked."""

    id: UUID
    kind: QuestionKind
    text: str
    points: int
    options: list[AskedOption]


@dataclass(frozen=True)
class AttemptPage:
    """One attempt of a student: what is asked and what was answered so far."""

    id: UUID
    assignment_id: UUID
    title: str
    course: str
    intake: str
    points: int
    state: str
    began_at: datetime
    ends_at: datetime
    """By the student's own dates as they stand, with what was lost because the portal was away."""
    given_back: timedelta
    """By how much it ends later for that; of an attempt that is open."""
    by_itself: bool
    submission_id: UUID | None
    attempt: int | None
    number: str | None
    submitted_at: datetime | None
    questions: list[AskedQuestion]
    """In the order of this attempt, and so their options."""
    answers: dict[UUID, GivenAnswer]

    def answer(self, question_id: UUID) -> GivenAnswer:
        """Return what was answered to a question so far."""
        return self.answers.get(question_id, NOTHING)

    @property
    def unanswered(self) -> list[int]:
        """The numbers, as the page counts them, of the questions without an answer."""
        return [place for place, each in enumerate(self.questions, start=1) if each.id not in self.answers]

    def is_over(self, at: datetime) -> bool:
        """Return whether its time is over and it waits to be handed in."""
        return self.state == AttemptState.OPEN and is_over(self.ends_at, at)


@dataclass(frozen=True)
class Solution:
    """A question with what is right, and what its answer gave once the mark is released."""

    question: KnownQuestion
    points: Decimal | None
    comment: str


def quiz_facts(session: Session, assignment_id: UUID, enrolment_id: UUID) -> QuizFacts | None:
    """Return how a quiz is taken, and this student's attempts; None where the assignment has no questions."""
    row = read(session, _facts(), {"assignment_id": assignment_id, "enrolment_id": enrolment_id}).one()
    if not row.questions:
        return None
    sittings = [
        Sitting(UUID(each), state, datetime.fromisoformat(began_at), UUID(made) if made else None)
        for each, state, began_at, made in row.sittings or ()
    ]
    return QuizFacts(row.minutes, row.shuffle, row.questions, row.short, row.kinds, sittings)


def attempt_for(session: Session, student_id: UUID, attempt_id: UUID) -> AttemptPage:
    """Return an attempt of this student."""
    row = read(session, _attempt(), {"attempt_id": attempt_id, "student_id": student_id}).one_or_none()
    if row is None:
        raise NotFound
    questions = [
        AskedQuestion(
            UUID(each["id"]),
            QuestionKind(each["kind"]),
            each["text"],
            each["points"],
            [AskedOption(UUID(option_id), text) for option_id, text in each["options"] or ()],
        )
        for each in row.questions or ()
    ]
    shown = [
        question
        if question.kind is QuestionKind.TRUE_FALSE
        else AskedQuestion(**(vars(question) | {"options": in_order(question.options, row.seed)}))
        for question in in_order(questions, row.seed)
    ]
    answers = {
        UUID(each["question_id"]): GivenAnswer(frozenset(map(UUID, each["options"] or ())), each["text"])
        for each in row.answers or ()
    }
    parts = _time_of(row) | {"questions": shown, "answers": answers}
    columns = {name: value for name, value in row._mapping.items() if name in _OF_PAGE}
    return AttemptPage(**(columns | parts))


def solution_of(session: Session, page: AttemptPage, at: datetime) -> list[Solution] | None:
    """Return what is right, in the order of the attempt; None before the quiz is closed for everybody."""
    if page.submission_id is None or not answers_are_shown(session, page.assignment_id, at):
        return None
    known = {question.id: question for question in questions_of(session, page.assignment_id)}
    given = {row.question_id: row for row in read(session, _points(), {"submission_id": page.submission_id})}
    return [
        Solution(
            known[question.id],
            given[question.id].points if question.id in given else None,
            given[question.id].comment if question.id in given else "",
        )
        for question in page.questions
    ]


_OF_PAGE = frozenset(field.name for field in fields(AttemptPage))


def _time_of(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """Return when an attempt ends by the dates as they stand; a date that was moved earlier shortens none."""
    if row.state != AttemptState.OPEN:
        return {"ends_at": row.ends_at, "given_back": timedelta()}
    set_dates = Dates(opens_at=None, due_at=row.own_due_at, cut_off_at=row.own_cut_off_at)
    dates = standing_dates(set_dates, row.away)
    closes_at = dates.due_at if row.has_on_time else dates.closes_at
    runs = (row.began_at, row.minutes, closes_at, as_away(row.away_meanwhile))
    return {"ends_at": max(row.ends_at, end_of(*runs)), "given_back": given_back(*runs)}


@cache
def _facts() -> Select[*tuple[Any, ...]]:
    mine = (
        QuizAttempt.assignment_id == bindparam("assignment_id"),
        QuizAttempt.enrolment_id == bindparam("enrolment_id"),
    )
    sitting = func.json_build_array(QuizAttempt.id, QuizAttempt.state, QuizAttempt.began_at, QuizAttempt.submission_id)
    newest_first = aggregate_order_by(sitting, QuizAttempt.began_at.desc())
    of_quiz = Question.assignment_id == bindparam("assignment_id")
    counts = select(
        func.count().label("questions"),
        func.count().filter(Question.kind == QuestionKind.SHORT.value).label("short"),
        func.array_agg(Question.kind.distinct()).label("kinds"),
    )
    counted = counts.where(of_quiz).subquery("counted")
    return (
        select(
            Quiz.minutes,
            func.coalesce(Quiz.shuffle, False).label("shuffle"),
            counted.c.questions,
            counted.c.short,
            counted.c.kinds,
            select(func.json_agg(newest_first)).where(*mine).scalar_subquery().label("sittings"),
        )
        .select_from(counted)
        .outerjoin(Quiz, Quiz.assignment_id == bindparam("assignment_id"))
    )


@cache
def _attempt() -> Select[*tuple[Any, ...]]:
    option = func.json_build_array(Option.id, Option.text)
    options = (
        select(func.json_agg(aggregate_order_by(option, Option.position)))
        .where(Option.question_id == Question.id)
        .correlate(Question)
        .scalar_subquery()
    )
    question = func.json_build_object(
        *("id", Question.id, "kind", Question.kind, "text", Question.text),
        *("points", Question.points, "options", options),
    )
    questions = (
        select(func.json_agg(aggregate_order_by(question, Question.position)))
        .where(Question.assignment_id == QuizAttempt.assignment_id)
        .correlate(QuizAttempt)
        .scalar_subquery()
    )
    chosen = (
        select(func.json_agg(ChosenOption.option_id))
        .where(ChosenOption.attempt_id == Answer.attempt_id, ChosenOption.question_id == Answer.question_id)
        .correlate(Answer)
        .scalar_subquery()
    )
    answer = func.json_build_object("question_id", Answer.question_id, "text", Answer.text, "options", chosen)
    answers = (
        select(func.json_agg(answer))
        .where(Answer.attempt_id == QuizAttempt.id)
        .correlate(QuizAttempt)
        .scalar_subquery()
    )
    work = Submission.__table__.alias("work")
    on_time = exists().where(
        work.c.assignment_id == QuizAttempt.assignment_id,
        work.c.enrolment_id == QuizAttempt.enrolment_id,
        among(work.c.state, HANDED_IN),
        ~work.c.late,
    )
    return (
        select(
            QuizAttempt.id,
            QuizAttempt.assignment_id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Assignment.points,
            QuizAttempt.state,
            QuizAttempt.began_at,
            QuizAttempt.ends_at,
            QuizAttempt.by_itself,
            QuizAttempt.submission_id,
            Submission.attempt,
            Submission.number,
            Submission.submitted_at,
            QuizAttempt.minutes,
            QuizAttempt.seed,
            own(Assignment.due_at).label("own_due_at"),
            own(Assignment.cut_off_at).label("own_cut_off_at"),
            away_before(own(Assignment.due_at)).label("away"),
            case((QuizAttempt.state == AttemptState.OPEN.value, away_since(QuizAttempt.began_at))).label(
                "away_meanwhile"
            ),
            on_time.correlate(QuizAttempt).label("has_on_time"),
            questions.label("questions"),
            answers.label("answers"),
        )
        .select_from(QuizAttempt)
        .join(Enrolment, Enrolment.id == QuizAttempt.enrolment_id)
        .join(Assignment, Assignment.id == QuizAttempt.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .outerjoin(ExtendedDate, of_extension())
        .outerjoin(Submission, Submission.id == QuizAttempt.submission_id)
        .where(QuizAttempt.id == bindparam("attempt_id"), Enrolment.user_id == bindparam("student_id"))
    )


@cache
def _points() -> Select[*tuple[Any, ...]]:
    """What each question gave in the newest mark that was released."""
    newest = (
        select(Grade.id)
        .where(Grade.submission_id == bindparam("submission_id"), Grade.released_at.is_not(None))
        .order_by(*NEWEST_FIRST)
        .limit(1)
        .scalar_subquery()
    )
    return select(GradeQuestion.question_id, GradeQuestion.points, GradeQuestion.comment).where(
        GradeQuestion.grade_id == newest
    )
