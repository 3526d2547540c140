"""The main jobs, done in a real browser as a person does them; two of them also without JavaScript."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from portal.domain.accounts.models import SignInThrottle, User
from portal.domain.accounts.passwords import hash_password
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.live_classes.models import LiveClass
from tests.browser.conftest import assert_no_sideways_scrolling, sign_in
from tests.conftest import PASSWORD
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, make_enrolment, make_live_class, make_room, make_user, now
from tests.served import Site

Open = Callable[..., Page]
MB = 1_000_000
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A photograph, a PDF and a video of 50 MB, as a student has them on her phone."""
    folder = tmp_path_factory.mktemp("works")
    photo, notes, film = folder / "window.jpg", folder / "notes.pdf", folder / "scene.mp4"
    Image.effect_noise((1200, 800), 60).convert("RGB").save(photo, quality=80)
    notes.write_bytes(PDF)
    head = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
    body = bytes(range(256)) * (50 * MB // 256)
    film.write_bytes((head + (len(body) % 2**32).to_bytes(4, "big") + b"mdat" + body)[: 50 * MB])
    return {"photo": photo, "notes": notes, "film": film}


def new_student(site: Site, name: str) -> str:
    """Enrol one more student in Ama's intake, so that each journey begins afresh; return the e-mail."""
    email = f"{name.lower()}-{uuid4().hex[:8]}@example.test"
    person = make_user(site.session, first_name=name, last_name="Tetteh", email=email)
    person.password_hash = hash_password(PASSWORD)
    make_enrolment(site.session, person, site.cast.intake)
    site.session.commit()
    return email


def test_a_person_who_guesses_is_made_to_wait_and_the_owner_of_a_known_device_is_not(
    site: Site, open_browser: Open
) -> None:
    name = new_student(site, "Adwoa")
    own = open_browser()
    sign_in(own, name)
    own.get_by_text("Sign out").first.wait_for(state="attached")
    stranger = open_browser()
    for _ in range(6):
        stranger.goto("/login")
        stranger.get_by_label("E-mail, phone or student number").fill(name)
        stranger.get_by_label("Password", exact=True).fill("a wrong guess entirely")
        stranger.get_by_role("button", name="Sign in").click()
        expect(stranger.get_by_role("alert")).to_be_visible()
    stranger.goto("/login")
    stranger.get_by_label("E-mail, phone or student number").fill(name)
    stranger.get_by_label("Password", exact=True).fill(PASSWORD)
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_contain_text(re.compile("wait|minute", re.I))
    assert site.session.scalars(select(SignInThrottle).where(SignInThrottle.blocked_until.is_not(None))).all()
    site.session.rollback()
    own.context.clear_cookies(name="portal")  # the session ends; the device is still known
    sign_in(own, name)
    expect(own.locator("h1")).to_be_visible()
    assert own.url.endswith("/student/")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_student_hands_in_a_photo_a_pdf_and_a_video_and_sees_the_receipt(
    site: Site, open_browser: Open, works: dict[str, Path], javascript: bool
) -> None:
    title = f"A portrait {'with' if javascript else 'without'} scripts"
    make_assignment(site.session, site.cast.intake, site.cast.kofi, title=title)
    site.session.commit()
    page = open_browser(width=360, javascript=javascript)
    sign_in(page, new_student(site, "Akosua" if javascript else "Abena"))
    page.goto("/student/assignments")
    page.get_by_role("link", name=title).first.click()
    page.get_by_label(re.compile("^Text|^Your text|write", re.I)).first.fill("Light from the left, a grey wall.")
    page.get_by_label(re.compile("^Files")).set_input_files(list(works.values()))
    if javascript:
        expect(page.get_by_role("list", name="What arrives").get_by_text("arrived safely")).to_have_count(
            len(works), timeout=60_000
        )
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url(re.compile("/receipt"), timeout=60_000)
    expect(page.get_by_text("window.jpg")).to_be_visible()
    receipt = page.locator("main").inner_text()
    for path in works.values():
        assert path.name in receipt
        assert hashlib.sha256(path.read_bytes()).hexdigest() in receipt.replace("\n", "").replace(" ", "")
    made = site.session.scalars(select(Submission).order_by(Submission.submitted_at.desc())).first()
    assert made.number in receipt
    assert made.code in receipt
    assert len(re.findall(rb"/Type /Page\b", page.pdf(format="A4"))) == 1, "a receipt is printed on one sheet"
    site.session.rollback()
    assert_no_sideways_scrolling(page)


def test_a_trainer_whose_line_drops_goes_back_presses_again_and_has_set_one_assignment(
    site: Site, open_browser: Open
) -> None:
    page = open_browser(width=360)
    sign_in(page, "kofi@example.test")
    unanswered: list[int] = []

    def lose_the_first_answer(route: Route) -> None:
        if route.request.method == "POST" and not unanswered:
            unanswered.append(route.fetch(max_redirects=0).status)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/trainer/assignments", lose_the_first_answer)
    page.goto("/trainer/assignments/new")
    for title in ("A street at noon", "A street at night"):
        page.get_by_label("Title").fill(title)
        page.get_by_role("button", name="Save as draft").click()
        page.wait_for_url("chrome-error://**" if title == "A street at noon" else "**/trainer/assignments/*-*")
        page.go_back()
        expect(page.get_by_label("Title")).to_have_value(title)
        page.get_by_role("button", name="Save as draft").click()
        expect(page.get_by_text("was not done twice")).to_be_visible()
        page.go_back()
    set_now = select(Assignment.title).where(Assignment.title.startswith("A street")).order_by(Assignment.title)
    assert unanswered == [303]
    assert site.session.scalars(set_now).all() == ["A street at night", "A street at noon"]
    site.session.rollback()


def test_work_that_is_refused_stays_in_the_form(site: Site, open_browser: Open, works: dict[str, Path]) -> None:
    make_assignment(site.session, site.cast.intake, site.cast.kofi, title="Only pictures", accepted_kinds=["image"])
    site.session.commit()
    page = open_browser(javascript=False)
    sign_in(page, new_student(site, "Efe"))
    page.goto("/student/assignments")
    page.get_by_role("link", name="Only pictures").first.click()
    page.get_by_label(re.compile("^Text|^Your text|write", re.I)).first.fill("My thoughts on light.")
    page.get_by_label(re.compile("^Files")).set_input_files([works["photo"], works["notes"]])
    page.get_by_role("button", name="Hand in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label(re.compile("^Text|^Your text|write", re.I)).first).to_have_value("My thoughts on light.")
    expect(page.get_by_label(re.compile("window.jpg"))).to_be_checked()  # what arrived well need not be sent again
    page.get_by_role("button", name="Hand in", exact=True).click()
    page.wait_for_url(re.compile("/receipt"))
    expect(page.locator("main")).to_contain_text("window.jpg")


def test_a_trainer_schedules_a_class_moves_it_into_a_clash_and_is_refused(site: Site, open_browser: Open) -> None:
    room = make_room(site.session, name="Studio One")
    start = (now() + timedelta(days=3)).replace(hour=10, minute=0, second=0, microsecond=0)
    make_live_class(
        site.session, site.cast.other_intake, site.cast.yaw, title="Film sound", starts_at=start, room_id=room.id
    )
    site.session.commit()
    page = open_browser()
    sign_in(page, "kofi@example.test")
    page.goto(f"/trainer/live-classes/new/{site.cast.intake.id}")
    page.get_by_label(re.compile("^Title")).fill("Light and shade")
    page.get_by_label(re.compile("^Date and time")).fill((start + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label(re.compile("^Room")).select_option(label="Studio One")
    page.get_by_role("button", name="Schedule the class").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Light and shade")
    made = site.session.scalars(select(LiveClass).where(LiveClass.title == "Light and shade")).one()
    site.session.rollback()
    page.goto(f"/trainer/live-classes/{made.id}/time-and-place")
    page.get_by_label(re.compile("^Date and time")).fill(start.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Move the class").click()
    expect(page.get_by_role("alert")).to_contain_text("Film sound")
    expect(page.get_by_label(re.compile("^Date and time"))).to_have_value(start.strftime("%Y-%m-%dT%H:%M"))
    site.session.refresh(made)
    assert made.starts_at == start + timedelta(hours=4)
    site.session.rollback()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_trainer_marks_and_the_student_sees_the_mark(
    site: Site, open_browser: Open, works: dict[str, Path], javascript: bool
) -> None:
    title = f"Marked {'with' if javascript else 'without'} scripts"
    make_assignment(site.session, site.cast.intake, site.cast.kofi, title=title)
    site.session.commit()
    name = new_student(site, "Yaa" if javascript else "Araba")
    student = open_browser(javascript=javascript)
    sign_in(student, name)
    student.goto("/student/assignments")
    student.get_by_role("link", name=title).first.click()
    student.get_by_label(re.compile("^Files")).set_input_files([works["photo"]])
    if javascript:
        expect(student.get_by_role("list", name="What arrives").get_by_text("arrived safely")).to_be_visible(
            timeout=60_000
        )
    student.get_by_role("button", name="Hand in", exact=True).click()
    student.wait_for_url(re.compile("/receipt"))
    trainer = open_browser(javascript=javascript)
    sign_in(trainer, "kofi@example.test")
    trainer.goto("/trainer/marking")
    row = trainer.get_by_role("row").filter(has_text=title)
    row.get_by_role("link").first.click()
    trainer.get_by_label(re.compile("^Points")).fill("82.5")
    trainer.get_by_label(re.compile("^Feedback")).fill("A brave composition.")
    trainer.get_by_label(re.compile("release|see", re.I)).check()
    trainer.get_by_role("button", name="Save", exact=True).click()
    expect(trainer.get_by_text("82.5 of 100, released.")).to_be_visible()
    student.goto("/student/assignments")
    student.get_by_role("link", name=title).first.click()
    expect(student.locator("main")).to_contain_text("82.5")
    expect(student.locator("main")).to_contain_text("A brave composition.")


def test_an_admin_sees_the_state_of_the_institute_and_it_refreshes_itself(site: Site, open_browser: Open) -> None:
    page = open_browser()
    sign_in(page, "efua@example.test")
    assert page.url.endswith("/admin/")
    figures = page.locator("main")
    expect(figures).to_contain_text("Students")
    with page.expect_response(lambda answer: "/admin/figures" in answer.url, timeout=40_000) as polled:
        pass
    assert polled.value.status in {200, 204, 304}
    page.get_by_role("link", name=re.compile("Students")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("People")


def test_a_student_signs_in_and_hands_in_with_the_keyboard_alone(
    site: Site, open_browser: Open, works: dict[str, Path]
) -> None:
    made = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="By keyboard")
    site.session.commit()
    page = open_browser()
    page.goto("/login")
    page.keyboard.type(new_student(site, "Mansa"))  # the first field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/student/")
    page.goto(f"/student/assignments/{made.id}")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.type("Typed, never clicked.")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()").startswith("Hand in"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/receipt"))


def test_a_trainer_goes_through_the_queue_with_the_keyboard_alone(site: Site, open_browser: Open) -> None:
    made = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="By letters")
    site.session.commit()
    for name in ("Akua", "Efe", "Naa"):
        student = site.session.scalar(select(User).where(User.email == new_student(site, name)))
        hand_in(site.session, site.cast, made, by=student)
    page = open_browser()
    sign_in(page, "kofi@example.test")
    page.goto(f"/trainer/marking?assignment={made.id}")
    focused = page.locator(":focus")
    for key, name in (("j", "Akua"), ("j", "Efe"), ("j", "Naa"), ("j", "Naa"), ("k", "Efe")):
        page.keyboard.press(key)
        expect(focused).to_contain_text(name)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Efe")
    for key, name in (("j", "Naa"), ("k", "Efe"), ("k", "Akua")):
        page.wait_for_load_state()  # a name is there before the script that reads keys
        page.keyboard.press(key)
        expect(page.locator("h1")).to_contain_text(name)
    page.get_by_label(re.compile("^Points")).focus()
    page.keyboard.type("70")
    page.get_by_label(re.compile("^Feedback")).focus()
    page.keyboard.type("jk jumps nowhere while it is typed")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_contain_text("Efe")
    marked = site.session.scalars(select(Grade.feedback).order_by(Grade.graded_at.desc()).limit(1)).one()
    assert marked == "jk jumps nowhere while it is typed"
