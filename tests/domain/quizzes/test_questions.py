"""Setting a quiz: what a question must have, how places and points follow, and what stands once somebody began."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.assignments.setting import publish_assignment
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.quizzes.models import QuestionKind
from portal.domain.quizzes.questions import (
    MOST_OPTIONS,
    SetOption,
    SetQuestion,
    SetQuiz,
    add_question,
    edit_question,
    explain_question,
    move_question,
    remove_question,
    set_quiz,
    take_points_of_questions,
    true_or_false,
)
from portal.domain.quizzes.reading import questions_of
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in
from tests.domain.quizzes.arranging import MULTIPLE, SHORT, SINGLE, TRUE_FALSE, begin, make_quiz
from tests.factories import make_assignment, make_rubric, now

A, B = SetOption(text="A", is_right=True), SetOption(text="B")


@pytest.mark.parametrize(
    "wrong, field",
    [
        (replace(SINGLE, text=""), "text"),
        (replace(SINGLE, text="x" * 5001), "text"),
        (replace(SINGLE, points=0), "points"),
        (replace(SINGLE, points=1001), "points"),
        (replace(SINGLE, explanation="x" * 5001), "explanation"),
        (replace(SINGLE, options=(A,)), "options"),
        (replace(SINGLE, options=(A, replace(B, is_right=True))), "options"),
        (replace(SINGLE, options=(A, replace(B, text=""))), "options"),
        (replace(SINGLE, options=(A, replace(A, is_right=False))), "options"),
        (replace(SINGLE, options=(A, replace(B, text="x" * 501))), "options"),
        (replace(MULTIPLE, options=(B, replace(B, text="C"))), "options"),
        (
            replace(MULTIPLE, options=tuple(SetOption(text=str(n), is_right=True) for n in range(MOST_OPTIONS + 1))),
            "options",
        ),
        (replace(TRUE_FALSE, options=(A, B)), "options"),
        (replace(TRUE_FALSE, options=true_or_false(True)[::-1]), "options"),
        (replace(SHORT, options=(A, B)), "options"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused_beside_its_field(
    world: Session, cast: Cast, wrong: SetQuestion, field: str
) -> None:
    quiz = make_quiz(world, cast, (SINGLE,), state="draft")
    with pytest.raises(Invalid) as refusal:
        add_question(world, actor(cast.kofi), quiz.id, wrong, at=now())
    assert set(refusal.value.fields) == {field}
    world.rollback()


def test_places_follow_each_other_whatever_is_moved_or_removed(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE, MULTIPLE, TRUE_FALSE, SHORT), state="draft")
    kofi, ids = actor(cast.kofi), [each.id for each in questions_of(world, quiz.id)]

    def order() -> list[int]:
        world.commit()
        found = questions_of(world, quiz.id)
        assert [each.position for each in found] == list(range(1, len(found) + 1))
        return [ids.index(each.id) for each in found]

    move_question(world, kofi, quiz.id, ids[3], 1, at=now())
    assert order() == [3, 0, 1, 2]
    move_question(world, kofi, quiz.id, ids[0], 99, at=now())
    assert order() == [3, 1, 2, 0]
    move_question(world, kofi, quiz.id, ids[0], -5, at=now())
    assert order() == [0, 3, 1, 2]
    remove_question(world, kofi, quiz.id, ids[3], at=now())
    assert order() == [0, 1, 2]
    assert quiz.question_points == 6


def test_a_draft_is_published_once_its_points_are_those_of_its_questions(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE,), state="draft", points=10, published_at=None)
    empty = make_assignment(world, cast.intake, cast.kofi, assignment_type="quiz", state="draft", published_at=None)
    world.commit()
    for each, words in ((quiz, "worth 2 points together, and the quiz 10"), (empty, "no questions yet")):
        with pytest.raises(Invalid, match=words):
            publish_assignment(world, actor(cast.kofi), each.id, at=now())
        world.rollback()
    with pytest.raises(IntegrityError, match="ck_assignments_question_points"):
        world.execute(text("UPDATE assignments SET state = 'published' WHERE question_points IS NOT NULL"))
    world.rollback()
    take_points_of_questions(world, actor(cast.kofi), quiz.id, at=now())
    publish_assignment(world, actor(cast.kofi), quiz.id, at=now())
    world.commit()
    add_question(world, actor(cast.kofi), quiz.id, SHORT, at=now())
    world.commit()
    world.refresh(quiz)
    assert (quiz.points, quiz.question_points) == (6, 6)


def test_a_published_quiz_keeps_a_question_and_none_is_worth_too_much(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE,))
    only = questions_of(world, quiz.id)[0]
    with pytest.raises(Conflict, match="at least one question"):
        remove_question(world, actor(cast.kofi), quiz.id, only.id, at=now())
    world.rollback()
    with pytest.raises(Invalid) as refusal:
        add_question(world, actor(cast.kofi), quiz.id, replace(SHORT, points=999), at=now())
    assert "1001 points" in refusal.value.fields["points"]
    world.rollback()


def test_only_a_quiz_without_a_rubric_and_without_plain_work_has_questions(world: Session, cast: Cast) -> None:
    rubric = make_rubric(world, cast.kofi)
    version = world.execute(
        text("SELECT id FROM rubric_versions WHERE rubric_id = :id"), {"id": rubric.id}
    ).scalar_one()
    homework = make_assignment(world, cast.intake, cast.kofi)
    by_rubric = make_assignment(
        world, cast.intake, cast.kofi, assignment_type="quiz", state="draft", rubric_version_id=version
    )
    on_paper = make_assignment(world, cast.intake, cast.kofi, assignment_type="quiz")
    archived = make_assignment(world, cast.intake, cast.kofi, assignment_type="quiz", state="archived")
    world.commit()
    hand_in(world, cast, on_paper)
    for assignment, words in (
        (homework, "Only an assignment of the kind"),
        (by_rubric, "has a rubric"),
        (on_paper, "handed in here without questions"),
        (archived, "is archived"),
    ):
        with pytest.raises(Conflict, match=words):
            add_question(world, actor(cast.kofi), assignment.id, SINGLE, at=now())
        world.rollback()


def test_what_is_asked_and_what_is_right_stand_once_somebody_began(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE, SHORT))
    begin(world, cast, quiz)
    kofi, question = actor(cast.kofi), questions_of(world, quiz.id)[0]
    for change in (
        lambda: add_question(world, kofi, quiz.id, SHORT, at=now()),
        lambda: edit_question(world, kofi, quiz.id, question.id, SINGLE, at=now()),
        lambda: remove_question(world, kofi, quiz.id, question.id, at=now()),
        lambda: move_question(world, kofi, quiz.id, question.id, 2, at=now()),
    ):
        with pytest.raises(Conflict, match="Somebody has begun"):
            change()
        world.rollback()
    for statement in (
        "UPDATE quiz_questions SET text = 'Another?'",
        "DELETE FROM quiz_questions WHERE kind = 'short'",
        "UPDATE quiz_options SET is_right = NOT is_right",
        "DELETE FROM quiz_options",
    ):
        with pytest.raises(IntegrityError, match="somebody has begun"):
            world.execute(text(statement))
        world.rollback()
    explain_question(world, kofi, quiz.id, question.id, "Because.", at=now())
    world.commit()
    assert questions_of(world, quiz.id)[0].explanation == "Because."


def test_questions_are_written_by_the_trainers_of_the_intake_alone(world: Session, cast: Cast) -> None:
    quiz, other = make_quiz(world, cast, (SINGLE,)), make_quiz(world, cast, (SINGLE,))
    of_other = questions_of(world, other.id)[0].id
    with pytest.raises(NotFound):
        add_question(world, actor(cast.yaw), quiz.id, SINGLE, at=now())
    world.rollback()
    with pytest.raises(NotFound):
        edit_question(world, actor(cast.kofi), quiz.id, of_other, SINGLE, at=now())
    world.rollback()


@pytest.mark.parametrize("minutes, fits", [(None, True), (1, True), (600, True), (0, False), (601, False)])
def test_a_time_limit_is_some_minutes_or_none(world: Session, cast: Cast, minutes: int | None, fits: bool) -> None:
    quiz = make_quiz(world, cast, (SINGLE,))
    if fits:
        set_quiz(world, actor(cast.kofi), quiz.id, SetQuiz(minutes=minutes), at=now())
        world.commit()
        assert begin(world, cast, quiz).ends_at <= quiz.due_at
        return
    with pytest.raises(Invalid):
        set_quiz(world, actor(cast.kofi), quiz.id, SetQuiz(minutes=minutes), at=now() + timedelta())
    world.rollback()


def test_every_kind_of_question_can_be_edited_into_its_kind(world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (SINGLE, MULTIPLE), state="draft")
    first = questions_of(world, quiz.id)[0]
    edit_question(world, actor(cast.kofi), quiz.id, first.id, TRUE_FALSE, at=now())
    world.commit()
    changed = questions_of(world, quiz.id)[0]
    assert (changed.kind, len(changed.options), changed.points) == (QuestionKind.TRUE_FALSE, 2, 1)
    assert quiz.question_points == 4
