"""What is right is told to no student by any door before the quiz is closed for everybody, and to all of them after."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import AskExtension, Decision, ask_extension, decide_extension
from portal.domain.notifications.models import Notification
from portal.domain.quizzes.handing_in import end_attempt
from portal.domain.quizzes.reading import GivenAnswer, questions_of
from tests.api_v1.conftest import program as program
from tests.cast import Cast, actor
from tests.domain.quizzes.arranging import EXPLANATIONS, begin, hand_in, make_quiz, save
from tests.factories import make_enrolment, make_user, now
from tests.pages import parse

HTMX = {"HX-Request": "true"}


def test_no_door_tells_what_is_right_before_the_quiz_is_closed_for_everybody(
    sign_in: Any, world: Session, cast: Cast, program: Any
) -> None:
    at = now()
    due = at + timedelta(hours=1)
    quiz = make_quiz(world, cast, due_at=due, attempts_allowed=1)
    kwame = make_user(world)
    make_enrolment(world, kwame, cast.intake)
    attempt = begin(world, cast, quiz, at=at)
    first = questions_of(world, quiz.id)[0]
    save(world, cast, attempt, {first.id: GivenAnswer(frozenset({first.options[0].id}))}, at=at)

    def every_answer(moment: datetime) -> list[tuple[str, str]]:
        """Return where Ama looked at a moment, and the whole of what she was sent."""
        with time_machine.travel(moment, tick=False):
            browser, client = sign_in(cast.ama), program(cast.ama)
            own = [f"/student/quiz-attempts/{attempt.id}", f"/student/quiz-attempts/{attempt.id}/hand-in"]
            around = ["/student/", "/student/assignments", "/notifications/"]
            about = [f"/student/assignments/{quiz.id}", f"/student/assignments/{quiz.id}/quiz"]
            receipts = [f"/student/submissions/{attempt.submission_id}/receipt"] if attempt.submission_id else []
            sent = [
                (page, browser.get(page, headers=headers))
                for page in (*own, *around, *about, *receipts)
                for headers in ({}, HTMX)
            ]
            for question in questions_of(world, quiz.id):
                chosen = {f"option-{question.id}": [str(option.id) for option in question.options][:1]}
                address = f"{own[0]}/answers/{question.id}"
                sent += [(address, browser.post(address, data=chosen, headers=headers)) for headers in ({}, HTMX)]
            calls = (f"/assignments/{quiz.id}", "/assignments/my-assignments", "/dashboard/student")
            calls += (f"/quizzes/{quiz.id}", f"/quizzes/attempts/{attempt.id}")
            sent += [(path, client.get(path)) for path in calls]
            path = f"/quizzes/attempts/{attempt.id}/answers/{first.id}"
            sent.append((path, client.post(path, json={"option_ids": [str(first.options[0].id)]})))
        told = [(notification.key, str(notification.data)) for notification in world.scalars(select(Notification))]
        return [(where, answer.text) for where, answer in sent] + told

    def assert_nothing_is_told(moment: datetime) -> None:
        for where, body in every_answer(moment):
            assert not [said for said in EXPLANATIONS if said in body], where
            assert "is_right" not in body, where
            assert "right_option_ids" not in body, where
            assert not parse(body).css(".options .done, .options .late, .explanation"), where

    assert_nothing_is_told(at + timedelta(minutes=1))
    hand_in(world, cast, attempt, at=at + timedelta(minutes=2))
    world.refresh(attempt)
    assert_nothing_is_told(at + timedelta(minutes=3))
    assert_nothing_is_told(due + timedelta(hours=1))  # closed, and more time can still be asked for
    asked = AskExtension(assignment_id=quiz.id, hours=48, reason="The line was down.")
    request = ask_extension(world, actor(kwame), asked, at=due)
    world.commit()
    assert_nothing_is_told(due + timedelta(hours=13))  # a request waits
    decide_extension(world, actor(cast.kofi), Decision(extension_id=request.id, hours=48), at=due)
    world.commit()
    assert_nothing_is_told(due + timedelta(hours=47))  # Kwame can still take it
    begun = begin(world, cast, quiz, by=kwame, at=due + timedelta(hours=47))
    assert_nothing_is_told(due + timedelta(hours=61))  # his attempt was not handed in yet
    end_attempt(world, begun.id, at=due + timedelta(hours=61))
    world.commit()

    bodies = dict(every_answer(due + timedelta(hours=61)))
    page = bodies[f"/student/quiz-attempts/{attempt.id}"]
    assert all(said in page for said in EXPLANATIONS[:3])
    assert len(parse(page).css(".options .done")) == 4
    assert len(parse(page).css(".options .late")) == 1
    assert bodies[f"/quizzes/attempts/{attempt.id}"].count("right_option_ids") == 3


def test_a_trainer_sees_all_of_it_and_a_student_none_by_the_trainers_doors(
    sign_in: Any, world: Session, cast: Cast, program: Any
) -> None:
    quiz = make_quiz(world, cast)
    submission = hand_in(world, cast, begin(world, cast, quiz))
    ama, client = sign_in(cast.ama), program(cast.ama)
    for address in (
        f"/trainer/assignments/{quiz.id}/questions",
        f"/trainer/assignments/{quiz.id}/quiz/preview",
        f"/trainer/assignments/{quiz.id}/quiz/figures",
        f"/trainer/submissions/{submission.id}/answers",
    ):
        assert ama.get(address).status_code == 403
    for path in (f"/quizzes/{quiz.id}/questions", f"/quizzes/submissions/{submission.id}"):
        assert client.get(path).status_code == 403
