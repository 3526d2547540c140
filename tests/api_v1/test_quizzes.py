"""A program takes a quiz and another marks it, by the same operations as the pages."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import time_machine
from sqlalchemy import func, select

from portal.domain.assignments.models import Submission
from portal.domain.quizzes.reading import questions_of
from tests.api_v1.conftest import assert_refused
from tests.domain.quizzes.arranging import MULTIPLE, SHORT, SINGLE, begin, hand_in, make_quiz
from tests.factories import make_assignment, now


def test_a_quiz_is_read_begun_answered_and_handed_in(world, cast, program) -> None:
    quiz = make_quiz(world, cast, (SINGLE, SHORT), attempts_allowed=1)
    single, short = questions_of(world, quiz.id)
    ama = program(cast.ama)
    facts = ama.get(f"/quizzes/{quiz.id}").get_json()["data"]
    assert (facts["questions"], facts["minutes"], facts["attempts_left"], facts["attempts"]) == (2, 30, 1, [])
    begun = ama.post(f"/quizzes/{quiz.id}/attempts", key="one")
    assert begun.status_code == 201
    attempt = begun.get_json()["data"]
    assert begun.headers["Location"] == f"/api/v1/quizzes/attempts/{attempt['id']}"
    assert ama.post(f"/quizzes/{quiz.id}/attempts", key="two").get_json()["data"]["id"] == attempt["id"]
    assert [set(option) for option in attempt["questions"][0]["options"]] == [{"id", "text"}] * 3

    own = f"/quizzes/attempts/{attempt['id']}"
    right = [str(option) for option in single.right]
    for _ in range(2):
        saved = ama.post(f"{own}/answers/{single.id}", json={"option_ids": right}).get_json()["data"]
        assert saved["questions"][0]["answer"] == {"option_ids": right, "text": ""}
    ama.post(f"{own}/answers/{short.id}", json={"text": "Time."})
    assert_refused(ama.post(f"{own}/answers/{short.id}", json={"option_ids": right}), 422)
    assert_refused(ama.post(f"{own}/answers/{quiz.id}", json={"text": "x"}), 404)
    done = ama.post(f"{own}/submission").get_json()["data"]
    assert (done["status"], done["by_itself"]) == ("handed_in", False)
    assert ama.post(f"{own}/submission").get_json()["data"]["number"] == done["number"]
    assert_refused(ama.post(f"{own}/answers/{short.id}", json={"text": "x"}), 409)
    assert_refused(ama.post(f"/quizzes/{quiz.id}/attempts"), 409)
    shown = ama.get(f"/assignments/{quiz.id}").get_json()["data"]["submissions"][0]
    assert (shown["number"], shown["mark"]) == (done["number"], None)

    kofi = program(cast.kofi)
    bench = f"/quizzes/submissions/{done['submission_id']}"
    answers = kofi.get(bench).get_json()["data"]["answers"]
    assert [(each["points"], each["text"]) for each in answers] == [("2.00", ""), (None, "Time.")]
    assert_refused(kofi.post(f"{bench}/grade", json={"answers": []}), 422)
    assert_refused(kofi.post(f"/assignments/submissions/{done['submission_id']}/grade", json={"grade": 1}), 422)
    given = {"answers": [{"question_id": str(short.id), "points": 3.5}], "release": True}
    marked = kofi.post(f"{bench}/grade", json=given).get_json()["data"]
    assert (marked["points"], marked["status"]) == ("5.50", "returned")
    assert ama.get(f"/assignments/{quiz.id}").get_json()["data"]["submissions"][0]["mark"]["points"] == "5.50"
    changed = {"answers": [{"question_id": str(short.id), "points": 4}]}
    assert_refused(kofi.post(f"{bench}/grade", json=changed), 409)
    again = changed | {"seen": marked["mark_id"], "reason": "It was read again."}
    assert kofi.post(f"{bench}/grade", json=again).get_json()["data"]["points"] == "6.00"


def test_what_is_over_is_handed_in_when_a_program_looks(world, cast, program) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    with time_machine.travel(now() + timedelta(minutes=31), tick=False):
        ama = program(cast.ama)
        question = questions_of(world, quiz.id)[0]
        assert_refused(ama.post(f"/quizzes/attempts/{attempt.id}/answers/{question.id}", json={}), 409)
        for _ in range(2):
            seen = ama.get(f"/quizzes/attempts/{attempt.id}").get_json()["data"]
            assert (seen["status"], seen["by_itself"]) == ("handed_in", True)
    assert world.scalar(select(func.count()).select_from(Submission)) == 1


def test_a_program_writes_questions_until_somebody_begins(world, cast, program) -> None:
    quiz = make_assignment(world, cast.intake, cast.kofi, assignment_type="quiz", state="draft", points=3)
    world.commit()
    kofi, path = program(cast.kofi), f"/quizzes/{quiz.id}/questions"
    options = [{"text": "A", "is_right": True}, {"text": "B", "is_right": False}]
    question = {"kind": "single", "text": "Which?", "points": 3, "options": options, "explanation": "A."}
    made = [kofi.post(path, key="one", json=question) for _ in range(2)]
    assert made[0].get_json() == made[1].get_json()
    assert made[0].status_code == 201
    listed = kofi.get(path).get_json()["data"]
    assert [(each["text"], each["options"][0]["is_right"]) for each in listed] == [("Which?", True)]
    assert_refused(kofi.post(path, json=question | {"kind": "essay"}), 422, "kind")
    assert_refused(kofi.post(path, json=question | {"options": options[:1]}), 422, "options")
    assert_refused(program(cast.yaw).post(path, json=question), 404)
    assert_refused(program(cast.yaw).get(path), 404)
    assert_refused(program(cast.ama).get(path), 403)
    begun = make_quiz(world, cast)
    hand_in(world, cast, begin(world, cast, begun))
    assert_refused(kofi.post(f"/quizzes/{begun.id}/questions", json=question), 409)


def test_a_program_changes_moves_and_removes_questions_and_explains_them_at_any_time(world, cast, program) -> None:
    quiz = make_quiz(world, cast, (SINGLE, MULTIPLE, SHORT))
    kofi, path = program(cast.kofi), f"/quizzes/{quiz.id}/questions"
    single, multiple, short = (each["id"] for each in kofi.get(path).get_json()["data"])
    read = kofi.get(f"{path}/{multiple}").get_json()["data"]
    changed = kofi.put(f"{path}/{multiple}", json=read | {"points": 5, "text": " Which two? "}).get_json()["data"]
    assert (changed["id"], changed["position"], changed["points"], changed["text"]) == (multiple, 2, 5, "Which two?")
    assert [each["is_right"] for each in changed["options"]] == [True, True, False]
    moved = kofi.put(f"{path}/{short}/place", json={"position": 1}).get_json()["data"]
    assert [each["id"] for each in moved] == [short, single, multiple]
    left = kofi.delete(f"{path}/{single}").get_json()["data"]
    assert [(each["id"], each["position"]) for each in left] == [(short, 1), (multiple, 2)]
    assert kofi.get(f"/quizzes/{quiz.id}/settings").get_json()["data"]["max_points"] == 9
    begin(world, cast, quiz)
    explained = kofi.put(f"{path}/{short}/explanation", json={"explanation": "The shutter."}).get_json()["data"]
    assert explained["explanation"] == "The shutter."
    other = make_quiz(world, cast)
    for call, content in ((kofi.put, {"json": read}), (kofi.delete, {})):
        assert_refused(call(f"/quizzes/{other.id}/questions/{short}", **content), 404)


def test_a_program_sets_when_and_how_a_quiz_is_taken_and_the_rest_of_it_stays(world, cast, program) -> None:
    quiz = make_quiz(world, cast, title="Light", instructions="Read chapter 2.", late_percent=10, cut_off_at=in_days(9))
    kofi, path = program(cast.kofi), f"/quizzes/{quiz.id}/settings"
    read = kofi.get(path).get_json()["data"]
    assert (read["minutes"], read["attempts_allowed"], read["max_points"], read["is_begun"]) == (30, None, 6, False)
    wanted = {"minutes": 20, "shuffle": True, "attempts_allowed": 2, "counted_attempt": "best", "hold_marks": True}
    wanted |= {"opens_at": in_days(1).isoformat(), "due_date": in_days(2).isoformat()}
    saved = kofi.put(path, json=read | wanted).get_json()["data"]
    assert {name: saved[name] for name in wanted if name not in ("opens_at", "due_date")}.items() <= wanted.items()
    world.expire_all()
    assert (quiz.opens_at, quiz.due_at, quiz.cut_off_at) == (in_days(1), in_days(2), in_days(9))
    assert (quiz.title, quiz.instructions, quiz.late_percent, quiz.state) == (
        "Light",
        "Read chapter 2.",
        10,
        "published",
    )
    assert kofi.get(path).get_json()["data"] == saved
    assert_refused(kofi.put(path, json={"minutes": 20}), 422, "due_date")
    assert_refused(kofi.put(path, json=read | wanted | {"max_points": 0}), 422, "max_points")
    assert_refused(program(cast.ama).get(path), 403)


def test_a_program_puts_a_quiz_away_once_nobody_is_at_it(world, cast, program) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    kofi, path = program(cast.kofi), f"/assignments/{quiz.id}/archive"
    refused = kofi.post(path)
    assert_refused(refused, 409)
    assert refused.get_json()["message"].startswith("1 student is at this quiz now.")
    hand_in(world, cast, attempt)
    put_away = kofi.post(path, key="once").get_json()["data"]
    assert put_away == {"id": str(quiz.id), "title": quiz.title, "status": "archived"}
    assert_refused(kofi.post(path), 409)


def in_days(number: int) -> datetime:
    """Return a moment so many days from today."""
    return datetime.combine(now().date() + timedelta(days=number), time(12), tzinfo=UTC)


def test_nobody_else_meets_an_attempt(world, cast, program) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    question, esi = questions_of(world, quiz.id)[0], program(cast.esi)
    assert_refused(esi.get(f"/quizzes/{quiz.id}"), 404)
    assert_refused(esi.post(f"/quizzes/{quiz.id}/attempts"), 404)
    assert_refused(esi.get(f"/quizzes/attempts/{attempt.id}"), 404)
    assert_refused(esi.post(f"/quizzes/attempts/{attempt.id}/answers/{question.id}", json={}), 404)
    assert_refused(esi.post(f"/quizzes/attempts/{attempt.id}/submission"), 404)
    submission = hand_in(world, cast, attempt)
    assert_refused(program(cast.yaw).get(f"/quizzes/submissions/{submission.id}"), 404)
    assert_refused(program(cast.yaw).post(f"/quizzes/submissions/{submission.id}/grade", json={}), 404)
