"""Work hands itself in when the last of its files is whole, with or without the browser, and once."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.assignments.models import PendingHandIn, Submission, SubmissionFile, SubmissionLink
from portal.domain.files.models import StoredFile
from portal.domain.notifications.models import Notification
from portal.jobs import hand_ins, sweeping
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import parse, words
from tests.uploads.conversation import sent
from tests.uploads.handing_in import PDF, ask, finish, half_of, hand_in, page, pending, work

MINUTE = timedelta(minutes=1)


def test_work_hands_itself_in_when_its_last_file_is_whole_and_the_receipt_goes_out(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    first, last = half_of(ama, assignment), half_of(ama, assignment, "film.jpg")
    essay = sent(ama, assignment, PDF, "essay.pdf")
    asked = ask(ama, assignment, first, last, uploads=[essay], text="By the window.", links="https://example.org/a")
    assert asked.status_code == 303
    assert asked.headers["Location"] == f"/student/assignments/{assignment.id}"
    shown = page(ama, assignment)
    assert "Your work hands itself in" in shown
    assert "It is handed in when scene.jpg, film.jpg are whole" in shown
    finish(ama, first)
    work(world)
    assert world.scalars(select(Submission)).all() == []
    assert "when film.jpg is whole" in page(ama, assignment)
    finish(ama, last)
    work(world)
    work(world)  # a job may run twice
    made = world.scalars(select(Submission)).one()
    assert (made.text, made.late, made.submitted_by) == ("By the window.", False, cast.ama.id)
    assert world.scalars(select(SubmissionLink.url)).all() == ["https://example.org/a"]
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 3
    assert (pending(world).state, pending(world).submission_id) == ("done", made.id)
    told = world.scalars(select(Notification).where(Notification.kind == "submission-received")).one()
    assert (told.user_id, told.data["number"]) == (cast.ama.id, made.number)
    assert made.number in words(ama.get(f"/student/submissions/{made.id}/receipt"))


def test_where_all_is_here_already_it_is_handed_in_at_once(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    finish(ama, address)
    key = str(uuid4())
    first, again = (ask(ama, assignment, address, key=key) for _ in range(2))
    assert first.headers["Location"].endswith("/receipt")
    assert again.headers["Location"] == first.headers["Location"]
    assert world.scalars(select(PendingHandIn)).all() == []


def test_a_form_asked_twice_waits_once_and_a_late_repeat_leads_to_the_receipt(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    address, key = half_of(ama, assignment), str(uuid4())
    for _ in range(2):
        assert ask(ama, assignment, address, key=key).status_code == 303
    finish(ama, address)
    work(world)
    made = world.scalars(select(Submission)).one()
    again = ask(ama, assignment, address, key=key)
    assert again.headers["Location"] == f"/student/submissions/{made.id}/receipt"
    other = PendingHandIn(assignment_id=assignment.id, enrolment_id=made.enrolment_id, key="other", asked_at=now())
    another = PendingHandIn(assignment_id=assignment.id, enrolment_id=made.enrolment_id, key="another", asked_at=now())
    world.add_all([other, another])
    with pytest.raises(IntegrityError, match="uq_pending_hand_ins_waiting"):
        world.flush()
    world.rollback()


def test_what_waits_is_changed_by_asking_again(ama: FlaskClient, world: Session, assignment: Any) -> None:
    first, second = half_of(ama, assignment), half_of(ama, assignment, "film.jpg")
    ask(ama, assignment, first, second, text="A draft.")
    form = parse(ama.get(f"/student/assignments/{assignment.id}")).css_first("#submission form[data-guard]")
    assert form.css_first("textarea[name=text]").text() == "A draft."
    ask(ama, assignment, second, text="The real thing.")
    boxes = parse(ama.get(f"/student/assignments/{assignment.id}")).css("input[name=awaited]")
    assert [("checked" in box.attributes) for box in boxes] == [False, True]
    finish(ama, second)
    work(world)
    assert world.scalars(select(Submission.text)).all() == ["The real thing."]
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 1


def test_files_of_the_form_are_kept_for_as_long_as_it_waits(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address, files=[(BytesIO(PDF), "essay.pdf")])
    storage = ama.application.extensions["storage"]
    sweeping.sweep_files(storage, at=now() + timedelta(hours=30))
    assert world.scalars(select(StoredFile.state)).all() == ["stored"]
    finish(ama, address)
    work(world)
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 2
    assert world.scalars(select(StoredFile.state)).all() == ["attached", "attached"]


def test_it_is_cancelled_and_everything_stays_in_the_form(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address, text="Not yet.")
    cancel = f"/student/assignments/{assignment.id}/pending-hand-in/cancellation"
    assert ama.post(cancel).status_code == 303
    assert ama.post(cancel).status_code == 409
    finish(ama, address)
    work(world)
    assert world.scalars(select(Submission)).all() == []
    shown = ama.get(f"/student/assignments/{assignment.id}")
    assert "Not yet." in parse(shown).css_first("textarea[name=text]").text()
    assert "Not handed in yet" in words(shown)
    assert parse(shown).css_first("input[name=uploads]").attributes["value"] == address.rpartition("/")[2]


def test_a_cancelling_that_comes_after_the_last_byte_finds_the_receipt(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address)
    finish(ama, address)
    work(world)
    refused = ama.post(f"/student/assignments/{assignment.id}/pending-hand-in/cancellation")
    assert refused.status_code == 409
    assert world.scalars(select(Submission)).one()


def test_handing_in_by_hand_takes_the_place_of_what_waits(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address)
    assert hand_in(ama, assignment, text="Without the film.").status_code == 303
    finish(ama, address)
    work(world)
    made = world.scalars(select(Submission)).one()
    assert (pending(world).state, pending(world).submission_id) == ("replaced", made.id)
    assert "photo" not in page(ama, assignment)


def test_a_job_that_was_lost_is_made_up_for(ama: FlaskClient, world: Session, assignment: Any) -> None:
    """Between the last byte and the job everything may be killed; the minute's look finds it."""
    address = half_of(ama, assignment)
    ask(ama, assignment, address)
    hand_ins.hand_in_what_waits(at=now())
    assert pending(world).state == "waiting"
    finish(ama, address)
    hand_ins.hand_in_what_waits(at=now())
    assert world.scalars(select(Submission)).one()
    assert pending(world).state == "done"


