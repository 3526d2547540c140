"""Nobody hands in after the end, marks themselves, or sees a mark before its release, by whatever way they try."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.domain.assignments.models import Grade, Submission
from portal.web.bearer import token_keys
from tests.architecture.estate import build_estate
from tests.attacks.attackers import footprint, pages_for
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, now
from tests.pages import parse

UNRELEASED = "Twilight-Feedback"


@pytest.fixture
def bearer(world: Session, cast: Cast, settings: Any) -> dict[str, str]:
    """What Ama's program shows."""
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    return {"Authorization": f"Bearer {token}"}


def hand_ins(world: Session) -> int:
    return world.scalars(select(func.count()).select_from(Submission)).one()


@pytest.mark.parametrize(
    "pretended",
    [
        {},
        {"submitted_at": "2000-01-01T00:00:00Z", "at": "2000-01-01", "late": "false"},
        {"due_at": "2099-01-01T00:00", "cut_off_at": "2099-01-01T00:00", "attempt": "1"},
    ],
)
def test_a_form_opened_before_the_end_is_too_late_after_it_whatever_clock_it_brings(
    world: Session, cast: Cast, sign_in: Any, app: Flask, bearer: dict[str, str], pretended: dict[str, str]
) -> None:
    cut_off = now() + timedelta(minutes=5)
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=now(), cut_off_at=cut_off)
    world.commit()
    ama, page = sign_in(cast.ama), f"/student/assignments/{assignment.id}"
    key = parse(ama.get(page)).css_first("input[name=key]").attributes["value"]
    yesterday = {"Date": "Mon, 01 Jan 2024 00:00:00 GMT", "If-Unmodified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}
    with time_machine.travel(cut_off + timedelta(seconds=1), tick=False):
        sent = {"key": key, "text": "A little late.", **pretended}
        answer = ama.post(f"{page}/submission", data=sent, headers=yesterday)
        fragment = ama.post(f"{page}/submission", data=sent, headers={"HX-Request": "true"})
        program = app.test_client().post(
            f"/api/v1/assignments/{assignment.id}/submit",
            data={"submission_text": "A little late.", **pretended},
            headers=bearer | yesterday,
        )
    assert (answer.status_code, fragment.status_code, program.status_code) == (409, 409, 409)
    assert hand_ins(world) == 0


def test_the_attempts_of_page_and_program_are_counted_together(
    world: Session, cast: Cast, sign_in: Any, app: Flask, bearer: dict[str, str]
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, attempts_allowed=1)
    world.commit()
    hand_in(world, cast, assignment)
    form = {"key": str(uuid4()), "text": "Once more."}
    answer = sign_in(cast.ama).post(f"/student/assignments/{assignment.id}/submission", data=form)
    address = f"/api/v1/assignments/{assignment.id}/submit"
    program = app.test_client().post(address, data={"submission_text": "Once more."}, headers=bearer)
    assert (answer.status_code, program.status_code) == (409, 409)
    assert hand_ins(world) == 1


def test_nobody_but_the_trainer_of_the_intake_gives_or_releases_a_mark(
    world: Session, cast: Cast, sign_in: Any
) -> None:
    """Not the student herself, not her neighbour, not a trainer or an administrator who does not teach there."""
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    for person in (cast.ama, cast.esi, cast.yaw, cast.efua):
        browser = sign_in(person)
        before = footprint(world)
        for last in ("grade", "draft", "release"):
            answer = browser.post(
                f"/trainer/submissions/{submission.id}/{last}",
                data={"points": "100", "feedback": "Well done", "release": "y", "graded_by": str(cast.kofi.id)},
            )
            assert answer.status_code in {403, 404}, person.email
        answer = browser.post("/trainer/marking/release", data={"ids": str(submission.id)})
        assert answer.status_code in {303, 403}
        assert footprint(world) == before, person.email


def test_no_page_call_or_count_of_a_student_tells_an_unreleased_mark(
    app: Flask, world: Session, cast: Cast, sign_in: Any, bearer: dict[str, str]
) -> None:
    estate = build_estate(world, cast)
    unreleased = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi, points=900))
    sign_in(cast.kofi).post(
        f"/trainer/submissions/{unreleased.id}/draft", data={"points": "876.54", "feedback": UNRELEASED}
    )
    marked = {"enrolment_id": cast.enrolment.id, "graded_by": cast.kofi.id, "graded_at": now()}
    world.add(
        Grade(submission_id=unreleased.id, raw_points="876.54", final_points="876.54", feedback=UNRELEASED, **marked)
    )
    world.commit()
    estate |= {"submission_id": unreleased.id, "assignment_id": unreleased.assignment_id}
    ama = sign_in(cast.ama)
    for address in pages_for(app, estate, "ama"):
        for door in ({}, {"HX-Request": "true"}):
            told = ama.get(address, headers=bearer | door).get_data(as_text=True)
            assert UNRELEASED not in told, address
            assert "876.5" not in told, address


def test_a_trainer_gives_no_more_points_than_there_are(world: Session, cast: Cast, sign_in: Any) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi, points=20))
    kofi = sign_in(cast.kofi)
    for points in ("20.01", "21", "-1", "1e3", "NaN", "Infinity", "２１", "0x14", "10; DROP TABLE grades", "10\n20"):
        answer = kofi.post(f"/trainer/submissions/{submission.id}/grade", data={"points": points, "feedback": ""})
        assert answer.status_code == 422, points
    assert world.scalars(select(func.count()).select_from(Grade)).one() == 0


def test_a_formula_in_a_mark_or_feedback_is_text_and_never_worked_out(world: Session, cast: Cast, sign_in: Any) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi, points=20))
    kofi = sign_in(cast.kofi)
    grade = f"/trainer/submissions/{submission.id}/grade"
    for points in ("7*7", "={1}+1", "__import__('os').getpid()", "{{7+7}}", "$a=1"):
        assert kofi.post(grade, data={"points": points, "feedback": ""}).status_code == 422
    formula = "=HYPERLINK(1) {{700001+700001}} ${700001+700001} {0.real} %s"
    kofi.post(grade, data={"points": "10", "feedback": formula, "release": "y"})
    shown = parse(sign_in(cast.ama).get(f"/student/assignments/{submission.assignment_id}"))
    assert formula in shown.css_first("main").text()
    assert "1400002" not in shown.css_first("main").text()


def test_a_file_that_arrives_late_is_refused_though_its_sending_began_in_time(
    world: Session, cast: Cast, sign_in: Any
) -> None:
    """There is no resumable upload yet: what counts is when all of the form is there."""
    cut_off = now() + timedelta(seconds=30)
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=now(), cut_off_at=cut_off)
    world.commit()
    ama = sign_in(cast.ama)

    class SlowFile(io.BytesIO):
        def read(self, *size: Any) -> bytes:
            clock.move_to(cut_off + timedelta(seconds=1))
            return super().read(*size)

    with time_machine.travel(now(), tick=False) as clock:
        form = {"key": "late", "text": "", "files": (SlowFile(b"\xff\xd8\xff\xe0 a photograph"), "a.jpg")}
        answer = ama.post(f"/student/assignments/{assignment.id}/submission", data=form)
    assert answer.status_code == 409
    assert hand_ins(world) == 0
