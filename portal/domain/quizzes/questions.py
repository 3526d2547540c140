"""Setting a quiz: its questions and how it is taken, changed by its trainer until somebody begins.

What is asked and what is right stand still from then on, for everybody alike; an explanation may still be written.
Of a published quiz the points follow its questions, so that the two always agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, cast, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import changed, uuid7
from portal.domain.assignments.models import Assignment, AssignmentState, AssignmentType, Submission
from portal.domain.assignments.setting import MOST_POINTS, lock_assignment
from portal.domain.audit import operations as audit
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor
from portal.domain.quizzes.models import Option, Question, QuestionKind, Quiz, QuizAttempt
from portal.domain.quizzes.points import problem_of_options

MOST_QUESTIONS, MOST_OPTIONS = 100, 10
MOST_MINUTES = 600
LONGEST_QUESTION = 5_000  # characters
LONGEST_OPTION = 500
LONGEST_EXPLANATION = 5_000

BEGUN = "Somebody has begun this quiz, so what is asked and what is right cannot change any more, for nobody."
NO_QUIZ = "Only an assignment of the kind “quiz” has questions. Change its kind first."


@dataclass(frozen=True, kw_only=True)
class SetOption:
    """An option as a trainer writes it."""

    text: str
    is_right: bool = False


@dataclass(frozen=True, kw_only=True)
class SetQuestion:
    """A question as a trainer writes it."""

    kind: QuestionKind
    text: str
    points: int
    options: tuple[SetOption, ...] = ()
    """In their order; none for a short answer. Of a true/false question: “True”, then “False”."""
    explanation: str = ""


@dataclass(frozen=True, kw_only=True)
class SetQuiz:
    """How a quiz is taken."""

    minutes: int | None = None
    """From the beginning of an attempt; None: until it closes."""
    shuffle: bool = False


def true_or_false(is_true: bool) -> tuple[SetOption, SetOption]:
    """Return the options of a true/false question."""
    return SetOption(text="True", is_right=is_true), SetOption(text="False", is_right=not is_true)


def set_quiz(session: Session, actor: Actor, assignment_id: UUID, command: SetQuiz, *, at: datetime) -> None:
    """Decide how a quiz is taken; whoever has begun already keeps the time they were given."""
    if command.minutes is not None and not 1 <= command.minutes <= MOST_MINUTES:
        raise Invalid("Please check the time.", fields={"minutes": f"Between 1 and {MOST_MINUTES} minutes, or empty."})
    assignment = lock_quiz(session, actor, assignment_id)
    values = asdict(command)
    statement = insert(Quiz).values(assignment_id=assignment.id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["assignment_id"], set_=values))
    audit.record(session, actor, "quiz:set", assignment, after=values, at=at)
    changed(session, "assignments")


def add_question(
    session: Session, actor: Actor, assignment_id: UUID, command: SetQuestion, *, at: datetime
) -> Question:
    """Return a further question of a quiz, after the others."""
    _check(command)
    assignment = _lock_unbegun(session, actor, assignment_id)
    last = select(func.count(), func.coalesce(func.max(Question.position), 0))
    number, place = session.execute(last.where(Question.assignment_id == assignment.id)).one()
    if number >= MOST_QUESTIONS:
        raise Conflict(f"A quiz has at most {MOST_QUESTIONS} questions.")
    question = Question(
        id=uuid7(),
        assignment_id=assignment.id,
        position=place + 1,
        kind=command.kind,
        text=command.text,
        points=command.points,
        explanation=command.explanation,
    )
    session.add(question)
    session.flush()
    _add_options(session, question, command.options)
    _count_points(session, assignment)
    audit.record(session, actor, "quiz:add-question", question, after=asdict(command), at=at)
    return question


def edit_question(
    session: Session, actor: Actor, assignment_id: UUID, question_id: UUID, command: SetQuestion, *, at: datetime
) -> Question:
    """Change a question, with all its options."""
    _check(command)
    assignment = _lock_unbegun(session, actor, assignment_id)
    question = _question(session, assignment, question_id)
    before = {"text": question.text, "points": question.points, "explanation": question.explanation}
    question.kind, question.text, question.points = command.kind, command.text, command.points
    question.explanation = command.explanation
    session.flush()
    session.execute(delete(Option).where(Option.question_id == question.id))
    _add_options(session, question, command.options)
    _count_points(session, assignment)
    audit.record(session, actor, "quiz:edit-question", question, before=before, after=asdict(command), at=at)
    return question


def explain_question(
    session: Session, actor: Actor, assignment_id: UUID, question_id: UUID, explanation: str, *, at: datetime
) -> Question:
    """Write what is shown once the quiz is closed; that may be done at any time."""
    if len(explanation) > LONGEST_EXPLANATION:
        raise Invalid("That is too long.", fields={"explanation": f"At most {LONGEST_EXPLANATION:,} characters."})
    assignment = lock_quiz(session, actor, assignment_id)
    question = _question(session, assignment, question_id)
    before, question.explanation = question.explanation, explanation
    said = {"explanation": explanation}
    audit.record(session, actor, "quiz:explain", question, before={"explanation": before}, after=said, at=at)
    return question


def remove_question(session: Session, actor: Actor, assignment_id: UUID, question_id: UUID, *, at: datetime) -> None:
    """Take a question away; those after it move up."""
    assignment = _lock_unbegun(session, actor, assignment_id)
    question = _question(session, assignment, question_id)
    others = _in_order(session, assignment, without=question_id)
    if not others and assignment.state == AssignmentState.PUBLISHED:
        raise Conflict("A published quiz keeps at least one question.")
    gone = {"text": question.text, "points": question.points}
    session.execute(delete(Question).where(Question.id == question.id))
    session.expunge(question)
    _place(session, others)
    _count_points(session, assignment)
    subject = ("quiz_questions", question_id)
    audit.record(session, actor, "quiz:remove-question", subject, before=gone, at=at)


def move_question(
    session: Session, actor: Actor, assignment_id: UUID, question_id: UUID, to: int, *, at: datetime
) -> None:
    """Put a question at a place among the others: 1 is the first."""
    assignment = _lock_unbegun(session, actor, assignment_id)
    question = _question(session, assignment, question_id)
    others = list(_in_order(session, assignment, without=question_id))
    place = max(1, min(to, len(others) + 1))
    before = question.position
    others.insert(place - 1, question_id)
    _place(session, others)
    moved = {"position": place}
    audit.record(session, actor, "quiz:move-question", question, before={"position": before}, after=moved, at=at)


def take_points_of_questions(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> Assignment:
    """Have a quiz be worth what its questions are worth together."""
    assignment = _lock_unbegun(session, actor, assignment_id)
    if assignment.question_points is None:
        raise Conflict("This quiz has no questions yet.")
    before, assignment.points = assignment.points, assignment.question_points
    after = {"points": assignment.points}
    audit.record(session, actor, "assignment:edit", assignment, before={"points": before}, after=after, at=at)
    changed(session, "assignments", "submissions")
    return assignment


def _check(command: SetQuestion) -> None:
    """Refuse what cannot be meant, each beside its field."""
    problems: dict[str, str] = {}
    if not 1 <= len(command.text) <= LONGEST_QUESTION:
        problems["text"] = f"Write the question, in at most {LONGEST_QUESTION:,} characters."
    if not 1 <= command.points <= MOST_POINTS:
        problems["points"] = f"Between 1 and {MOST_POINTS} points."
    if len(command.explanation) > LONGEST_EXPLANATION:
        problems["explanation"] = f"At most {LONGEST_EXPLANATION:,} characters."
    if len(command.options) > MOST_OPTIONS:
        problems["options"] = f"At most {MOST_OPTIONS} options."
    elif not all(1 <= len(option.text) <= LONGEST_OPTION for option in command.options):
        problems["options"] = f"Each option needs a text of at most {LONGEST_OPTION} characters."
    elif len({option.text for option in command.options}) < len(command.options):
        problems["options"] = "Two options say the same."
    elif problem := problem_of_options(command.kind, (option.is_right for option in command.options)):
        problems["options"] = problem
    elif command.kind is QuestionKind.TRUE_FALSE and [o.text for o in command.options] != ["True", "False"]:
        problems["options"] = "The options are True and False, in this order."
    if problems:
        raise Invalid("Please check the question.", fields=problems)


def lock_quiz(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return a quiz of an intake this person teaches, held."""
    assignment = lock_assignment(session, actor, assignment_id)
    if assignment.assignment_type != AssignmentType.QUIZ:
        raise Conflict(NO_QUIZ)
    if assignment.state == AssignmentState.ARCHIVED:
        raise Conflict("This quiz is archived: it stays as it was.")
    return assignment


