"""Whoever was cut off by an outage of ours sees the lost minutes of a quiz come back, on the page and in a program."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission
from portal.domain.quizzes.reading import questions_of
from portal.domain.watch.models import Outage
from tests.api_v1.conftest import assert_refused
from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.domain.quizzes.arranging import begin, make_quiz
from tests.factories import now
from tests.pages import parse, words

MINUTE = timedelta(minutes=1)
HTMX = {"HX-Request": "true"}


def test_the_time_left_counts_no_minute_in_which_the_portal_was_away(
    sign_in: Any, world: Session, cast: Cast, program: Any
) -> None:
    began = now() - 35 * MINUTE
    attempt = begin(world, cast, quiz := make_quiz(world, cast, minutes=30), at=began)
    world.add(Outage(since=began + 10 * MINUTE, until=began + 17.5 * MINUTE))
    world.commit()
    ends_at = began + 37.5 * MINUTE
    own, question = f"/student/quiz-attempts/{attempt.id}", questions_of(world, quiz.id)[0]
    ama, client = sign_in(cast.ama), program(cast.ama)
    for page in (own, f"{own}/hand-in"):
        shown = parse(ama.get(page)).css_first("[data-ends-at]")
        assert datetime.fromisoformat(shown.attributes["data-ends-at"]) == ends_at
        assert "away meanwhile, so this is 8 minutes later" in words(shown)
    told = client.get(f"/quizzes/attempts/{attempt.id}").get_json()["data"]
    assert (told["status"], datetime.fromisoformat(told["ends_at"])) == ("open", ends_at)
    saved = ama.post(f"{own}/answers/{question.id}", data={f"option-{question.id}": []}, headers=HTMX)
    event = json.loads(saved.headers["HX-Trigger"])["quiz:save"]
    assert datetime.fromisoformat(event["ends_at"]) == ends_at, "the open page learns of it"
    with time_machine.travel(ends_at + MINUTE, tick=False):
        assert_refused(program(cast.ama).post(f"/quizzes/attempts/{attempt.id}/answers/{question.id}", json={}), 409)
        page = words(sign_in(cast.ama).get(own))
    assert "the portal handed in what you had saved" in page
    assert world.scalars(select(Submission.submitted_at)).all() == [ends_at]


def test_nothing_is_said_of_an_outage_that_cost_no_time(sign_in: Any, world: Session, cast: Cast) -> None:
    began = now()
    attempt = begin(world, cast, make_quiz(world, cast, minutes=30), at=began)
    world.add(Outage(since=began - 20 * MINUTE, until=began))
    world.commit()
    assert "away" not in words(parse(sign_in(cast.ama).get(f"/student/quiz-attempts/{attempt.id}")).css_first("main"))
