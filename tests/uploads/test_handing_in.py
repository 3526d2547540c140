"""What came in pieces is handed in once, by its owner, for what it was sent for; a refused form loses none of it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.assignments.models import Assignment, Submission, SubmissionFile
from portal.domain.files.models import StoredFile, Upload
from tests.cast import Cast
from tests.factories import make_assignment, make_enrolment, now
from tests.pages import parse, words
from tests.uploads.conversation import JPEG, T, begin, begun, offset, send, sent
from tests.uploads.handing_in import PDF, hand_in


def named(answer: TestResponse) -> list[str]:
    """Return the uploads that the form shows again."""
    return [box.attributes["value"] for box in parse(answer).css("input[name=uploads]")]


def test_a_file_that_came_in_pieces_is_handed_in_with_the_rest_and_its_bytes_stay_where_they_are(
    ama: FlaskClient, app: Flask, world: Session, assignment: Any
) -> None:
    address = begun(ama, assignment)
    for start in range(0, 100, 25):
        assert send(ama, address, start, JPEG[start : start + 25]).status_code == 204
    whole = world.scalars(select(Upload.storage_key)).one()
    answer = hand_in(ama, assignment, address.rpartition("/")[2], text="By the window.")
    assert answer.status_code == 303
    receipt = words(ama.get(answer.headers["Location"]))
    file = world.scalars(select(StoredFile)).one()
    assert (file.sha256, file.size, file.kind) == (hashlib.sha256(JPEG).hexdigest(), 100, "image/jpeg")
    assert file.sha256 in receipt
    assert "photo.jpg" in receipt
    assert file.storage_key == whole
    row = world.scalars(select(SubmissionFile)).one()
    assert ama.get(f"/student/submissions/{row.submission_id}/files/{row.file_id}").data == JPEG
    world.expire_all()
    upload = world.scalars(select(Upload)).one()
    assert (upload.state, upload.file_id) == ("taken", file.id)


def test_29_what_was_handed_in_can_be_neither_given_up_nor_changed_nor_handed_in_again(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    name = sent(ama, assignment)
    assert hand_in(ama, assignment, name).status_code == 303
    assert ama.delete(f"/uploads/{name}", headers=T).status_code == 409
    assert send(ama, f"/uploads/{name}", 100, b"").status_code == 204
    assert offset(ama, f"/uploads/{name}") == 100
    again = hand_in(ama, assignment, name)
    assert again.status_code == 422
    assert "“photo.jpg” was handed in already." in words(parse(again).css_first("#submission form"))
    assert world.scalar(select(func.count()).select_from(Submission)) == 1
    file_id = world.scalars(select(Upload.file_id)).one()
    other = sent(ama, assignment)
    with pytest.raises(IntegrityError, match="uq_uploads_file_id"):
        world.execute(
            text("UPDATE uploads SET state = 'taken', file_id = :file, closed_at = now() WHERE id = :id"),
            {"file": file_id, "id": other},
        )
    world.rollback()


def test_the_same_form_sent_twice_leads_to_the_same_receipt(ama: FlaskClient, world: Session, assignment: Any) -> None:
    name, other, key = sent(ama, assignment), sent(ama, assignment, PDF, "notes.pdf"), str(uuid4())
    first, second = (hand_in(ama, assignment, name, key=key) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert hand_in(ama, assignment, name, other, key=key).status_code == 409
    assert world.scalar(select(func.count()).select_from(Submission)) == 1


def test_a_refused_form_keeps_what_came_and_says_beside_the_files_what_is_wrong(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    whole, half = sent(ama, assignment), begun(ama, assignment, name="half.jpg")
    send(ama, half, 0, JPEG[:40])
    refused = hand_in(ama, assignment, whole, half.rpartition("/")[2], text="Mine.", links="no link")
    assert refused.status_code == 422
    assert named(refused) == [whole]
    assert "half.jpg 40 bytes of 100 bytes arrived." in words(refused)
    refused = hand_in(ama, assignment, whole, half.rpartition("/")[2], text="Mine.")
    form = parse(refused).css_first("#submission form")
    field = form.css_first("#files")
    assert "“half.jpg” has not arrived whole yet: 40 %." in words(form)
    assert field.attributes["aria-invalid"] == "true"
    assert form.css_first("textarea[name=text]").text() == "Mine."
    send(ama, half, 40, JPEG[40:])
    assert hand_in(ama, assignment, whole, half.rpartition("/")[2], text="Mine.").status_code == 303
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 2


def test_files_of_the_form_and_files_in_pieces_count_together(ama: FlaskClient, world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, max_files=1)
    world.commit()
    both = hand_in(ama, assignment, sent(ama, assignment), sent(ama, assignment))
    assert both.status_code == 422
    assert "At most 1 files." in words(both)
    assert len(named(both)) == 2


def test_nobody_hands_in_what_is_not_theirs_or_was_sent_for_something_else(
    ama: FlaskClient, esi: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    make_enrolment(world, cast.esi, cast.intake)
    elsewhere = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    name = sent(ama, assignment)
    tries = ((esi, assignment, name, []), (ama, elsewhere, name, []), (ama, assignment, "0" * 48, [name]))
    for who, what, upload, waiting in tries:
        refused = hand_in(who, what, upload)
        assert refused.status_code == 422
        assert "is not here any more" in words(refused)
        assert named(refused) == waiting
    assert hand_in(ama, assignment, "../../etc/passwd").status_code == 422
    assert world.scalar(select(func.count()).select_from(Submission)) == 0
    assert hand_in(ama, assignment, name).status_code == 303


def test_an_empty_file_is_not_handed_in(ama: FlaskClient, assignment: Any) -> None:
    name = begin(ama, assignment, 0, "notes.txt").headers["Location"].rpartition("/")[2]
    assert "“notes.txt” is empty." in words(hand_in(ama, assignment, name))


def test_what_the_assignment_takes_counts_when_the_file_is_handed_in(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    name = sent(ama, assignment)
    world.execute(update(Assignment).where(Assignment.id == assignment.id).values(accepted_kinds=["document"]))
    world.commit()
    refused = hand_in(ama, assignment, name)
    assert refused.status_code == 422
    assert "It takes documents" in words(refused)
    assert named(refused) == [name]


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"due_at": now() - timedelta(hours=1)}, 409, "The time to hand in has passed."),
        ({"opens_at": now() + timedelta(hours=1)}, 409, "not open yet"),
        ({"state": "archived"}, 404, "nothing at this address"),
        ({"state": "draft", "published_at": None}, 404, "nothing at this address"),
        ({"max_files": 0}, 422, "takes text and links, no files"),
        ({"accepted_kinds": ["document"]}, 422, "not of a kind that is taken here"),
    ],
)
def test_a_file_that_could_not_be_handed_in_is_refused_before_it_costs_data(
    ama: FlaskClient, world: Session, cast: Cast, values: dict[str, Any], status: int, said: str
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, **values)
    world.commit()
    answer = begin(ama, assignment)
    assert (answer.status_code, answer.mimetype) == (status, "text/plain")
    assert said in answer.text


def test_what_was_sent_in_time_is_handed_in_when_its_form_is_sent(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    """The moment of the form decides, whenever the file came: nobody gains time by sending one early."""
    name = sent(ama, assignment)
    for due, cut_off, status in ((1, None, 409), (1, -1, 303)):
        assignment.due_at = now() - timedelta(hours=due)
        assignment.cut_off_at = now() - timedelta(hours=cut_off) if cut_off else None
        world.commit()
        assert hand_in(ama, assignment, name).status_code == status
    assert world.scalars(select(Submission.late)).all() == [True]
