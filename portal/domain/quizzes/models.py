"""Quizzes: the questions of an assignment, and what its students answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of


class QuestionKind(StrEnum):
    """How a question is answered."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"
    SHORT = "short"
    """In the student's own words, marked by hand."""


class AttemptState(StrEnum):
    OPEN = "open"
    HANDED_IN = "handed_in"
    DROPPED = "dropped"
    """Its student had left the intake when its time was over."""


class Quiz(Base):
    """How an assignment with questions is taken; without a row there is no time limit, and nothing is shuffled."""

    __tablename__ = "quizzes"

    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    minutes: Mapped[int | None]
    """From the beginning of an attempt; null: until the quiz closes."""
    shuffle: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Each attempt has questions and options in an order of its own."""

    __table_args__ = (CheckConstraint("minutes BETWEEN 1 AND 600", name="minutes"),)


class Question(Base):
    """A question; what it asks and what is right stand still once somebody began (`keep_questions`)."""

    __tablename__ = "quiz_questions"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"))
    position: Mapped[int]
    kind: Mapped[str]
    text: Mapped[str]
    """Markdown."""
    points: Mapped[int]
    explanation: Mapped[str] = mapped_column(server_default="")
    """Markdown; shown with the right answers once the quiz is closed."""

    __table_args__ = (
        one_of("kind", QuestionKind, "kind"),
        CheckConstraint("points BETWEEN 1 AND 1000", name="points"),
        CheckConstraint("position > 0", name="position"),
        UniqueConstraint("assignment_id", "position", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("id", "assignment_id"),
    )


class Option(Base):
    __tablename__ = "quiz_options"

    id: Mapped[PrimaryKey]
    question_id: Mapped[UUID] = mapped_column(ForeignKey("quiz_questions.id", ondelete="CASCADE"))
    position: Mapped[int]
    text: Mapped[str]
    is_right: Mapped[bool]

    __table_args__ = (
        UniqueConstraint("question_id", "id"),
        UniqueConstraint("question_id", "position"),
        CheckConstraint("position > 0", name="position"),
    )


class QuizAttempt(Base):
    """One sitting of a student; handed in it is a submission."""

    __tablename__ = "quiz_attempts"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"))
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), index=True)
    state: Mapped[str] = mapped_column(server_default=AttemptState.OPEN)
    seed: Mapped[int]
    """Of the order of its questions and options; 0: as they were set."""
    began_at: Mapped[datetime]
    minutes: Mapped[int | None]
    """The time limit as it was when this began."""
    ends_at: Mapped[datetime]
    """Nothing is answered after this; it moves later with the student's own dates, never earlier."""
    closed_at: Mapped[datetime | None]
    by_itself: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Whether the portal handed it in when the time was over."""
    submission_id: Mapped[UUID | None] = mapped_column(ForeignKey("submissions.id"), unique=True)

    __table_args__ = (
        one_of("state", AttemptState, "state"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("(state = 'handed_in') = (submission_id IS NOT NULL)", name="submission"),
        CheckConstraint("ends_at >= began_at", name="ends"),
        UniqueConstraint("id", "assignment_id"),
        Index(
            "uq_quiz_attempts_open",
            "enrolment_id",
            "assignment_id",
            unique=True,
            postgresql_where=sql("state = 'open'"),
        ),
        Index("ix_quiz_attempts_ends_at_open", "ends_at", postgresql_where=sql("state = 'open'")),
        Index("ix_quiz_attempts_assignment_id_enrolment_id", "assignment_id", "enrolment_id"),
    )


class Answer(Base):
    """What a student answered to one question of an attempt, as saved last; it stands once that is handed in."""

    __tablename__ = "quiz_answers"

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    assignment_id: Mapped[UUID]
    """That of attempt and question alike, so that no question of another quiz is answered."""
    text: Mapped[str] = mapped_column(server_default="")
    saved_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["attempt_id", "assignment_id"],
            ["quiz_attempts.id", "quiz_attempts.assignment_id"],
            name="fk_quiz_answers_attempt",
        ),
        ForeignKeyConstraint(
            ["question_id", "assignment_id"],
            ["quiz_questions.id", "quiz_questions.assignment_id"],
            name="fk_quiz_answers_question",
        ),
        Index("ix_quiz_answers_attempt_id_assignment_id", "attempt_id", "assignment_id"),
        Index("ix_quiz_answers_question_id_assignment_id", "question_id", "assignment_id"),
    )


class ChosenOption(Base):
    """An option that is chosen in an answer; the key keeps it to the options of its question."""

    __tablename__ = "quiz_chosen_options"

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    option_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (
        ForeignKeyConstraint(
            ["attempt_id", "question_id"],
            ["quiz_answers.attempt_id", "quiz_answers.question_id"],
            name="fk_quiz_chosen_options_answer",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["question_id", "option_id"],
            ["quiz_options.question_id", "quiz_options.id"],
            name="fk_quiz_chosen_options_option",
        ),
        Index("ix_quiz_chosen_options_question_id_option_id", "question_id", "option_id"),
    )


class GradeQuestion(Base):
    """What one question gave in a mark, append-only as the mark itself."""

    __tablename__ = "grade_questions"

    grade_id: Mapped[UUID] = mapped_column(ForeignKey("grades.id"), primary_key=True)
    question_id: Mapped[UUID] = mapped_column(ForeignKey("quiz_questions.id"), primary_key=True, index=True)
    points: Mapped[Decimal] = mapped_column(Numeric(6, 2))
    comment: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (CheckConstraint("points >= 0", name="points"),)