def test_the_moment_of_the_last_byte_counts_however_late_the_worker_is(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    due = now().replace(second=0, microsecond=0) - 40 * MINUTE
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=due)
    world.commit()
    with time_machine.travel(due - 10 * MINUTE, tick=False):
        address = half_of(ama, assignment)
        assert ask(ama, assignment, address).status_code == 303
    with time_machine.travel(due + 20 * MINUTE, tick=False):
        finish(ama, address)
    hand_ins.hand_in_what_waits(at=due + 300 * MINUTE)
    made = world.scalars(select(Submission)).one()
    assert (made.late, made.submitted_at, made.begun_at) == (False, due + 20 * MINUTE, due - 10 * MINUTE)
    assert (made.arrived_at_due, made.longest_gap_seconds) == (40, 30 * 60)


def test_nobody_asks_or_cancels_for_somebody_else(
    ama: FlaskClient, esi: FlaskClient, world: Session, assignment: Any
) -> None:
    address = half_of(ama, assignment)
    assert ask(esi, assignment, address).status_code == 404
    ask(ama, assignment, address)
    for method, way in (("post", "pending-hand-in/cancellation"), ("get", "pending-hand-in")):
        assert getattr(esi, method)(f"/student/assignments/{assignment.id}/{way}").status_code == 404
    assert pending(world).state == "waiting"


def test_a_page_left_open_goes_to_the_receipt(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    fragment = {"HX-Request": "true"}
    ask(ama, assignment, address)
    waits = parse(ama.get(f"/student/assignments/{assignment.id}")).css_first("#pending_hand_in")
    poll = waits.attributes["hx-get"]
    answer = ama.get(poll, headers=fragment)
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (204, False)
    finish(ama, address)
    work(world)
    made = world.scalars(select(Submission)).one()
    assert ama.get(poll, headers=fragment).headers["HX-Redirect"] == f"/student/submissions/{made.id}/receipt"
    assert ama.get(poll).headers["Location"] == f"/student/submissions/{made.id}/receipt"


def test_a_script_that_asks_goes_on_sending_from_the_same_page(ama: FlaskClient, assignment: Any) -> None:
    """The block of the form comes back, and no other page: what is under way would end with it."""
    address = half_of(ama, assignment)
    data = {"key": str(uuid4()), "when": "complete", "awaited": [address.rpartition("/")[2]]}
    answer = ama.post(
        f"/student/assignments/{assignment.id}/submission",
        data=data,
        content_type="multipart/form-data",
        headers={"HX-Request": "true"},
    )
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (200, False)
    assert parse(answer).css_first("#submission #pending_hand_in[hx-get]") is not None


@pytest.mark.parametrize("asked", [False, True])
def test_what_has_arrived_and_was_not_handed_in_stands_out_wherever_work_is_listed(
    ama: FlaskClient, world: Session, assignment: Any, asked: bool
) -> None:
    words_for_it = "Hands itself in" if asked else "Not handed in yet"
    assert words_for_it not in words(ama.get("/student/"))
    address = half_of(ama, assignment)
    if asked:
        ask(ama, assignment, address)
    else:
        finish(ama, address)
    for where in ("/student/", "/student/assignments", f"/student/assignments/{assignment.id}"):
        badges = [words(badge) for badge in parse(ama.get(where)).css(".badge.soon")]
        assert words_for_it in badges, where
    if not asked:
        assert hand_in(ama, assignment, address.rpartition("/")[2]).status_code == 303
        assert all("Not handed in yet" not in words(ama.get(where)) for where in ("/student/", "/student/assignments"))


def test_what_has_handed_itself_in_is_forgotten_after_a_month_and_what_it_made_stays(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address)
    sweeping.sweep_rows(at=now() + timedelta(days=31))
    assert pending(world).state == "waiting"
    finish(ama, address)
    work(world)
    sweeping.sweep_rows(at=now() + timedelta(days=29))
    assert pending(world).state == "done"
    sweeping.sweep_rows(at=now() + timedelta(days=31))
    assert world.scalars(select(PendingHandIn.id)).all() == []
    assert world.scalar(select(func.count()).select_from(Submission)) == 1
