"""What a rule of quizzes forbids their trainer it forbids on the page and to a program alike, in the same words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment
from portal.domain.quizzes.questions import BEGUN, add_question
from tests.api_v1.conftest import program as program
from tests.api_v1.doors import ARCHIVE, NOTHING_HERE, Rule, Stage, assert_refused_alike
from tests.api_v1.quiz_doors import (
    ADD_QUESTION,
    CHANGE_QUESTION,
    CHANGE_SETTINGS,
    EXPLAIN,
    MOVE_QUESTION,
    REMOVE_QUESTION,
)
from tests.cast import Cast
from tests.domain.assignments.arranging import actor
from tests.domain.quizzes import arranging
from tests.factories import now

DAY = timedelta(days=1)
QUIZ = {"assignment_type": "quiz"}


def asked(stage: Stage) -> None:
    """Have Kofi ask one question of each kind that is counted, of six points together."""
    for question in arranging.COUNTED:
        add_question(stage.world, actor(stage.cast.kofi), stage.assignment.id, question, at=now())
    stage.world.commit()


def one_asked(stage: Stage) -> None:
    add_question(stage.world, actor(stage.cast.kofi), stage.assignment.id, arranging.SINGLE, at=now())
    stage.world.commit()


def begun(stage: Stage) -> None:
    arranging.begin(stage.world, stage.cast, stage.assignment)


def answered(stage: Stage) -> None:
    """Have Ama hand in with a question that waits for its mark."""
    add_question(stage.world, actor(stage.cast.kofi), stage.assignment.id, arranging.SHORT, at=now())
    attempt = arranging.begin(stage.world, stage.cast, stage.assignment)
    arranging.hand_in(stage.world, stage.cast, attempt)


def archived(stage: Stage) -> None:
    stage.world.execute(update(Assignment).values(state="archived"))
    stage.world.commit()


def question(*options: tuple[str, bool], kind: str = "single", **more: Any) -> dict[str, Any]:
    typed = [{"text": text, "is_right": is_right} for text, is_right in options]
    return {"kind": kind, "text": "Which?", "points": 2, "options": typed, **more}


GOOD = question(("A", True), ("B", False))

RULES = [
    # once somebody has begun
    Rule("a further question", ADD_QUESTION, 409, BEGUN, QUIZ, (asked, begun), GOOD),
    Rule("another question", CHANGE_QUESTION, 409, BEGUN, QUIZ, (asked, begun), GOOD),
    Rule("another order", MOVE_QUESTION, 409, BEGUN, QUIZ, (asked, begun), {"position": 3}),
    Rule("a question less", REMOVE_QUESTION, 409, BEGUN, QUIZ, (asked, begun)),
    Rule("another question after handing in", CHANGE_QUESTION, 409, BEGUN, QUIZ, (asked, answered), GOOD),
    # what a question needs
    Rule("nothing asked", ADD_QUESTION, 422, "Write the question", QUIZ, sent=GOOD | {"text": " "}),
    Rule("a question without end", ADD_QUESTION, 422, "Use at most 5,000 characters.", QUIZ,
         sent=GOOD | {"text": "a" * 5001}),
    Rule("nothing to choose", ADD_QUESTION, 422, "options", QUIZ, sent=question()),
    Rule("two that are right where one is", ADD_QUESTION, 422, "exactly one", QUIZ,
         sent=question(("A", True), ("B", True))),
    Rule("none that is right", CHANGE_QUESTION, 422, "exactly one", QUIZ, (asked,),
         question(("A", False), ("B", False))),
    Rule("two that say the same", ADD_QUESTION, 422, "Two options say the same.", QUIZ,
         sent=question(("A", True), ("A", False))),
    Rule("an option without end", ADD_QUESTION, 422, "Use at most 500 characters.", QUIZ,
         sent=question(("A", True), ("b" * 501, False))),
    Rule("no points", ADD_QUESTION, 422, "", QUIZ, sent=GOOD | {"points": 0}),
    Rule("more points than a quiz has", ADD_QUESTION, 422, "With this the quiz would be worth 1006 points", QUIZ,
         (asked,), GOOD | {"points": 1000}),
    Rule("a question to homework", ADD_QUESTION, 404, NOTHING_HERE, sent=GOOD),
    Rule("the last question of a published quiz", REMOVE_QUESTION, 409, "A published quiz keeps at least one question.",
         QUIZ, (one_asked,)),
    Rule("an explanation without end", EXPLAIN, 422, "At most 5,000 characters.", QUIZ, (asked, begun),
         {"explanation": "a" * 5001}),
    # when and how it is taken
    Rule("no time at all", CHANGE_SETTINGS, 422, "Between 1 and 600 minutes", QUIZ, (asked,), {"minutes": 0}),
    Rule("days of time", CHANGE_SETTINGS, 422, "Between 1 and 600 minutes", QUIZ, (asked,), {"minutes": 601}),
    Rule("no attempt at all", CHANGE_SETTINGS, 422, "Between 1 and 1000 attempts", QUIZ, (asked,),
         {"attempts_allowed": 0}),
    Rule("closing before it opens", CHANGE_SETTINGS, 422, "It has to open before it is due.", QUIZ, (asked,),
         {"opens_at": now() + 2 * DAY, "due_date": now() + DAY}),
    Rule("cut off before it is due", CHANGE_SETTINGS, 422, "until a moment after the due date", QUIZ, (asked,),
         {"due_date": now() + 2 * DAY, "cut_off_at": now() + DAY}),
    Rule("other points than its questions have", CHANGE_SETTINGS, 422, "Its questions are worth 6 points together.",
         QUIZ, (asked,), {"max_points": 7}),
    Rule("attempts without number", CHANGE_SETTINGS, 422, "Between 1 and 1000 attempts", QUIZ, (asked,),
         {"attempts_allowed": 10**12}),
    # what was put away
    Rule("a question to an archived quiz", ADD_QUESTION, 409, "This quiz is archived", QUIZ, (asked, archived), GOOD),
    Rule("the time of an archived quiz", CHANGE_SETTINGS, 409, "This quiz is archived", QUIZ, (asked, archived),
         {"minutes": 5}),
    Rule("why, in an archived quiz", EXPLAIN, 409, "This quiz is archived", QUIZ, (asked, archived),
         {"explanation": "Because."}),
    Rule("putting away while somebody is at it", ARCHIVE, 409, "1 student is at this quiz now.", QUIZ, (asked, begun)),
    Rule("putting away what waits for a mark", ARCHIVE, 409, "still waits for its mark", QUIZ, (asked, answered)),
    Rule("putting away twice", ARCHIVE, 409, "", QUIZ, (asked, archived)),
    # by a trainer elsewhere
    Rule("a question elsewhere", ADD_QUESTION, 404, NOTHING_HERE, QUIZ, (asked,), GOOD, "yaw"),
    Rule("another's question", CHANGE_QUESTION, 404, NOTHING_HERE, QUIZ, (asked,), GOOD, "yaw"),
    Rule("another's order", MOVE_QUESTION, 404, NOTHING_HERE, QUIZ, (asked,), {"position": 1}, "yaw"),
    Rule("a question less elsewhere", REMOVE_QUESTION, 404, NOTHING_HERE, QUIZ, (asked,), who="yaw"),
    Rule("why, elsewhere", EXPLAIN, 404, NOTHING_HERE, QUIZ, (asked,), {"explanation": "Because."}, "yaw"),
    Rule("the time elsewhere", CHANGE_SETTINGS, 404, NOTHING_HERE, QUIZ, (asked,), {"attempts_allowed": 5}, "yaw"),
    Rule("putting away elsewhere", ARCHIVE, 404, NOTHING_HERE, QUIZ, (asked,), who="yaw"),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=[rule.what for rule in RULES])
def test_page_and_program_are_refused_alike(world: Session, cast: Cast, sign_in: Any, program: Any, rule: Rule) -> None:
    assert_refused_alike(rule, world, cast, sign_in, program)
