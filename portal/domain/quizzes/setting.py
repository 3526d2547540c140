"""A quiz as a whole: when and how it is taken, decided together, and putting it away while nobody is at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, CountedAttempt
from portal.domain.assignments.setting import archive_assignment, as_set, edit_assignment, lock_assignment
from portal.domain.errors import Conflict
from portal.domain.permissions import Actor
from portal.domain.quizzes.models import AttemptState, QuizAttempt
from portal.domain.quizzes.questions import SetQuiz, lock_quiz, set_quiz


@dataclass(frozen=True, kw_only=True)
class QuizSettings:
    """When a quiz is taken, how often and for how long, and what it is worth."""

    minutes: int | None
    shuffle: bool
    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None
    attempts_allowed: int | None
    counted_attempt: CountedAttempt
    hold_marks: bool
    points: int


def change_settings(
    session: Session, actor: Actor, quiz_id: UUID, command: QuizSettings, *, at: datetime
) -> Assignment:
    """Decide when and how a quiz is taken; what else was decided about its assignment stays."""
    present = as_set(lock_quiz(session, actor, quiz_id))
    how = SetQuiz(minutes=command.minutes, shuffle=command.shuffle)
    when = {name: value for name, value in vars(command).items() if name not in vars(how)}
    changed = edit_assignment(session, actor, quiz_id, replace(present, **when), at=at)
    set_quiz(session, actor, quiz_id, how, at=at)
    return changed


def put_away(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> Assignment:
    """Archive an assignment; a quiz not while somebody is at it."""
    assignment = lock_assignment(session, actor, assignment_id)
    if number := _number_at_it(session, assignment):
        students = "1 student is" if number == 1 else f"{number} students are"
        raise Conflict(
            f"{students} at this quiz now. Archive it once they have handed in; the portal does that for whoever has "
            "not, soon after their time is over."
        )
    return archive_assignment(session, actor, assignment_id, at=at)


def _number_at_it(session: Session, assignment: Assignment) -> int:
    is_open = QuizAttempt.state == AttemptState.OPEN
    attempts = select(func.count()).where(QuizAttempt.assignment_id == assignment.id, is_open)
    return session.scalar(attempts) or 0
