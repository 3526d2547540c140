"""The pages of a document are shown as pictures on which notes are put, to its trainer and its student."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, Submission, SubmissionFile
from portal.domain.files import copies
from portal.domain.files.models import FilePage, StoredFile
from portal.jobs import media, sweeping
from tests import media_files
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark, stored
from tests.factories import make_assignment, now
from tests.pages import parse, words


@pytest.fixture
def submission(app: Any, world: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Submission:
    """A script of Ama's with three pages, of which two are drawn."""
    monkeypatch.setattr(copies, "MOST_PAGES", 2)
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    return hand_in_script(app, world, cast, assignment)


def hand_in_script(app: Any, world: Session, cast: Cast, assignment: Assignment) -> Submission:
    content = media_files.pdf(3, (595, 842))
    sent = stored("script.pdf", "application/pdf", content=content)
    app.extensions["storage"].put([content], sent.key)
    submission = hand_in(world, cast, assignment, files=(sent,))
    of_this = select(SubmissionFile.file_id).where(SubmissionFile.submission_id == submission.id)
    media.make(app.extensions["storage"], str(world.scalars(of_this).one()))
    return submission


def test_a_trainer_pins_a_note_to_a_page_and_the_student_sees_both(
    sign_in: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    kofi, ama = sign_in(cast.kofi), sign_in(cast.ama)
    bench = f"/trainer/submissions/{submission.id}"
    page = parse(kofi.get(bench))
    drawn = page.css(".review-pages img")
    assert [(image.attributes["alt"], image.attributes["width"]) for image in drawn] == [
        ("script.pdf, page 1", "1131"), ("script.pdf, page 2", "1131")
    ]  # fmt: skip
    assert "3 pages, of which the first 2 are shown" in words(page.css_first(".review-words"))
    assert [button.attributes["data-note-page"] for button in page.css("[data-note-page]")] == ["1", "2"]
    assert not page.css("iframe")
    for place in ("page 2", "3"):
        note = {"csrf_token": kofi.csrf, "position": 1, "place": place, "text": f"Cut {place}.", "key": place}
        assert kofi.post(f"{bench}/notes", data=note).status_code == 303
    places = {words(link): link.attributes["href"] for link in parse(kofi.get(bench)).css(".note-place")}
    assert places["page 2"] == "#file-1-page-2"
    assert places["page 3"].endswith("#page=3"), "what is not drawn is in the original"
    mark(world, cast, submission, "70", release=True)
    seen = parse(ama.get(f"/student/assignments/{submission.assignment_id}"))
    assert "note 1" in words(seen.css_first("#file-1-page-2"))
    answer = ama.get(seen.css(".review-pages img")[1].attributes["src"])
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")


def test_a_point_of_a_page_has_its_pin_and_goes_along_to_the_next_attempt(
    app: Any, sign_in: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    kofi, ama = sign_in(cast.kofi), sign_in(cast.ama)
    for place in ("page 2 at 40, 25.5", "page 2", "page 1 at 90, 10"):
        note = {"csrf_token": kofi.csrf, "position": 1, "place": place, "text": f"Cut {place}.", "key": place}
        assert kofi.post(f"/trainer/submissions/{submission.id}/notes", data=note).status_code == 303
    mark(world, cast, submission, "70", release=True)
    again = hand_in_script(app, world, cast, world.get_one(Assignment, submission.assignment_id))
    listed = ["page 1 at 90, 10", "page 2", "page 2 at 40, 25.5"]
    for browser, address in (
        (kofi, f"/trainer/submissions/{submission.id}"),
        (kofi, f"/trainer/submissions/{again.id}"),
        (ama, f"/student/assignments/{submission.assignment_id}"),
    ):
        page = parse(browser.get(address))
        assert [words(link) for link in page.css(".note-place")] == listed
        assert [words(number) for number in page.css(".note-number")] == ["1", "2", "3"]
        place = page.css(".note-place")[2].attributes
        assert (place["href"], place["data-page-at"], place["data-point-at"]) == ("#file-1-page-2", "2", "400,255")
        (pin,) = page.css('[data-page="2"] .pin')
        assert (pin.attributes["x"], pin.attributes["y"], words(pin)) == ("40.0%", "25.5%", "3")
        assert len(page.css('[data-page="1"] .pin')) == 1
    assert page.css_first("[data-point]") is None, "a student puts no notes there"


def test_a_note_after_the_last_page_is_refused_and_kept(sign_in: Any, cast: Cast, submission: Submission) -> None:
    kofi = sign_in(cast.kofi)
    note = {"csrf_token": kofi.csrf, "position": 1, "place": "page 4 at 1, 1", "text": "Cut.", "key": "one"}
    answer = kofi.post(f"/trainer/submissions/{submission.id}/notes", data=note)
    form = parse(answer).css_first("#note-form")
    assert (answer.status_code, "The last page of “script.pdf” is 3." in words(form)) == (422, True)
    assert form.css_first("[name=place]").attributes["value"] == "page 4 at 1, 1"


def test_nobody_else_sees_a_page_and_what_is_no_page_is_not_there(
    sign_in: Any, cast: Cast, world: Session, submission: Submission
) -> None:
    file_id = world.scalars(select(SubmissionFile.file_id)).one()
    of_students = f"/student/submissions/{submission.id}/files/{file_id}/copies"
    of_trainers = f"/trainer/submissions/{submission.id}/files/{file_id}/copies"
    kofi = sign_in(cast.kofi)
    assert kofi.get(f"{of_trainers}/page-1").status_code == 200
    for name in ("page-3", "page-0", "page-", "page-99999", "page-1x", "pages"):
        assert kofi.get(f"{of_trainers}/{name}").status_code == 404, name
    assert sign_in(cast.esi).get(f"{of_students}/page-1").status_code == 404
    assert sign_in(cast.yaw).get(f"{of_trainers}/page-1").status_code == 404


def test_pages_are_made_once_and_go_with_their_document(
    app: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    file_id = world.scalars(select(SubmissionFile.file_id)).one()
    media.make(app.extensions["storage"], str(file_id))
    made = list(world.scalars(select(FilePage.copy_id).order_by(FilePage.page)))
    assert len(made) == 2
    names = [world.get_one(StoredFile, copy_id).name for copy_id in made]
    assert names == ["script (page 1).webp", "script (page 2).webp"]
    document = world.get_one(StoredFile, file_id)
    document.state, document.deleted_at = "deleted", now()
    world.commit()
    sweeping.sweep_files(app.extensions["storage"], at=now())
    world.expire_all()
    assert {world.get_one(StoredFile, copy_id).state for copy_id in made} == {"deleted"}
