"""A review from the first frame to the next attempt: the trainer by keyboard alone, the student on the same player."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from portal import db
from portal.adapters.storage import FolderStorage
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Submission, SubmissionFile
from portal.jobs import media
from tests import media_files
from tests.browser.conftest import Site, assert_no_sideways_scrolling, sign_in, tab_to
from tests.browser.test_journeys import new_student
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import make_assignment
from tests.jobs.worker_process import wait_until

Open = Callable[..., Page]
NOTES = ("Hold this longer.", "The sound is late.", "Cut here.", "Her eyes are dark.", "A good end.")


@pytest.fixture
def portal_of_site(site: Site) -> Iterator[None]:
    """Jobs run in this process, on the site's own database."""
    db.bind(site.session.get_bind())
    yield
    db.close_session()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media_files.film(tmp_path_factory.mktemp("films") / "scene.mov", container="mov", size=(640, 360), seconds=2)


def sent(site: Site, assignment: Any, student: User, name: str, kind: str, content: bytes) -> Submission:
    """Return an attempt with one file, of which the portal has made the copies."""
    storage = FolderStorage(site.home / "files")
    file = stored(name, kind, content=content)
    storage.put([content], file.key)
    submission = hand_in(site.session, site.cast, assignment, by=student, files=(file,))
    look_into(site, submission)
    return submission


def look_into(site: Site, submission: Submission) -> None:
    files = select(SubmissionFile.file_id).where(SubmissionFile.submission_id == submission.id)
    for file_id in site.session.scalars(files).all():
        site.session.commit()
        media.make(FolderStorage(site.home / "files"), str(file_id))


def video_of(page: Page) -> Locator:
    return page.locator(".review video")


def time_of(page: Page) -> float:
    return float(video_of(page).evaluate("video => video.currentTime"))


def until(page: Page, true: str) -> None:
    """Wait until this is true of the page: asked from outside, because its policy lets nothing be evaluated inside."""
    wait_until(lambda: page.evaluate(true), 15, true)


def when_it_can_play(page: Page) -> None:
    until(page, "document.querySelector('.review video').readyState >= 2")


def on_the_player(page: Page) -> None:
    until(page, "document.activeElement.matches('.review')")


def release_seventy(trainer: Page) -> None:
    """Give a mark by keyboard alone, and show it to the student."""
    tab_to(trainer, trainer.get_by_label("Points"))
    trainer.keyboard.type("70")
    tab_to(trainer, trainer.get_by_label("Release to the student now"))
    trainer.keyboard.press("Space")
    tab_to(trainer, trainer.get_by_role("button", name="Save", exact=True))
    trainer.keyboard.press("Enter")
    expect(trainer.get_by_text("70 of 100, released.")).to_be_visible()


