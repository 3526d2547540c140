"""A worker is killed after the act and before its answer is kept: the call that comes again does nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.domain.assignments.extension_models import Extension
from portal.domain.assignments.models import AssignmentType
from portal.domain.assignments.rubric_models import Rubric, RubricVersion
from portal.domain.quizzes.models import Question
from portal.web import idempotency
from portal.web.idempotency import TAKEOVER_SECONDS, IdempotentRequest
from tests.api_v1.conftest import Program
from tests.cast import Cast
from tests.factories import make_assignment, make_rubric, now

LEVELS = [{"title": "Not there yet", "points": 0}, {"title": "Well", "points": 10}]
RUBRIC = {"title": "Light", "criteria": [{"title": "Light", "levels": LEVELS}]}
CALLS: dict[str, tuple[str, str, type[Any], dict[str, Any]]] = {
    "more time for many": ("kofi", "/assignments/{work}/extensions/given", Extension, {"hours": 24}),
    "a day more": ("ama", "/assignments/{work}/extensions", Extension, {"automatic": True}),
    "a request": ("ama", "/assignments/{work}/extensions", Extension, {"hours": 24, "reason": "A funeral."}),
    "a rubric": ("kofi", "/rubrics", Rubric, RUBRIC),
    "a version": ("kofi", "/rubrics/{rubric}/versions", RubricVersion, RUBRIC),
    "a question": ("kofi", "/quizzes/{quiz}/questions", Question, {"kind": "short", "text": "Why?", "points": 5}),
}


def lose_the_answer(*_: Any) -> None:
    raise OSError("killed")


@pytest.mark.parametrize("what", CALLS)
def test_what_was_done_is_found_by_the_call_that_comes_again(
    what: str, world: Session, cast: Cast, program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = make_assignment(world, cast.intake, cast.kofi, due_at=now() + timedelta(hours=6))
    quiz = make_assignment(world, cast.intake, cast.kofi, assignment_type=AssignmentType.QUIZ, state="draft")
    places = {"work": work.id, "quiz": quiz.id, "rubric": make_rubric(world, cast.kofi).id}
    world.commit()
    who, path, model, sent = CALLS[what]
    caller, number = program(getattr(cast, who)), select(func.count()).select_from(model)
    sent = sent | ({"enrolment_ids": [str(cast.enrolment.id)]} if what == "more time for many" else {})
    before = world.scalar(number) or 0

    def call(key: str) -> Any:
        return caller.post(path.format_map(places), key=key, json=sent)

    with monkeypatch.context() as killed:
        killed.setattr(idempotency, "_keep", lose_the_answer)
        with pytest.raises(OSError, match="killed"):
            call("one")
    assert call("one").status_code == 409, "the first may still be at work"
    world.execute(update(IdempotentRequest).values(created_at=now() - timedelta(seconds=TAKEOVER_SECONDS + 1)))
    world.commit()
    again = call("one")
    assert again.status_code == 201, again.text
    assert world.scalar(number) == before + 1
    assert call("one").get_json() == again.get_json()
    if what != "a request":  # of which one waits at a time
        assert call("two").status_code == 201
        assert world.scalar(number) == before + 2
