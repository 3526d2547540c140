"""A program marks for a trainer by the same rules as the page."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select

from portal.domain.assignments.models import Grade
from tests.api_v1.conftest import assert_refused
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment


@pytest.fixture
def submission(world, cast):
    return hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi, points=20))


def bench(submission) -> str:
    return f"/assignments/submissions/{submission.id}"


def test_a_mark_given_by_a_program_is_held_back_until_it_is_released(cast, program, submission) -> None:
    kofi, ama = program(cast.kofi), program(cast.ama)
    given = kofi.post(f"{bench(submission)}/grade", json={"grade": 12.5, "feedback": "Good light"}).get_json()["data"]
    assert given["status"] == "graded"
    assert [(mark["points"], mark["graded_by"], mark["released_at"]) for mark in given["marks"]] == [
        ("12.50", "Kofi Asante", None)
    ]
    own = f"/assignments/{submission.assignment_id}"
    assert ama.get(own).get_json()["data"]["submissions"][0]["mark"] is None
    kofi.post(f"{bench(submission)}/grade", json={"grade": "12.5", "feedback": "Good light", "release": True})
    shown = ama.get(own).get_json()["data"]["submissions"][0]
    assert (shown["mark"]["points"], shown["earlier_marks"]) == ("12.50", [])


def test_a_program_changes_a_mark_only_knowingly_and_with_a_reason(world, cast, program, submission) -> None:
    kofi = program(cast.kofi)
    kofi.post(f"{bench(submission)}/grade", json={"grade": 10, "release": True})
    assert_refused(kofi.post(f"{bench(submission)}/grade", json={"grade": 15, "reason": "More"}), 409)
    assert_refused(kofi.post(f"{bench(submission)}/grade", json={"grade": 15, "seen": str(uuid4())}), 409)
    seen = kofi.get(bench(submission)).get_json()["data"]["marks"][0]["id"]
    assert_refused(kofi.post(f"{bench(submission)}/grade", json={"grade": 15, "seen": seen}), 422, "reason")
    changed = {"grade": 15, "seen": seen, "reason": "Question 3 was overlooked.", "release": True}
    assert kofi.post(f"{bench(submission)}/grade", json=changed).status_code == 200
    shown = program(cast.ama).get(f"/assignments/{submission.assignment_id}").get_json()["data"]["submissions"][0]
    assert (shown["mark"]["points"], shown["mark"]["reason"]) == ("15.00", "Question 3 was overlooked.")
    assert [mark["points"] for mark in shown["earlier_marks"]] == ["10.00"]


def test_a_repeat_with_the_same_key_gives_one_mark(world, cast, program, submission) -> None:
    kofi = program(cast.kofi)
    answers = [kofi.post(f"{bench(submission)}/grade", key="one", json={"grade": 10}) for _ in range(2)]
    assert answers[0].get_json() == answers[1].get_json()
    assert len(world.scalars(select(Grade)).all()) == 1


@pytest.mark.parametrize("grade", [-1, 20.01, 1.234, "NaN", "1e400", "ten", None])
def test_no_grade_beyond_the_points_is_taken(world, cast, program, submission, grade) -> None:
    assert_refused(program(cast.kofi).post(f"{bench(submission)}/grade", json={"grade": grade}), 422, "grade")
    assert not world.scalars(select(Grade)).all()


def test_a_trainer_elsewhere_reads_and_marks_nothing(world, cast, program, submission) -> None:
    yaw = program(cast.yaw)
    assert_refused(yaw.get(bench(submission)), 404)
    assert_refused(yaw.post(f"{bench(submission)}/grade", json={"grade": 1}), 404)
    assert_refused(program(cast.ama).post(f"{bench(submission)}/grade", json={"grade": 20}), 403)
    assert not world.scalars(select(Grade)).all()