@pytest.mark.usefixtures("portal_of_site")
def test_a_trainer_reviews_by_keyboard_alone_and_what_is_open_goes_along_to_the_next_attempt(
    site: Site, open_browser: Open, film: Path
) -> None:
    name = new_student(site, "Akosua")
    student = site.session.scalars(select(User).where(User.email == name)).one()
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="Two people and a door")
    site.session.commit()
    first = sent(site, assignment, student, "scene.mov", "video/quicktime", film.read_bytes())

    trainer = open_browser()
    sign_in(trainer, "kofi@example.test")
    trainer.goto(f"/trainer/submissions/{first.id}")
    when_it_can_play(trainer)
    expect(trainer.get_by_text("A small copy is shown")).to_be_visible()
    keys = trainer.keyboard
    keys.press("v")
    on_the_player(trainer)
    keys.press("k")
    until(trainer, "!document.querySelector('.review video').paused")
    keys.press("Space")
    until(trainer, "document.querySelector('.review video').paused")
    keys.press("j")
    until(trainer, "document.querySelector('.review video').currentTime === 0")
    for number, text in enumerate(NOTES, start=1):
        for frame in range(1, 5):
            keys.press(".")
            wanted = (number - 1) * 4 + frame
            until(trainer, f"Math.floor(document.querySelector('.review video').currentTime * 25 + 0.02) === {wanted}")
        keys.press("n")
        expect(trainer.get_by_label("Note", exact=True)).to_be_focused()
        expect(trainer.get_by_label("Where")).to_have_value(f"0:00.{number * 160:03}")
        keys.type(text)
        keys.press("Control+Enter")
        expect(trainer.locator("#notes li.note")).to_have_count(number)
        on_the_player(trainer)
    keys.press("Escape")
    expect(trainer.locator("#notes li.note .typed")).to_have_text(list(NOTES))
    links = trainer.locator("#notes .note-place")
    expect(links).to_have_text(["0:00.160", "0:00.320", "0:00.480", "0:00.640", "0:00.800"])
    tab_to(trainer, links.nth(1))
    keys.press("Enter")
    on_the_player(trainer)
    assert time_of(trainer) == pytest.approx(0.32, abs=0.02)
    assert_no_sideways_scrolling(trainer)
    release_seventy(trainer)

    page = open_browser(width=360)
    sign_in(page, name)
    page.goto(f"/student/assignments/{assignment.id}")
    when_it_can_play(page)
    expect(page.locator("#notes li.note .typed")).to_have_text(list(NOTES))
    assert_no_sideways_scrolling(page)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [(item["id"], item["nodes"][0]["html"]) for item in found if item["impact"] in {"serious", "critical"}]
    tab_to(page, page.locator("#notes .note-place").nth(2))
    page.keyboard.press("Enter")
    on_the_player(page)
    assert time_of(page) == pytest.approx(0.48, abs=0.02)
    note = page.locator("#notes li.note").nth(2)
    tab_to(page, note.locator("summary"))
    page.keyboard.press("Enter")
    tab_to(page, note.get_by_label("Your answer"))
    page.keyboard.type("I kept it for her look.")
    tab_to(page, note.get_by_role("button", name="Send the answer"))
    page.keyboard.press("Enter")
    expect(page.locator("#notes .note-reply .typed")).to_have_text("I kept it for her look.")
    expect(page.locator("#notes li.note").nth(2).locator("summary")).to_be_focused()
    expect(page.locator("#notes details[open]")).to_have_count(0)
    tab_to(page, page.locator("#notes li.note").nth(0).get_by_role("button", name="Done"))
    page.keyboard.press("Enter")
    expect(page.locator("#notes li.note").nth(0).locator(".badge")).to_have_text("Done")

    page.locator("input[type=file]").first.set_input_files(film)
    expect(page.get_by_text("arrived safely").last).to_be_visible()
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/receipt")
    second = site.session.scalars(
        select(Submission).where(Submission.assignment_id == assignment.id, Submission.attempt == 2)
    ).one()
    look_into(site, second)

    trainer.goto(f"/trainer/submissions/{second.id}")
    when_it_can_play(trainer)
    expect(trainer.locator("#notes li.note .typed").first).to_have_text(NOTES[1])
    expect(trainer.locator("#notes li.note")).to_have_count(4)
    expect(trainer.get_by_text("from attempt 1")).to_have_count(4)
    expect(trainer.locator("#notes .note-reply .typed")).to_have_text("I kept it for her look.")
    keys.press("v")
    on_the_player(trainer)
    tab_to(trainer, trainer.locator("#notes .note-place").nth(1))
    keys.press("Enter")
    on_the_player(trainer)
    assert time_of(trainer) == pytest.approx(0.48, abs=0.02)