def _lock_unbegun(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return the quiz, held: whoever begins waits until this is done, and whoever has begun keeps it from changing."""
    assignment = lock_quiz(session, actor, assignment_id)
    if assignment.rubric_version_id is not None:
        raise Conflict("This quiz has a rubric. It is marked by its questions: choose “None” as its rubric first.")
    if session.scalar(select(exists().where(QuizAttempt.assignment_id == assignment.id))):
        raise Conflict(BEGUN)
    if session.scalar(select(exists().where(Submission.assignment_id == assignment.id))):
        raise Conflict("Work was handed in here without questions. Set a new quiz for them.")
    return assignment


def _question(session: Session, assignment: Assignment, question_id: UUID) -> Question:
    statement = select(Question).where(Question.id == question_id, Question.assignment_id == assignment.id)
    question = session.scalar(statement.execution_options(populate_existing=True))
    if question is None:
        raise NotFound
    return question


def _add_options(session: Session, question: Question, options: Sequence[SetOption]) -> None:
    session.add_all(
        Option(id=uuid7(), question_id=question.id, position=place, text=option.text, is_right=option.is_right)
        for place, option in enumerate(options, start=1)
    )
    session.flush()


def _in_order(session: Session, assignment: Assignment, *, without: UUID) -> Sequence[UUID]:
    statement = select(Question.id).where(Question.assignment_id == assignment.id, Question.id != without)
    return session.scalars(statement.order_by(Question.position)).all()


def _place(session: Session, question_ids: Sequence[UUID]) -> None:
    placed = (
        func.unnest(cast(list(question_ids), ARRAY(Uuid))).table_valued("id", with_ordinality="place").render_derived()
    )
    statement = update(Question).where(Question.id == placed.c.id, Question.position != placed.c.place)
    session.execute(statement.values(position=placed.c.place).execution_options(synchronize_session=False))


def _count_points(session: Session, assignment: Assignment) -> None:
    """Write down what the questions are worth now; a published quiz is worth the same."""
    worth = session.scalar(select(func.sum(Question.points)).where(Question.assignment_id == assignment.id))
    if worth is not None and worth > MOST_POINTS:
        raise Invalid(
            "Please check the question.",
            fields={"points": f"With this the quiz would be worth {worth} points; it can have {MOST_POINTS}."},
        )
    assignment.question_points = worth
    if worth is not None and assignment.state == AssignmentState.PUBLISHED:
        assignment.points = worth
    session.flush()
    changed(session, "assignments", "submissions")
