"""The rules of `portal check` about quizzes: one that is taken keeps them, and whoever breaks one is noticed."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from portal.keeping.invariants import Look, check
from tests.domain.quizzes.arranging import begin, hand_in, make_quiz, right_answers, save
from tests.factories import now
from tests.keeping.at_work import World
from tests.keeping.at_work import arranged as arranged
from tests.keeping.at_work import live_template as live_template
from tests.keeping.at_work import world as world

# The rule, what is planted, and a part of what is said.
PLANTED: list[tuple[str, list[str], str]] = [
    (
        "every_quiz_handed_in_is_its_submission",
        [
            "UPDATE quiz_attempts SET submission_id = "
            "(SELECT id FROM submissions s WHERE s.assignment_id <> quiz_attempts.assignment_id LIMIT 1) "
            "WHERE state = 'handed_in'"
        ],
        "is not its submission",
    ),
    (
        "nobody_has_two_open_attempts",
        [
            "DROP INDEX uq_quiz_attempts_open",
            "UPDATE quiz_attempts SET state = 'open', closed_at = NULL, submission_id = NULL",
        ],
        "has 2 open attempts",
    ),
    (
        "no_quiz_stays_open_after_its_end",
        ["UPDATE quiz_attempts SET began_at = began_at - interval '1 day', ends_at = now() - interval '11 minutes'"],
        "should have ended",
    ),
    (
        "no_answer_was_saved_outside_its_attempt",
        ["UPDATE quiz_answers SET saved_at = saved_at + interval '31 minutes'"],
        "was saved at",
    ),
    ("every_quiz_is_worth_its_questions", ["DELETE FROM quiz_questions WHERE position = 1"], "and they are worth 4"),
    ("every_mark_of_a_quiz_adds_up", ["UPDATE grade_questions SET points = 0.50"], "and its questions 1.50"),
    ("every_mark_of_a_quiz_adds_up", ["UPDATE quiz_questions SET points = 1"], "of its 1 points"),
]


@pytest.fixture
def quizzed(world: World) -> World:
    """A portal in which Ama handed one attempt at a quiz in and has begun another."""
    with Session(world.engine, expire_on_commit=False) as session:
        quiz = make_quiz(session, world.cast)
        attempt = begin(session, world.cast, quiz)
        save(session, world.cast, attempt, right_answers(session, quiz))
        hand_in(session, world.cast, attempt)
        begin(session, world.cast, quiz)
    return world


def test_a_quiz_that_is_taken_keeps_every_rule(quizzed: World) -> None:
    answers = {answer.invariant.name: answer.found for answer in check(Look(quizzed.storage, now()))}
    for name, looked_at in (
        ("every_quiz_handed_in_is_its_submission", 1),
        ("nobody_has_two_open_attempts", 1),
        ("no_quiz_stays_open_after_its_end", 1),
        ("no_answer_was_saved_outside_its_attempt", 3),
        ("every_quiz_is_worth_its_questions", 1),
        ("every_mark_of_a_quiz_adds_up", 1),
    ):
        assert (answers[name].holds, answers[name].looked_at) == (True, looked_at), name


@pytest.mark.parametrize("rule, planted, said", PLANTED)
def test_what_breaks_a_rule_is_noticed(quizzed: World, rule: str, planted: list[str], said: str) -> None:
    quizzed.plant(*planted)
    assert said in quizzed.broken()[rule]