@pytest.mark.usefixtures("portal_of_site")
def test_a_point_of_a_picture_is_found_by_the_arrows_and_without_a_script_all_of_it_is_typed(
    site: Site, open_browser: Open
) -> None:
    name = new_student(site, "Efe")
    student = site.session.scalars(select(User).where(User.email == name)).one()
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="One picture of hands")
    site.session.commit()
    photo = media_files.picture((1600, 1200))
    submission = sent(site, assignment, student, "hands.jpg", "image/jpeg", photo)

    trainer = open_browser()
    sign_in(trainer, "kofi@example.test")
    trainer.goto(f"/trainer/submissions/{submission.id}")
    trainer.keyboard.press("v")
    on_the_player(trainer)
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        trainer.keyboard.press(key)
    trainer.keyboard.press("n")
    expect(trainer.get_by_label("Where")).to_have_value("48, 49")
    trainer.keyboard.type("Sharper here.")
    trainer.keyboard.press("Control+Enter")
    expect(trainer.locator("#notes li.note .typed")).to_have_text("Sharper here.")
    trainer.get_by_label("Note", exact=True).fill("And")
    trainer.locator("#note-form").get_by_role("button", name="Keep as draft").click()
    expect(trainer.get_by_text("Not put there yet.")).to_be_visible()
    expect(trainer.locator("#notes li.note .typed")).to_have_text("Sharper here.")
    trainer.reload()
    expect(trainer.get_by_label("Note", exact=True)).to_have_value("And")

    plain = open_browser(width=360, javascript=False)
    sign_in(plain, "kofi@example.test")
    plain.goto(f"/trainer/submissions/{submission.id}")
    plain.get_by_label("Where").fill("10, 20.5")
    plain.get_by_label("Note", exact=True).fill("The corner is empty.")
    plain.get_by_role("button", name="Put the note there").click()
    expect(plain.locator("#notes li.note .typed")).to_have_text(["The corner is empty.", "Sharper here."])
    assert_no_sideways_scrolling(plain)


def script_of(site: Site, name: str, title: str) -> Submission:
    student = site.session.scalars(select(User).where(User.email == name)).one()
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title=title)
    site.session.commit()
    return sent(site, assignment, student, "script.pdf", "application/pdf", media_files.pdf(3, (595, 842)))


@pytest.mark.usefixtures("portal_of_site")
def test_a_point_of_a_page_is_found_and_found_again_by_keyboard_alone(site: Site, open_browser: Open) -> None:
    name = new_student(site, "Esinam")
    submission = script_of(site, name, "A script of three pages")
    trainer = open_browser()
    sign_in(trainer, "kofi@example.test")
    trainer.goto(f"/trainer/submissions/{submission.id}")
    keys = trainer.keyboard
    keys.press("v")
    until(trainer, "document.activeElement.matches('.review-pages')")
    for key in (".", ".", ",", "ArrowRight", "ArrowUp", "ArrowUp", "n"):
        keys.press(key)
    expect(trainer.get_by_label("Note", exact=True)).to_be_focused()
    expect(trainer.get_by_label("Where")).to_have_value("page 2 at 51, 48")
    keys.type("Say it with a look.")
    keys.press("Control+Enter")
    expect(trainer.locator("#notes li.note")).to_have_count(1)
    until(trainer, "document.activeElement.matches('.review-pages')")
    pin = trainer.locator('[data-page="2"] .pin')
    expect(pin).to_have_text("1")
    assert (pin.get_attribute("x"), pin.get_attribute("y")) == ("51%", "48%")
    tab_to(trainer, trainer.get_by_role("button", name="Note on page 1"))
    keys.press("Enter")
    expect(trainer.get_by_label("Where")).to_have_value("page 1")
    keys.type("A good beginning.")
    keys.press("Control+Enter")
    expect(trainer.locator("#notes li.note")).to_have_count(2)
    expect(pin).to_have_text("2")
    release_seventy(trainer)

    page = open_browser(width=360)
    sign_in(page, name)
    page.goto(f"/student/assignments/{submission.assignment_id}")
    assert_no_sideways_scrolling(page)
    link = page.locator("#notes .note-place").nth(1)
    expect(link).to_have_text("page 2 at 51, 48")
    tab_to(page, link)
    page.keyboard.press("Enter")
    until(page, "document.activeElement.matches('.review-pages')")
    expect(page.locator('[data-page="2"] .pin.is-shown')).to_be_in_viewport()
    page.keyboard.press(",")
    expect(page.locator("#file-1-page-1 img")).to_be_in_viewport()
    page.keyboard.press("n")
    until(page, "document.activeElement.matches('.review-pages')")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert not [(item["id"], item["nodes"][0]["html"]) for item in found if item["impact"] in {"serious", "critical"}]


