"""Work hands itself in when the last of its files is whole, with or without the browser, once, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.assignments.models import Assignment, PendingHandIn, Submission, SubmissionFile, SubmissionLink
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import StoredFile, Upload
from portal.domain.notifications.models import Notification
from portal.jobs import hand_ins, sweeping
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import parse, words
from tests.uploads.conversation import JPEG, T, begun, send, sent
from tests.uploads.test_handing_in import PDF, hand_in

MINUTE = timedelta(minutes=1)


def half_of(client: FlaskClient, assignment: Any, name: str = "scene.jpg") -> str:
    """Return the address of an upload of which some has come."""
    address = begun(client, assignment, name=name)
    send(client, address, 0, JPEG[:40])
    return address


def ask(client: FlaskClient, assignment: Any, *addresses: str, **form: Any) -> TestResponse:
    """Ask to hand in when these are whole."""
    names = [address.rpartition("/")[2] for address in addresses]
    return hand_in(client, assignment, when="complete", awaited=names, **form)


def finish(client: FlaskClient, address: str) -> None:
    assert send(client, address, 40, JPEG[40:]).status_code == 204


def jobs(world: Session) -> list[str]:
    """Return what the worker was asked to look at."""
    rows = world.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = :name"), {"name": JOB})
    return [row.args["pending_id"] for row in rows]


JOB = "assignments.hand_in_if_complete"


def work(world: Session) -> None:
    """Do what the worker would: every job that was asked for, in its order."""
    world.expire_all()
    for pending_id in jobs(world):
        hand_ins.hand_in_if_complete(pending_id, at=now())


def page(client: FlaskClient, assignment: Any) -> str:
    return words(client.get(f"/student/assignments/{assignment.id}"))


def pending(world: Session) -> PendingHandIn:
    world.expire_all()
    return world.scalars(select(PendingHandIn)).one()


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


def test_a_file_that_is_removed_takes_the_hand_in_with_it(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address, other = half_of(ama, assignment), half_of(ama, assignment, "film.jpg")
    ask(ama, assignment, address, other, text="Kept.")
    assert ama.delete(address, headers=T).status_code == 204
    finish(ama, other)
    work(world)
    assert world.scalars(select(Submission)).all() == []
    shown = page(ama, assignment)
    assert "You removed “scene.jpg”, so nothing is handed in by itself any more." in shown
    assert world.scalars(select(Notification)).all() == []  # she knows


def test_a_file_refused_by_its_content_is_told_in_words(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    address = begun(ama, assignment, 200, "film.mp4")
    send(ama, address, 0, b"MZ" + bytes(20))
    ask(ama, assignment, address, text="My film.")
    assert send(ama, address, 22, bytes(178)).status_code == 422
    work(world)
    assert pending(world).state == "refused"
    told = world.scalars(select(Notification).where(Notification.kind == "hand-in-refused")).one()
    assert "“film.mp4”: This file was refused when it had arrived." in told.data["why"]
    shown = page(ama, assignment)
    assert "Not handed in “film.mp4”" in shown
    assert "My film." in shown


Change = Callable[[Session, Any, Cast], object]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda world, assignment, cast: setattr(assignment, "due_at", now() - MINUTE),
            "The time to hand in has passed",
        ),
        (
            lambda world, assignment, cast: world.execute(
                update(Assignment).where(Assignment.id == assignment.id).values(accepted_kinds=["document"])
            ),
            "It takes documents",
        ),
        (
            lambda world, assignment, cast: world.execute(
                update(Assignment).where(Assignment.id == assignment.id).values(state="archived")
            ),
            "archived",
        ),
        (
            lambda world, assignment, cast: world.execute(
                update(Enrolment).where(Enrolment.id == cast.enrolment.id).values(state="suspended")
            ),
            "suspended",
        ),
        (
            lambda world, assignment, cast: world.execute(
                update(Enrolment).where(Enrolment.id == cast.enrolment.id).values(state="withdrawn", ended_at=now())
            ),
            "no longer enrolled",
        ),
        (
            lambda world, assignment, cast: setattr(cast.ama, "deactivated_at", now()),
            "Your account was closed",
        ),
    ],
    ids=["past the end", "another kind", "archived", "suspended", "withdrawn", "deactivated"],
)
def test_what_a_rule_refuses_is_told_in_words_and_nothing_is_lost(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any, change: Change, why: str
) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address, text="By the window.")
    finish(ama, address)
    change(world, assignment, cast)
    world.commit()
    work(world)
    work(world)
    assert world.scalars(select(Submission)).all() == []
    assert (pending(world).state, pending(world).text) == ("refused", "By the window.")
    told = world.scalars(select(Notification)).one()
    assert (told.kind, told.user_id, told.data["title"]) == ("hand-in-refused", cast.ama.id, assignment.title)
    assert why in told.data["why"]
    assert world.scalars(select(Upload.state)).all() == ["whole"]


def test_after_a_refusal_all_of_it_stands_in_the_form_again(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address, text="By the window.")
    world.execute(update(Assignment).where(Assignment.id == assignment.id).values(accepted_kinds=["document"]))
    world.commit()
    finish(ama, address)
    work(world)
    shown = ama.get(f"/student/assignments/{assignment.id}")
    assert "It takes documents" in words(shown)
    assert parse(shown).css_first("textarea[name=text]").text() == "By the window."
    assert "checked" in parse(shown).css_first("input[name=uploads]").attributes
    world.execute(update(Assignment).where(Assignment.id == assignment.id).values(accepted_kinds=[]))
    world.commit()
    assert hand_in(ama, assignment, address.rpartition("/")[2]).status_code == 303
    assert "It takes documents" not in page(ama, assignment)


def test_what_is_handed_in_elsewhere_after_a_refusal_does_not_hide_it(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address, text="By the window.")
    world.execute(update(Assignment).where(Assignment.id == assignment.id).values(accepted_kinds=["document"]))
    world.commit()
    finish(ama, address)
    work(world)
    another = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    assert hand_in(ama, another, text="Done.").status_code == 303
    assert "It takes documents" in page(ama, assignment)


def test_an_upload_that_was_left_too_long_ends_the_waiting(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address)
    later = now() + timedelta(hours=25)
    sweeping.sweep_uploads(ama.application.extensions["storage"], at=later)
    hand_ins.hand_in_what_waits(at=later)
    assert pending(world).state == "refused"
    told = world.scalars(select(Notification)).one()
    assert "“scene.jpg”: This upload was left for too long" in told.data["why"]


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


def test_an_upload_that_paused_for_too_long_is_judged_as_by_the_browser(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    due = now().replace(second=0, microsecond=0) - 90 * MINUTE
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=due)
    world.commit()
    with time_machine.travel(due - 10 * MINUTE, tick=False):
        address = half_of(ama, assignment)
        ask(ama, assignment, address)
    with time_machine.travel(due + 51 * MINUTE, tick=False):
        finish(ama, address)
    work(world)
    assert "The time to hand in has passed" in world.scalars(select(Notification)).one().data["why"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"links": "no link"}, "is no link"),
        ({"awaited": ["0" * 48]}, "is not here any more"),
        ({"awaited": ["no name"]}, "This form is not whole"),
    ],
)
def test_what_could_not_be_handed_in_is_not_waited_for(
    ama: FlaskClient, world: Session, assignment: Any, form: dict[str, Any], said: str
) -> None:
    address = half_of(ama, assignment)
    names = {"awaited": [address.rpartition("/")[2]]}
    refused = hand_in(ama, assignment, when="complete", **(names | form))
    assert refused.status_code == 422
    assert said in words(refused)
    assert world.scalars(select(PendingHandIn)).all() == []


def test_after_the_end_nothing_is_waited_for(ama: FlaskClient, world: Session, assignment: Any) -> None:
    address = half_of(ama, assignment)
    assignment.due_at = now() - 61 * MINUTE
    world.commit()
    assert ask(ama, assignment, address).status_code == 409


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


def test_a_page_left_open_says_why_it_was_not_handed_in_and_stops_asking(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    address = half_of(ama, assignment)
    ask(ama, assignment, address)
    poll = f"/student/assignments/{assignment.id}/pending-hand-in"
    ama.delete(address, headers=T)
    answer = ama.get(poll, headers={"HX-Request": "true"})
    assert "You removed “scene.jpg”" in words(answer)
    assert parse(answer).css("[hx-get]") == []


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
