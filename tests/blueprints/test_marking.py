"""A trainer marks what was handed in to their intakes; a student sees nothing of it before its release."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Grade, MarkingDraft, Submission, SubmissionFile
from portal.domain.courses.models import IntakeTrainer
from portal.domain.notifications.models import Notification
from tests.api_v1.conftest import program as program
from tests.blueprints.at_the_bench import HTMX, JPEG, bench, students_in
from tests.blueprints.at_the_bench import assignment as assignment
from tests.blueprints.at_the_bench import submission as submission
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import parse, words


def seen_by(client: FlaskClient, submission: Submission) -> str:
    """Return which mark the form on the bench was opened with."""
    return parse(client.get(bench(submission))).css_first("#mark input[name=seen]").attributes.get("value") or ""


def test_the_bench_shows_the_work_and_the_next_in_the_queue(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, sign_in: Any
) -> None:
    ama = sign_in(cast.ama)
    ama.post(
        f"/student/assignments/{assignment.id}/submission",
        data={
            "key": "1",
            "text": "By the window.",
            "links": "https://example.test/film",
            "files": [(io.BytesIO(JPEG), "portrait.jpg")],
        },
        content_type="multipart/form-data",
    )
    submission = world.scalars(select(Submission)).one()
    following = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    page = parse(kofi.get(bench(submission)))
    stage = page.css_first(".bench-stage")
    assert "By the window." in words(stage)
    link = stage.css_first("a[href='https://example.test/film']")
    assert "noopener" in link.attributes["rel"]
    picture = kofi.get(stage.css_first("img").attributes["src"])
    assert (picture.data, picture.mimetype) == (JPEG, "image/jpeg")
    assert picture.headers["Content-Disposition"].startswith("inline")
    download = kofi.get(stage.css_first(".review-words a").attributes["href"])
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert page.css_first("a[rel=next]").attributes["href"] == bench(following)


def test_what_a_trainer_types_is_kept_as_typed_and_is_no_mark(
    kofi: FlaskClient, world: Session, submission: Submission
) -> None:
    answer = kofi.post(f"{bench(submission)}/draft", data={"points": "1x", "feedback": "Good li"}, headers=HTMX)
    assert answer.status_code == 200
    assert b"<html" not in answer.data
    assert words(answer).startswith("Kept as typed")
    kofi.post(f"{bench(submission)}/draft", data={"points": "1", "feedback": "Good light"}, headers=HTMX)
    draft = world.scalars(select(MarkingDraft)).one()
    assert (draft.points, draft.feedback) == ("1", "Good light")
    page = parse(kofi.get(bench(submission)))
    assert page.css_first("textarea[name=feedback]").text() == "Good light"
    assert page.css_first("input[name=points]").attributes["value"] == "1"
    assert not world.scalars(select(Grade)).all()


def test_what_was_typed_before_ones_own_mark_and_comes_after_it_is_no_draft(
    kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    typed = {"points": "15", "feedback": "Good light", "seen": ""}
    world.add(IntakeTrainer(intake_id=cast.intake.id, user_id=cast.efua.id))
    world.commit()
    kofi.post(f"{bench(submission)}/grade", data=typed)
    late = kofi.post(f"{bench(submission)}/draft", data=typed, headers=HTMX)
    assert (late.status_code, "You have given a mark since you opened this page." in words(parse(late))) == (422, True)
    assert not world.scalars(select(MarkingDraft)).all()
    seen = seen_by(kofi, submission)
    assert kofi.post(f"{bench(submission)}/draft", data=typed | {"seen": seen}, headers=HTMX).status_code == 200
    another = sign_in(cast.efua).post(f"{bench(submission)}/draft", data=typed, headers=HTMX)
    assert another.status_code == 200, "what somebody else typed meanwhile is kept: they look at both"


def test_a_draft_is_kept_without_javascript_too(kofi: FlaskClient, world: Session, submission: Submission) -> None:
    answer = kofi.post(f"{bench(submission)}/draft", data={"points": "", "feedback": "Good light"})
    assert (answer.status_code, answer.headers["Location"]) == (303, bench(submission))
    assert world.scalars(select(MarkingDraft.feedback)).one() == "Good light"


def test_a_draft_that_is_too_long_is_said_beside_the_field_and_nothing_typed_is_lost(
    kofi: FlaskClient, world: Session, submission: Submission
) -> None:
    long = "Good light. " * 2_000
    answer = kofi.post(f"{bench(submission)}/draft", data={"points": "7", "feedback": long})
    page = parse(answer)
    assert answer.status_code == 422
    assert "20,000 characters" in words(page)
    assert page.css_first("textarea[name=feedback]").text().strip() == long.strip()
    assert page.css_first("input[name=points]").attributes["value"] == "7"
    assert not world.scalars(select(MarkingDraft)).all()


def test_a_mark_is_held_back_until_it_is_released(
    kofi: FlaskClient, world: Session, cast: Cast, sign_in: Any, assignment: Any, submission: Submission
) -> None:
    assignment.points = 100  # a mark that no second of a clock can look like
    world.add(assignment)
    world.commit()
    kofi.post(f"{bench(submission)}/draft", data={"points": "87.5", "feedback": "Secret praise"}, headers=HTMX)
    ama, page = sign_in(cast.ama), f"/student/assignments/{assignment.id}"

    def nothing_shows() -> None:
        for address in (page, "/student/assignments", f"/student/submissions/{submission.id}/receipt"):
            for headers in ({}, HTMX):
                text = ama.get(address, headers=headers).get_data(as_text=True)
                assert "Secret praise" not in text, address
                assert "87.5" not in text, address
                assert "Marked" not in text, address

    nothing_shows()
    answer = kofi.post(
        f"{bench(submission)}/grade", data={"points": "87.5", "feedback": "Secret praise", "then": "stay"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, bench(submission))
    nothing_shows()
    assert not world.scalars(select(Notification).where(Notification.kind == "mark-released")).all()

    kofi.post(f"{bench(submission)}/release")
    shown = words(ama.get(page))
    assert "87.5 of 100 points" in shown
    assert "Secret praise" in shown
    told = world.scalars(select(Notification).where(Notification.kind == "mark-released")).one()
    assert (told.user_id, told.data["path"]) == (cast.ama.id, page)


def test_save_and_next_goes_on_to_the_next_and_then_back_to_the_queue(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    following = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi, points=20))
    form = {"points": "10", "feedback": "", "then": "next"}
    assert kofi.post(f"{bench(submission)}/grade", data=form).headers["Location"] == bench(following)
    assert kofi.post(f"{bench(following)}/grade", data=form).headers["Location"] == "/trainer/marking"
    assert students_in(kofi, "/trainer/marking") == []


@pytest.mark.parametrize("points", ["", "x", "-1", "20.01", "21", "1.234", "NaN", "1e1", "１"])
def test_points_that_are_no_points_are_refused_and_what_was_typed_is_kept(
    kofi: FlaskClient, world: Session, submission: Submission, points: str
) -> None:
    answer = kofi.post(f"{bench(submission)}/grade", data={"points": points, "feedback": "Good light"})
    assert answer.status_code == 422
    page = parse(answer)
    assert page.css_first("textarea[name=feedback]").text() == "Good light"
    assert page.css_first("input[name=points]").attributes["aria-invalid"] == "true"
    assert not world.scalars(select(Grade)).all()


def test_a_mark_changed_after_its_release_is_a_further_row(
    kofi: FlaskClient, world: Session, cast: Cast, sign_in: Any, assignment: Any, submission: Submission
) -> None:
    kofi.post(f"{bench(submission)}/grade", data={"points": "10", "feedback": "Fair", "release": "y"})
    changed = {"points": "15", "feedback": "Better", "then": "stay", "seen": seen_by(kofi, submission)}
    refused = kofi.post(f"{bench(submission)}/grade", data=changed)
    assert refused.status_code == 422
    assert parse(refused).css_first("input[name=reason]").attributes["aria-invalid"] == "true"
    assert parse(refused).css_first("input[name=points]").attributes["value"] == "15"
    kofi.post(f"{bench(submission)}/grade", data=changed | {"reason": "The second photograph was overlooked."})
    ama, page = sign_in(cast.ama), f"/student/assignments/{assignment.id}"
    assert "10 of 20 points" in words(ama.get(page))
    assert students_in(kofi, "/trainer/marking?state=held_back") == ["Ama Mensah"]
    assert "overlooked" not in words(ama.get(page))
    bench_history = words(parse(kofi.get(bench(submission))).css_first("[aria-label='History of the mark']"))
    for told in ("15 of 20, was 10", "Kofi Asante", "The second photograph was overlooked.", "held back"):
        assert told in bench_history
    kofi.post(f"{bench(submission)}/release")
    assert "15 of 20 points" in words(ama.get(page))
    assert "from 10 to 15. The second photograph was overlooked." in words(ama.get(page))
    history = world.scalars(select(Grade).order_by(Grade.graded_at)).all()
    assert [(str(grade.final_points), grade.feedback) for grade in history] == [("10.00", "Fair"), ("15.00", "Better")]
    assert all(grade.released_at for grade in history)


def test_of_two_trainers_the_second_is_told_and_sees_both_marks(
    kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    world.add(IntakeTrainer(intake_id=cast.intake.id, user_id=cast.efua.id))
    world.commit()
    efua = sign_in(cast.efua)
    seen = seen_by(efua, submission)
    kofi.post(f"{bench(submission)}/grade", data={"points": "10", "feedback": "Fair light", "seen": seen})
    mine = {"points": "15", "feedback": "Strong composition", "seen": seen, "then": "next"}
    answer = efua.post(f"{bench(submission)}/grade", data=mine)
    page = parse(answer)
    assert answer.status_code == 409
    assert "Kofi Asante has given 10 of 20 since you began" in words(page.css_first(".error-summary"))
    assert "Fair light" in words(page.css_first("#mark .notice"))
    assert page.css_first("textarea[name=feedback]").text().strip() == "Strong composition"
    assert page.css_first("input[name=points]").attributes["value"] == "15"
    assert len(world.scalars(select(Grade)).all()) == 1
    again = mine | {"seen": page.css_first("#mark input[name=seen]").attributes["value"], "reason": "We agreed on it."}
    assert efua.post(f"{bench(submission)}/grade", data=again).status_code == 303
    marks = world.scalars(select(Grade).order_by(Grade.graded_at)).all()
    assert [(str(grade.final_points), grade.reason) for grade in marks] == [
        ("10.00", ""),
        ("15.00", "We agreed on it."),
    ]


def test_a_draft_that_was_overtaken_by_another_mark_is_shown_beside_it(
    kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    world.add(IntakeTrainer(intake_id=cast.intake.id, user_id=cast.efua.id))
    world.commit()
    typed = {"points": "15", "feedback": "Strong", "reason": "Because"}
    sign_in(cast.efua).post(f"{bench(submission)}/draft", data=typed, headers=HTMX)
    kofi.post(f"{bench(submission)}/grade", data={"points": "10", "feedback": "Fair light"})
    page = parse(sign_in(cast.efua).get(bench(submission)))
    assert "Fair light" in words(page.css_first("#mark .notice"))
    assert page.css_first("textarea[name=feedback]").text().strip() == "Strong"
    assert page.css_first("input[name=reason]").attributes["value"] == "Because"


def test_a_double_click_gives_one_mark(kofi: FlaskClient, world: Session, submission: Submission) -> None:
    for _ in range(2):
        kofi.post(f"{bench(submission)}/grade", data={"points": "10", "feedback": "Fair", "release": "y"})
    assert len(world.scalars(select(Grade)).all()) == 1


def test_marks_are_released_together_from_the_queue_and_from_the_assignment(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    mark(world, cast, submission, "10")
    other = make_assignment(world, cast.intake, cast.kofi, points=20)
    world.commit()
    second = hand_in(world, cast, other)
    mark(world, cast, second, "11")
    page = parse(kofi.get("/trainer/marking?state=held_back"))
    boxes = {box.attributes["value"] for box in page.css("input[name=ids]")}
    assert boxes == {str(submission.id), str(second.id)}
    answer = kofi.post("/trainer/marking/release?state=held_back", data={"ids": [str(submission.id)]})
    assert answer.headers["Location"] == "/trainer/marking?state=held_back"
    assert students_in(kofi, "/trainer/marking?state=returned") == ["Ama Mensah"]
    kofi.post(f"/trainer/assignments/{other.id}/release")
    assert len(students_in(kofi, "/trainer/marking?state=returned")) == 2
    again = kofi.post(f"/trainer/assignments/{other.id}/release", follow_redirects=True)
    assert "There is no mark to release" in words(again)


def test_marks_held_back_together_leave_no_trace_before_one_release_of_them_all(
    kofi: FlaskClient, sign_in: Any, program: Any, world: Session, cast: Cast
) -> None:
    held = make_assignment(world, cast.intake, cast.kofi, title="A poster", points=900, hold_marks=True)
    abena = make_user(world, first_name="Abena", last_name="Sarpong")
    make_enrolment(world, abena, cast.intake)
    world.commit()
    submission = hand_in(world, cast, held)
    second = hand_in(world, cast, held, by=abena)
    for each, points in ((submission, "876.5"), (second, "800")):
        assert not parse(kofi.get(bench(each))).css("input[name=release]")
        kofi.post(f"{bench(each)}/grade", data={"points": points, "feedback": "Secret praise"})
        forced = {"points": points, "feedback": "Secret praise", "release": "y"}
        assert kofi.post(f"{bench(each)}/grade", data=forced).status_code == 409
        kofi.post(f"{bench(each)}/release")
    kofi.post("/trainer/marking/release?state=held_back", data={"ids": [str(submission.id), str(second.id)]})
    ama, own = sign_in(cast.ama), f"/student/assignments/{held.id}"
    pages = (
        own,
        "/student/",
        "/student/assignments",
        "/notifications",
        f"/student/submissions/{submission.id}/receipt",
    )
    calls = (f"/assignments/{held.id}", "/assignments/my-assignments", "/dashboard/student")
    texts = [words(ama.get(page)) for page in pages] + [program(cast.ama).get(call).get_data(True) for call in calls]
    for text in texts:
        for trace in ("Secret praise", "876.5", "Marked", "Your mark is there", "graded", "returned"):
            assert trace not in text, text
    listed = parse(kofi.get(f"/trainer/assignments/{held.id}/release"))
    assert [words(link) for link in listed.css("tbody th a")] == ["Ama Mensah", "Abena Sarpong"]
    form = next(form for form in listed.css("form[method=post]") if "Release 2 marks" in words(form))
    answer = kofi.post(form.attributes["action"], follow_redirects=True)
    assert "2 marks released" in words(answer)
    assert "876.5 of 900 points" in words(ama.get(own))
    assert words(ama.get("/notifications/")).count("Your mark is there: A poster") == 1
    assert "No mark is held back" in words(kofi.get(f"/trainer/assignments/{held.id}/release"))


def test_a_late_mark_says_what_was_taken_off_to_trainer_and_student(
    kofi: FlaskClient, sign_in: Any, program: Any, world: Session, cast: Cast
) -> None:
    late = make_assignment(
        world, cast.intake, cast.kofi, points=20, due_at=now() - timedelta(hours=30), late_percent=10,
        late_floor_percent=50, cut_off_at=now() + timedelta(days=9),
    )  # fmt: skip
    world.commit()
    ama, own = sign_in(cast.ama), f"/student/assignments/{late.id}"
    before = words(ama.get(own))
    assert "Handing in now costs 20 % of your points." in before
    assert "10 % off for each day begun, at most 50 %" in before
    told = program(cast.ama).get(f"/assignments/{late.id}").get_json()["data"]
    assert (told["late_policy"], told["percent_off_now"]) == ({"percent_per_day": 10, "floor_percent": 50}, 20)
    submission = hand_in(world, cast, late)
    assert "20 % of these points is taken off" in words(kofi.get(bench(submission)))
    given = {"points": "14", "feedback": "", "release": "y", "then": "stay"}
    answer = kofi.post(f"{bench(submission)}/grade", data=given, follow_redirects=True)
    assert "14 of 20, less 20 % for being late" in words(answer)
    assert parse(answer).css_first("input[name=points]").attributes["value"] == "14", "the form has what was earned"
    shown = words(ama.get(own))
    assert "11.2 of 20 points" in shown
    assert "14 points, less 2.8. 20 % off: 2 days late." in shown
    mark_told = program(cast.ama).get(f"/assignments/{late.id}").get_json()["data"]["submissions"][0]["mark"]
    assert (mark_told["points"], mark_told["raw_points"], mark_told["penalty_points"]) == ("11.20", "14.00", "2.80")


def test_a_trainer_elsewhere_finds_nothing_and_changes_nothing(
    sign_in: Any, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    mark(world, cast, submission, "10")
    yaw = sign_in(cast.yaw)
    assert students_in(yaw, "/trainer/marking?state=all") == []
    assert yaw.get(bench(submission)).status_code == 404
    assert yaw.post(f"{bench(submission)}/draft", data={"feedback": "Mine"}).status_code == 404
    assert yaw.post(f"{bench(submission)}/grade", data={"points": "1"}).status_code == 404
    assert yaw.post(f"{bench(submission)}/release").status_code == 404
    assert yaw.get(f"/trainer/assignments/{assignment.id}/release").status_code == 404
    assert yaw.post(f"/trainer/assignments/{assignment.id}/release").status_code == 404
    yaw.post("/trainer/marking/release", data={"ids": [str(submission.id)]})
    grade = world.scalars(select(Grade)).one()
    assert (str(grade.final_points), grade.released_at) == ("10.00", None)


def test_a_trainer_elsewhere_and_a_student_are_served_no_file_of_the_bench(
    sign_in: Any, kofi: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    sign_in(cast.ama).post(
        f"/student/assignments/{assignment.id}/submission",
        data={"key": "1", "files": [(io.BytesIO(JPEG), "portrait.jpg")]},
        content_type="multipart/form-data",
    )
    row = world.scalars(select(SubmissionFile)).one()
    address = f"/trainer/submissions/{row.submission_id}/files/{row.file_id}"
    assert kofi.get(address).data == JPEG
    assert sign_in(cast.yaw).get(address).status_code == 404
    assert sign_in(cast.ama).get(address).status_code == 403
    assert sign_in(cast.efua).get(address).status_code == 404


def test_pages_cost_the_same_for_one_submission_and_for_a_hundred(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission, count_queries: Any
) -> None:
    mark(world, cast, submission, "10")

    def cost(address: str) -> int:
        kofi.get(address)  # who asks first pays for the figures that are kept for all
        with count_queries() as queries:
            assert kofi.get(address).status_code == 200
        assert len(queries) <= 6, str(queries)
        return len(queries)

    addresses = (
        "/trainer/marking?state=all",
        bench(submission),
        "/trainer/assignments",
        f"/trainer/assignments/{assignment.id}",
    )
    few = [cost(address) for address in addresses]
    for number in range(99):
        hand_in(world, cast, assignment, text=str(number))
    assert [cost(address) for address in addresses] == few