@pytest.mark.usefixtures("portal_of_site")
def test_a_point_of_a_page_is_touched_and_the_list_is_printed_with_its_places(site: Site, open_browser: Open) -> None:
    name = new_student(site, "Dela")
    submission = script_of(site, name, "A script that is touched")
    trainer = open_browser(width=360, has_touch=True)
    sign_in(trainer, "kofi@example.test")
    trainer.goto(f"/trainer/submissions/{submission.id}")
    image = trainer.locator("#file-1-page-1 img")
    image.scroll_into_view_if_needed()
    box = image.bounding_box() or {}
    image.tap(position={"x": box["width"] / 4, "y": box["height"] / 10})
    expect(trainer.get_by_label("Where")).to_have_value(re.compile(r"page 1 at (24\.9|25|25\.1), (9\.9|10|10\.1)"))
    place = trainer.get_by_label("Where").input_value()
    trainer.get_by_role("button", name="Note at this point of page 1").tap()
    trainer.get_by_label("Note", exact=True).fill("Begin later.")
    trainer.get_by_role("button", name="Put the note there").tap()
    pin = trainer.locator('[data-page="1"] .pin')
    expect(pin).to_have_text("1")
    expect(trainer.get_by_role("button", name="Note on page 1")).to_be_visible()
    trainer.get_by_role("button", name="Done").tap()
    expect(trainer.locator('[data-page="1"] .pin.done')).to_be_visible()
    pin.locator("circle").tap()
    expect(trainer.locator("#notes li.note")).to_be_in_viewport()
    assert_no_sideways_scrolling(trainer)
    trainer.emulate_media(media="print")
    for said in (place, "Begin later."):
        expect(trainer.get_by_text(said, exact=True)).to_be_visible()
    for unprinted in (trainer.locator("#note-form"), trainer.locator(".note-answer"), trainer.locator(".review-keys")):
        expect(unprinted).to_be_hidden()


@pytest.mark.usefixtures("portal_of_site")
def test_a_note_is_said_aloud_and_heard(site: Site, open_browser: Open, film: Path) -> None:
    name = new_student(site, "Yaa")
    student = site.session.scalars(select(User).where(User.email == name)).one()
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="A voice from outside")
    site.session.commit()
    submission = sent(site, assignment, student, "scene.mov", "video/quicktime", film.read_bytes())
    trainer = open_browser(permissions=["microphone"])
    sign_in(trainer, "kofi@example.test")
    trainer.goto(f"/trainer/submissions/{submission.id}")
    trainer.keyboard.press("v")
    trainer.keyboard.press("n")
    trainer.keyboard.type("Listen.")
    tab_to(trainer, trainer.get_by_text("Say it as well"))
    trainer.keyboard.press("Enter")
    record = trainer.locator("[data-record]")
    tab_to(trainer, record)
    trainer.keyboard.press("Enter")
    expect(record).to_have_text("Stop recording")
    until(trainer, "performance.now() - (window.began ??= performance.now()) > 700")
    trainer.keyboard.press("Enter")
    expect(trainer.get_by_text("It is sent with the note.")).to_be_visible()
    tab_to(trainer, trainer.get_by_role("button", name="Put the note there"))
    trainer.keyboard.press("Enter")
    voice = trainer.get_by_label("The note, spoken")
    expect(voice).to_be_visible()
    voice.evaluate("voice => { voice.muted = true; return voice.play(); }")
    until(trainer, "document.querySelector('#notes audio').currentTime > 0.1")
