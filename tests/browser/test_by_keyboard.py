"""What a trainer does around the marking, with the keyboard alone: quizzes, briefs, groups, attempts, all work."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import WIDTHS, Site, assert_no_sideways_scrolling, sign_in, tab_to
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.domain.quizzes.arranging import COUNTED, make_quiz
from tests.factories import make_assignment

PDF = b"%PDF-1.4 a script"
JPEG = b"\xff\xd8\xff\xe0 light"


@pytest.fixture
def kofi(site: Site, open_browser: Callable[..., Page]) -> Page:
    """Kofi, signed in on a phone with a keyboard."""
    page = open_browser(width=WIDTHS["phone"])
    sign_in(page, str(site.cast.kofi.email))
    return page


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    tab_to(page, wanted)
    page.keyboard.press(key)


def type_into(page: Page, wanted: Locator, words: str) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Control+a")
    page.keyboard.type(words)


def test_a_quiz_is_written_put_in_order_and_published(site: Site, kofi: Page) -> None:
    quiz = make_quiz(site.session, site.cast, COUNTED[:2], state="draft", published_at=None)
    site.session.commit()
    kofi.goto(f"/trainer/assignments/{quiz.id}/questions")
    press(kofi, kofi.get_by_role("link", name="True or false"))
    type_into(kofi, kofi.get_by_label("Question", exact=True), "Water is wet.")
    type_into(kofi, kofi.get_by_label("Points"), "4")
    press(kofi, kofi.get_by_label("True", exact=True), "Space")
    assert_no_sideways_scrolling(kofi)
    press(kofi, kofi.get_by_role("button", name="Save", exact=True))
    questions = kofi.get_by_role("list", name="Questions").locator("h2 + span")
    expect(questions).to_have_count(3)

    press(kofi, kofi.get_by_role("button", name="Up with question 3"))
    expect(kofi.locator("li.question").nth(1)).to_contain_text("Water is wet.")
    remove = kofi.get_by_role("button", name="Remove question 1")
    press(kofi, remove)
    expect(kofi.get_by_role("dialog", name="Remove question 1?")).to_be_visible()
    kofi.keyboard.press("Escape")
    expect(remove).to_be_focused()  # nothing is done, and one is where one was
    kofi.keyboard.press("Enter")
    press(kofi, kofi.get_by_role("dialog").get_by_role("button", name="Remove"))
    expect(questions).to_have_count(2)
    assert_no_sideways_scrolling(kofi)

    press(kofi, kofi.get_by_role("button", name="Make the quiz worth"))
    expect(kofi.get_by_text("together, as the quiz is")).to_be_visible()
    press(kofi, kofi.get_by_label("Breadcrumb").get_by_role("link", name=quiz.title))
    press(kofi, kofi.get_by_role("button", name="Publish"))
    expect(kofi.get_by_role("button", name="Publish")).to_have_count(0)
    site.session.refresh(quiz)
    assert quiz.state == "published"


def test_files_of_a_brief_are_put_in_order_taken_out_and_brought_back(site: Site, kofi: Page) -> None:
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="From a script")
    site.session.commit()
    kofi.goto(f"/trainer/assignments/{assignment.id}/attachments")
    kofi.get_by_label("Files").set_input_files([
        {"name": "Script.pdf", "mimeType": "application/pdf", "buffer": PDF},
        {"name": "light.jpg", "mimeType": "image/jpeg", "buffer": JPEG},
    ])  # fmt: skip
    press(kofi, kofi.get_by_role("button", name="Add"))
    files = kofi.locator("#attachments > *")
    expect(files).to_have_count(2)
    press(kofi, kofi.get_by_role("button", name="Up with light.jpg"))
    expect(files.first).to_contain_text("light.jpg")
    assert_no_sideways_scrolling(kofi)
    hand_in(site.session, site.cast, assignment)  # from now on what is taken out stays
    press(kofi, kofi.get_by_role("button", name="Take out Script.pdf"))
    press(kofi, kofi.get_by_role("dialog").get_by_role("button", name="Take it out"))
    expect(files).to_have_count(1)
    press(kofi, kofi.get_by_role("button", name="Bring back Script.pdf"))
    expect(files).to_have_count(2)


def test_all_work_is_chosen_and_taken_away(site: Site, kofi: Page) -> None:
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="All at once")
    hand_in(site.session, site.cast, assignment, text="First.")
    hand_in(site.session, site.cast, assignment, text="Second.")
    site.session.commit()
    kofi.goto(f"/trainer/assignments/{assignment.id}/work")
    press(kofi, kofi.get_by_label("Attempts"), "ArrowDown")
    kofi.wait_for_url("**attempts=all**")
    press(kofi, kofi.get_by_label("Folders named by"), "ArrowDown")
    kofi.wait_for_url("**named_by=numbers**")
    expect(kofi.get_by_text("No names of students")).to_be_visible()
    assert_no_sideways_scrolling(kofi)
    with kofi.expect_download() as download:
        press(kofi, kofi.get_by_role("link", name="Get the ZIP"))
    names = zipfile.ZipFile(download.value.path()).namelist()
    assert len([name for name in names if name.endswith(".txt")]) >= 2
    assert not any("Mensah" in name for name in names)


def test_attempts_are_compared(site: Site, kofi: Page) -> None:
    assignment = make_assignment(site.session, site.cast.intake, site.cast.kofi, title="Three tries")
    for words in ("Morning light.", "Noon light.", "Evening light."):
        work = hand_in(site.session, site.cast, assignment, text=words)
    site.session.commit()
    kofi.goto(f"/trainer/submissions/{work.id}")
    press(kofi, kofi.get_by_role("link", name="side by side"))
    expect(kofi.locator("#comparison")).to_contain_text("Noon light.")
    press(kofi, kofi.get_by_label("Earlier"), "ArrowUp")
    expect(kofi.locator("#comparison")).to_contain_text("Morning light.")
    assert_no_sideways_scrolling(kofi)


def test_groups_are_formed_as_before_and_one_member_gets_another_mark(site: Site, kofi: Page) -> None:
    work = group_work_of_two(site.session, site.cast)
    assignment = make_group_work(site.session, site.cast, formation="trainer", title="The next film")
    kofi.goto(f"/trainer/assignments/{assignment.id}/groups")
    press(kofi, kofi.get_by_role("button", name="Form the same groups"))
    expect(kofi.get_by_role("heading", name="Night owls")).to_be_visible()
    assert_no_sideways_scrolling(kofi)

    kofi.goto(f"/trainer/submissions/{work}")
    press(kofi, kofi.get_by_role("link", name="Another mark for Esther Tetteh"))
    type_into(kofi, kofi.get_by_label("Points"), "65")
    type_into(kofi, kofi.get_by_label("Why"), "Came late to every shoot.")
    kofi.keyboard.press("Enter")
    expect(kofi.get_by_text("Esther Tetteh alone: 65 of")).to_be_visible()
    assert_no_sideways_scrolling(kofi)


def group_work_of_two(session: Session, cast: Cast) -> UUID:
    """Return the marked work of a group of two."""
    assignment = make_group_work(session, cast, formation="trainer", title="The first film")
    _, esther = enrol(session, cast, "Esther")
    make_group(session, cast, assignment, cast.enrolment, esther, name="Night owls")
    work = hand_in(session, cast, assignment)
    mark(session, cast, work)
    return work.id
