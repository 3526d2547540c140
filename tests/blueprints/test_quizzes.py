"""A quiz from its first question to the mark: set by its trainer, taken without any script, marked, and shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Grade, Submission
from portal.domain.quizzes.models import Question, QuizAttempt
from portal.domain.quizzes.reading import answers_of, questions_of
from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.domain.quizzes.arranging import (
    COUNTED,
    SHORT,
    SINGLE,
    begin,
    hand_in,
    make_quiz,
    right_answers,
    save,
)
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import parse, words

HTMX = {"HX-Request": "true"}


def test_a_trainer_writes_a_quiz_without_any_script_and_publishes_it(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    quiz = make_assignment(world, cast.intake, cast.kofi, assignment_type="quiz", points=10, state="draft")
    world.commit()
    address = f"/trainer/assignments/{quiz.id}"
    assert "No question yet" in words(kofi.get(f"{address}/questions"))
    assert "has no questions yet" in words(kofi.post(f"{address}/publication", follow_redirects=True))

    form = parse(kofi.get(f"{address}/questions/new?kind=single"))
    assert len(form.css("[name$='-text'][name^=options]")) == 4
    typed = {"kind": "single", "text": "What is the aperture?", "points": "2", "explanation": "An f-number."}
    typed |= {"options-0-text": "The film", "options-1-text": "The opening", "options-2-text": "", "options-3-text": ""}
    more = parse(kofi.post(f"{address}/questions", data=typed | {"row": "add-options"}))
    assert len(more.css("[name$='-text'][name^=options]")) == 6
    assert more.css_first("[name='options-1-text']").attributes["value"] == "The opening"
    refused = kofi.post(f"{address}/questions", data=typed)
    assert refused.status_code == 422
    assert "exactly one" in words(refused)
    assert parse(refused).css_first("[name=points]").attributes["value"] == "2"
    assert kofi.post(f"{address}/questions", data=typed | {"options-1-is_right": "y"}).status_code == 303
    kofi.post(
        f"{address}/questions", data={"kind": "true_false", "text": "Light adds up.", "points": "1", "is_true": "false"}
    )
    kofi.post(f"{address}/questions", data={"kind": "short", "text": "Why?", "points": "5"})
    single, either, short = questions_of(world, quiz.id)
    assert [option.text for option in single.options] == ["The film", "The opening"]
    assert [(option.text, option.is_right) for option in either.options] == [("True", False), ("False", True)]

    page = words(kofi.get(f"{address}/questions"))
    assert "The questions are worth 8 points together, and the quiz 10." in page
    assert "Make them agree" in words(kofi.post(f"{address}/publication", follow_redirects=True))
    kofi.post(f"{address}/questions/points")
    moved = kofi.post(f"{address}/questions/{short.id}/place", data={"to": "1"})
    assert moved.headers["Location"].endswith(f"#question-{short.id}")
    assert next(iter(questions_of(world, quiz.id))).text == "Why?"
    kofi.post(f"{address}/questions/{either.id}/removal")
    kofi.post(f"{address}/quiz", data={"minutes": "20", "shuffle": "y"})
    assert kofi.post(f"{address}/quiz", data={"minutes": "601"}).status_code == 422
    kofi.post(f"{address}/questions/points")
    assert "Published" in words(kofi.post(f"{address}/publication", follow_redirects=True))
    preview = words(kofi.get(f"{address}/quiz/preview"))
    assert "20 minutes from the beginning" in preview
    assert "An f-number." not in preview
    changed = typed | {"points": "4", "options-0-is_right": "y"}
    kofi.post(f"{address}/questions/{single.id}", data=changed)
    world.refresh(quiz)
    assert (quiz.points, quiz.question_points) == (9, 9)


def test_once_somebody_began_only_explanations_and_the_time_change(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    quiz = make_quiz(world, cast)
    begin(world, cast, quiz)
    question = questions_of(world, quiz.id)[0]
    address = f"/trainer/assignments/{quiz.id}"
    typed = {"kind": "short", "text": "Another?", "points": "2", "explanation": "Because."}
    for target in ("questions", f"questions/{question.id}"):
        answer = kofi.post(f"{address}/{target}", data=typed)
        assert answer.status_code == 409
        assert "Somebody has begun" in words(answer)
    for target in (f"questions/{question.id}/removal", f"questions/{question.id}/place", "questions/points"):
        assert "Somebody has begun" in words(kofi.post(f"{address}/{target}", data={"to": 2}, follow_redirects=True))
    assert "may still be written" in words(kofi.get(f"{address}/questions/{question.id}"))
    kofi.post(f"{address}/questions/{question.id}/explanation", data={"explanation": "Because."})
    kofi.post(f"{address}/quiz", data={"minutes": "5"})
    world.expire_all()
    assert [row.explanation for row in world.scalars(select(Question).where(Question.id == question.id))] == [
        "Because."
    ]
    assert len(questions_of(world, quiz.id)) == 3
    changed = kofi.post(
        address,
        data={
            "title": quiz.title,
            "assignment_type": "homework",
            "points": "50",
            "weight": "1",
            "due_at": "2036-01-01T10:00",
            "max_files": "1",
            "counted_attempt": "latest",
            "late_floor_percent": "0",
        },
    )
    assert changed.status_code == 422
    assert "Its questions are worth 6 points together." in words(changed)


def test_a_student_takes_a_quiz_without_any_script(ama: FlaskClient, world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast, (*COUNTED, SHORT), minutes=30, attempts_allowed=2)
    page = words(ama.get(f"/student/assignments/{quiz.id}"))
    assert "To the quiz" in page
    assert "Hand in" not in page.replace("Handed", "")
    start = words(ama.get(f"/student/assignments/{quiz.id}/quiz"))
    assert "30 minutes" in start
    assert "2 of 2 left" in start
    assert "never below 0" in start
    assert "aperture" not in start.lower()
    begun = ama.post(f"/student/assignments/{quiz.id}/quiz/attempts")
    assert begun.status_code == 303
    again = ama.post(f"/student/assignments/{quiz.id}/quiz/attempts")
    assert again.headers["Location"] == begun.headers["Location"]
    attempt = parse(ama.get(begun.headers["Location"]))
    assert len(attempt.css("fieldset.question")) == 4
    single, multiple, _, short = questions_of(world, quiz.id)
    typed = {f"option-{single.id}": str(single.options[0].id), f"text-{short.id}": "Time passes."}
    asked = ama.post(f"{begun.headers['Location']}/answers", data=typed | {"then": "hand-in"})
    check = ama.get(asked.headers["Location"])
    assert "2 questions without an answer" in words(check)
    assert "Question 2 Question 3" in words(check)
    to_answer = [link.attributes["href"] for link in parse(check).css("main .notice a")]
    assert to_answer == [
        f"{begun.headers['Location']}#question-{each.id}" for each in questions_of(world, quiz.id)[1:3]
    ]
    assert "Go on" in words(ama.get(f"/student/assignments/{quiz.id}/quiz"))
    ama.post(
        f"{begun.headers['Location']}/answers", data=typed | {f"option-{multiple.id}": [str(multiple.options[0].id)]}
    )
    row = world.scalars(select(QuizAttempt)).one()
    assert len(answers_of(world, row.id)) == 3
    done = words(ama.post(asked.headers["Location"], follow_redirects=True))
    assert "Your trainer reads the short answers" in done
    assert "Time passes." in done
    submission = world.scalars(select(Submission)).one()
    assert submission.number in done
    assert "Time passes." in submission.text
    start = words(ama.get(f"/student/assignments/{quiz.id}/quiz"))
    assert "1 of 2 left" in start
    assert "Begin again" in start
    assert "Your answers" in words(ama.get(f"/student/assignments/{quiz.id}"))


def test_htmx_saves_one_answer_as_it_is_chosen(ama: FlaskClient, world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    single, multiple, _ = questions_of(world, quiz.id)
    address = f"/student/quiz-attempts/{attempt.id}/answers"
    for option in single.options:
        saved = ama.post(f"{address}/{single.id}", data={f"option-{single.id}": str(option.id)}, headers=HTMX)
        assert saved.status_code == 200
        assert parse(saved).css_first(f"#saved-{single.id}") is not None
        assert "Saved" in words(saved)
    assert answers_of(world, attempt.id)[single.id].options == {single.options[-1].id}
    foreign = ama.post(
        f"{address}/{single.id}", data={f"option-{single.id}": str(multiple.options[0].id)}, headers=HTMX
    )
    assert foreign.status_code == 422
    assert "Not saved" in words(foreign)
    assert ama.post(f"{address}/{single.id}", data={f"option-{single.id}": "none"}, headers=HTMX).status_code == 422
    with time_machine.travel(now() + timedelta(minutes=31), tick=False):
        late = ama.post(f"{address}/{single.id}", data={}, headers=HTMX)
        assert late.status_code == 409
        assert "Not saved" in words(late)
    assert answers_of(world, attempt.id)[single.id].options == {single.options[-1].id}
    assert world.scalars(select(QuizAttempt.state)).all() == ["handed_in"]


def test_whoever_comes_back_after_the_end_finds_it_handed_in(sign_in: Any, world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    with time_machine.travel(now() + timedelta(hours=1), tick=False):
        ama = sign_in(cast.ama)
        for _ in range(2):
            page = words(ama.get(f"/student/quiz-attempts/{attempt.id}"))
            assert "the portal handed in what you had saved" in page
            assert "6 of 6 points" in page
    assert world.scalar(select(func.count()).select_from(Submission)) == 1


def mark_page(submission: Submission) -> str:
    return f"/trainer/submissions/{submission.id}/answers"


def test_a_trainer_marks_short_answers_and_the_rest_is_counted(
    kofi: FlaskClient, ama: FlaskClient, world: Session, cast: Cast
) -> None:
    quiz = make_quiz(world, cast, (SINGLE, SHORT))
    attempt = begin(world, cast, quiz)
    save(world, cast, attempt, right_answers(world, quiz))
    submission = hand_in(world, cast, attempt)
    short = questions_of(world, quiz.id)[1]
    assert "Light" in words(kofi.get("/trainer/marking"))
    bench = kofi.get(f"/trainer/submissions/{submission.id}")
    assert bench.headers["Location"] == mark_page(submission)
    page = words(kofi.get(mark_page(submission)))
    assert "The shutter stays open long." in page
    assert "2 of 2 points" in page
    for wrong in ("", "4.5", "-1", "1.234", "many"):
        refused = kofi.post(mark_page(submission), data={f"points-{short.id}": wrong, "feedback": "Well"})
        assert refused.status_code == 422
        assert "a number from 0 to 4" in words(refused)
    kofi.post(f"{mark_page(submission)}/draft", data={f"points-{short.id}": "3", f"comment-{short.id}": "Nearly"})
    kept = parse(kofi.get(mark_page(submission)))
    assert kept.css_first(f"#points-{short.id}").attributes["value"] == "3"
    plain = kofi.post(f"/trainer/submissions/{submission.id}/grade", data={"points": "1"})
    assert plain.status_code == 422
    assert "points follow from its questions" in words(plain)

    given = {f"points-{short.id}": "3.5", f"comment-{short.id}": "Say for how long.", "release": "y"}
    for _ in range(2):
        assert kofi.post(mark_page(submission), data=given).status_code == 303
    assert "5.5 of 6 points" in words(ama.get(f"/student/quiz-attempts/{attempt.id}"))
    grade = world.scalars(select(Grade)).one()
    other = given | {f"points-{short.id}": "2", "seen": ""}
    meanwhile = kofi.post(mark_page(submission), data=other)
    assert meanwhile.status_code == 409
    assert kofi.post(mark_page(submission), data=other | {"seen": str(grade.id)}).status_code == 422
    changed = other | {"seen": str(grade.id), "reason": "It was read again."}
    assert kofi.post(mark_page(submission), data=changed).status_code == 303
    assert world.scalars(select(Grade.final_points).order_by(Grade.graded_at)).all() == [5.5, 4]
    shown = words(ama.get(f"/student/quiz-attempts/{attempt.id}"))
    assert "It was read again." in shown
    figures = words(kofi.get(f"/trainer/assignments/{quiz.id}/quiz/figures"))
    assert "100 %" in figures
    assert "50 %" in figures


def test_a_quiz_costs_as_many_statements_with_one_question_as_with_many(
    ama: FlaskClient, kofi: FlaskClient, world: Session, cast: Cast, count_queries: Any
) -> None:
    few, many = make_quiz(world, cast, (SINGLE,)), make_quiz(world, cast, (SINGLE,) * 20)
    counts = []
    for quiz in (few, many):
        attempt = begin(world, cast, quiz)
        number = []
        for client, address in (
            (ama, f"/student/assignments/{quiz.id}/quiz"),
            (ama, f"/student/quiz-attempts/{attempt.id}"),
            (kofi, f"/trainer/assignments/{quiz.id}/questions"),
        ):
            with count_queries() as queries:
                client.get(address)
            number.append(len(queries))
        answers = right_answers(world, quiz)
        data = {
            f"option-{question_id}": [str(each) for each in answer.options] for question_id, answer in answers.items()
        }
        with count_queries() as queries:
            ama.post(f"/student/quiz-attempts/{attempt.id}/answers", data=data)
        number.append(len(queries))
        with count_queries() as queries:
            ama.post(f"/student/quiz-attempts/{attempt.id}/hand-in")
        number.append(len(queries))
        submission = world.scalars(select(QuizAttempt.submission_id).where(QuizAttempt.id == attempt.id)).one()
        for client, address in (
            (ama, f"/student/quiz-attempts/{attempt.id}"),
            (kofi, f"/trainer/submissions/{submission}/answers"),
            (kofi, f"/trainer/assignments/{quiz.id}/quiz/figures"),
        ):
            with count_queries() as queries:
                client.get(address)
            number.append(len(queries))
        counts.append(number)
    assert counts[0] == counts[1]
    assert max(counts[0][:3]) <= 6


def test_others_find_nothing_of_a_quiz(sign_in: Any, world: Session, cast: Cast) -> None:
    quiz = make_quiz(world, cast)
    attempt = begin(world, cast, quiz)
    question = questions_of(world, quiz.id)[0]
    esi, yaw = sign_in(cast.esi), sign_in(cast.yaw)
    kwame = make_user(world)
    make_enrolment(world, kwame, cast.intake)
    world.commit()
    beside = sign_in(kwame)
    for person in (esi, beside):
        own = f"/student/quiz-attempts/{attempt.id}"
        assert person.get(own).status_code == 404
        assert person.get(f"{own}/hand-in").status_code == 404
        for target in ("answers", f"answers/{question.id}", "hand-in"):
            assert person.post(f"{own}/{target}", data={}).status_code == 404
    assert esi.get(f"/student/assignments/{quiz.id}/quiz").status_code == 404
    assert esi.post(f"/student/assignments/{quiz.id}/quiz/attempts").status_code == 404
    submission = hand_in(world, cast, attempt)
    for address in (
        f"/trainer/assignments/{quiz.id}/questions",
        f"/trainer/assignments/{quiz.id}/questions/{question.id}",
        f"/trainer/assignments/{quiz.id}/quiz/preview",
        f"/trainer/assignments/{quiz.id}/quiz/figures",
        f"/trainer/submissions/{submission.id}/answers",
    ):
        assert yaw.get(address).status_code == 404
    for address in ("questions", f"questions/{question.id}", f"questions/{question.id}/removal", "quiz"):
        assert yaw.post(f"/trainer/assignments/{quiz.id}/{address}", data={}).status_code == 404
