"""What cannot hand itself in is told to its student in words, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, PendingHandIn, Submission
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import Upload
from portal.domain.notifications.models import Notification
from portal.jobs import hand_ins, sweeping
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import parse, words
from tests.uploads.conversation import T, begun, send
from tests.uploads.handing_in import ask, finish, half_of, hand_in, page, pending, work

MINUTE = timedelta(minutes=1)


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
