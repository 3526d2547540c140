"""Files on a slow line: they begin to arrive when they are chosen, and go on where they stopped."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import StoredFile, Upload, UploadState
from portal.embedded import ClusterAccess
from tests.browser.conftest import Site, assert_no_sideways_scrolling, sign_in
from tests.browser.test_journeys import new_student
from tests.conftest import settings_for
from tests.factories import make_assignment
from tests.jobs.worker_process import worker

Open = Callable[..., Page]
MB = 1_000_000
FILES = re.compile("^Files")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "scene.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + os.urandom(24 * MB))
    return path


def on_a_slow_line(page: Page, bytes_a_second: int = 3 * MB) -> None:
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"downloadThroughput": bytes_a_second, "uploadThroughput": bytes_a_second}
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 10, **speed})


def away_at_first() -> Callable[[Route], None]:
    """Have the portal be away when it is first asked how far an upload is."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "HEAD" and not asked:
            asked.append(route.request.url)
            route.fulfill(status=503)
        else:
            route.continue_()

    return answer


def arrivals(page: Page) -> Locator:
    return page.get_by_role("list", name="What arrives")


def opened(open_browser: Open, name: str, address: str, *, width: int = 1280) -> Page:
    page = open_browser(width=width)
    sign_in(page, name)
    page.goto(address)
    return page


@pytest.fixture
def at_work(site: Site, cluster: ClusterAccess) -> Iterator[None]:
    """A worker, which hands in what is complete."""
    database = site.session.connection().engine.url.database
    site.session.rollback()
    assert database
    with worker(settings_for(cluster, database, site.home, portal_url=site.address)):
        yield


@pytest.mark.usefixtures("at_work")
def test_a_film_goes_on_where_it_stopped_after_the_page_was_closed_and_hands_itself_in_when_it_is_whole(
    site: Site, open_browser: Open, film: Path
) -> None:
    name = new_student(site, "Afia")
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="A scene by one window")
    site.session.commit()
    address = f"/student/assignments/{assignment.id}"
    page = opened(open_browser, name, address, width=360)
    on_a_slow_line(page)
    page.get_by_label(FILES).set_input_files([film])
    expect(arrivals(page)).to_contain_text(re.compile(r"1\d(\.\d)?\sMB of\s24\sMB, .* left"), timeout=30_000)
    page.get_by_role("button", name="Pause scene.mp4").click()
    expect(arrivals(page)).to_contain_text("Paused at")
    assert_no_sideways_scrolling(page)
    page.close()

    page = page.context.new_page()
    offsets: list[int] = []
    page.on("request", lambda sent: offsets.append(int(sent.headers.get("upload-offset", -1))))
    page.route("**/uploads/*", away_at_first())
    page.goto(address)
    expect(arrivals(page)).to_contain_text("Choose the same file again")
    on_a_slow_line(page, MB)
    page.get_by_label(FILES).set_input_files([film])
    page.get_by_label("Your text").fill("By one window.")
    page.get_by_role("button", name="Hand in when complete").click()
    expect(page.get_by_text("Your work hands itself in")).to_be_visible()
    expect(page.get_by_text("when scene.mp4 is whole")).to_be_visible()
    expect(arrivals(page)).to_contain_text(re.compile(r"MB of\s24\sMB, .* left"))
    expect(page.get_by_label("Your text")).to_have_value("By one window.")
    assert_no_sideways_scrolling(page)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/hands-itself-in.png", full_page=True)
    page.wait_for_url("**/receipt", timeout=30_000)
    expect(page.get_by_text(hashlib.sha256(film.read_bytes()).hexdigest())).to_be_visible()
    assert min(offset for offset in offsets if offset >= 0) >= 8 * MB, "what had arrived was sent again"
    assert site.session.scalars(select(Upload.state).where(Upload.subject_id == assignment.id)).all() == [
        UploadState.TAKEN
    ]
    assert site.session.scalar(select(StoredFile.size).where(StoredFile.name == "scene.mp4")) == film.stat().st_size
    site.session.rollback()


def test_staff_who_press_hand_in_while_a_film_arrives_keep_their_page_and_it_is_handed_in_when_it_is_whole(
    site: Site, open_browser: Open, film: Path
) -> None:
    name = new_student(site, "Adwoa")
    enrolment = site.session.scalars(
        select(Enrolment).join(User, User.id == Enrolment.user_id).where(User.email == name)
    ).one()
    make_assignment(site.session, site.cast.intake, site.cast.kofi, title="A film by one window")
    site.session.commit()
    page = opened(open_browser, "kofi@example.test", f"/trainer/enrolments/{enrolment.id}/submission", width=360)
    page.get_by_label("Assignment").select_option("A film by one window")
    page.get_by_role("button", name="Choose").click()
    on_a_slow_line(page, 8 * MB)
    page.get_by_label(FILES).set_input_files([film])
    expect(arrivals(page)).to_contain_text(re.compile(r"MB of\s24\sMB"), timeout=30_000)
    page.get_by_role("button", name="Hand in for Adwoa").click()
    expect(page.get_by_text("Still arriving")).to_be_visible()
    assert_no_sideways_scrolling(page)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/staff-still-arriving.png", full_page=True)
    page.wait_for_url("**/receipt", timeout=30_000)
    expect(page.get_by_text(hashlib.sha256(film.read_bytes()).hexdigest())).to_be_visible()
    expect(page.get_by_text("for the student")).to_be_visible()
    site.session.rollback()


def test_a_film_chosen_before_the_scripts_are_here_arrives_once_they_are(
    site: Site, open_browser: Open, film: Path
) -> None:
    name = new_student(site, "Serwaa")
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="A scene in no hurry")
    site.session.commit()
    page = open_browser(width=360)
    sign_in(page, name)
    held: list[Route] = []
    page.route("**/js/resumable*", lambda route: held.append(route))
    page.goto(f"/student/assignments/{assignment.id}", wait_until="commit")
    page.get_by_label(FILES).set_input_files([film])
    expect(arrivals(page)).not_to_contain_text(film.name)
    held[0].continue_()
    expect(arrivals(page)).to_contain_text("arrived safely", timeout=30_000)
    expect(page.locator(".chosen-files")).to_be_hidden()
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url(re.compile("/receipt"))


def test_a_file_that_is_not_what_its_name_says_is_refused_beside_itself_and_the_others_stay(
    site: Site, open_browser: Open, tmp_path: Path
) -> None:
    name = new_student(site, "Akua")
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="Ten portraits", max_files=2)
    site.session.commit()
    liar, photo, third = tmp_path / "film.mp4", tmp_path / "one.jpg", tmp_path / "two.jpg"
    liar.write_bytes(b"MZ\x90\x00" + bytes(5000))
    photo.write_bytes(b"\xff\xd8\xff\xe0" + bytes(5000))
    third.write_bytes(b"\xff\xd8\xff\xe0" + bytes(6000))
    page = opened(open_browser, name, f"/student/assignments/{assignment.id}")
    page.get_by_label(FILES).set_input_files([liar, photo])
    expect(arrivals(page)).to_contain_text("Put it into a ZIP archive")
    expect(arrivals(page).get_by_text("arrived safely")).to_be_visible()
    page.get_by_role("button", name="Hand in", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="“film.mp4” is not taken. Remove it")).to_be_visible()
    expect(page.get_by_role("button", name="Remove film.mp4")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label(FILES).set_input_files([third])
    expect(arrivals(page).get_by_text("arrived safely")).to_have_count(2)
    page.get_by_label(FILES).set_input_files([photo])
    expect(page.get_by_role("alert").filter(has_text="At most 2 files")).to_be_visible()
    page.get_by_role("button", name="Remove one.jpg").click()
    expect(arrivals(page).get_by_text("arrived safely")).to_have_count(1)
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/receipt")
    expect(page.get_by_text("two.jpg")).to_be_visible()
    expect(page.get_by_text("one.jpg")).to_have_count(0)


@pytest.mark.usefixtures("at_work")
def test_pressing_hand_in_while_files_arrive_leaves_it_to_the_portal_and_can_be_taken_back(
    site: Site, open_browser: Open, film: Path, tmp_path: Path
) -> None:
    name = new_student(site, "Adwoa")
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="Three scenes")
    site.session.commit()
    others = [tmp_path / f"take{number}.mp4" for number in range(2)]
    for other in others:
        other.write_bytes(film.read_bytes()[: 3 * MB])
    page = opened(open_browser, name, f"/student/assignments/{assignment.id}")
    on_a_slow_line(page)
    page.get_by_label(FILES).set_input_files([film, *others])
    page.get_by_role("button", name="Hand in", exact=True).click()
    expect(page.get_by_text("Your work hands itself in")).to_be_visible()
    for each in ("scene.mp4", "take0.mp4", "take1.mp4"):
        expect(page.get_by_text(re.compile(f"when .*{each}.* are whole"))).to_be_visible()
    page.get_by_role("button", name="Do not hand in by itself").click()
    expect(page.get_by_text("Your work hands itself in")).to_have_count(0)
    expect(arrivals(page).get_by_text("arrived safely")).to_have_count(3, timeout=30_000)
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url("**/receipt")
    expect(page.get_by_text("take1.mp4")).to_be_visible()


def test_a_film_whose_beginning_was_answered_to_nobody_is_one_film_and_goes_on_where_it_is_furthest(
    site: Site, open_browser: Open, film: Path
) -> None:
    name = new_student(site, "Efe")
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="A scene by two windows")
    site.session.commit()
    unanswered: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        if route.request.method == "POST" and not unanswered:
            unanswered.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    address = f"/student/assignments/{assignment.id}"
    page = opened(open_browser, name, address, width=360)
    page.route("**/uploads/**", lose_the_first_answer)
    on_a_slow_line(page)
    page.get_by_label(FILES).set_input_files([film])
    expect(arrivals(page)).to_contain_text(re.compile(r"[1-9](\.\d)?\sMB of\s24\sMB"), timeout=30_000)
    page.get_by_role("button", name="Pause scene.mp4").click()
    upload = site.session.scalars(select(Upload).where(Upload.subject_id == assignment.id)).one()
    assert unanswered == [201]

    # in another window, earlier
    begin_upload_again(site.session, upload)
    page.goto(address)
    expect(arrivals(page).get_by_role("listitem")).to_have_count(2)
    with page.expect_request(lambda sent: sent.method == "HEAD") as asked:
        page.get_by_label(FILES).set_input_files([film])
    assert asked.value.url.endswith(upload.id)
    site.session.rollback()


def begin_upload_again(session: Session, upload: Upload) -> None:
    """Have the same file be begun once more, and first, without a byte of it."""
    told = {"purpose": upload.purpose, "subject_id": upload.subject_id, "client_metadata": upload.client_metadata}
    at = upload.created_at - timedelta(minutes=1)
    moments = {"created_at": at, "last_received_at": at, "expires_at": upload.expires_at}
    session.add(
        Upload(id="0" * 48, owner_id=upload.owner_id, length=upload.length, name=upload.name, **told, **moments)
    )
    session.commit()
