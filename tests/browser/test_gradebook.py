"""What only a browser shows of results: the gradebook by keyboard, and marks and weights worked out while typing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from portal.domain.assignments.models import Assignment
from tests.browser.conftest import WIDTHS, Site, assert_no_sideways_scrolling, sign_in
from tests.domain.assignments.arranging import hand_in, mark
from tests.domain.results.arranging import weighed

Open = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def work(site: Site) -> Assignment:
    """The first of two assignments that make the results of the intake, the tests in whatever order."""
    return weighed(site.session, site.cast, "60", "40")[0]


def test_a_trainer_walks_the_gradebook_by_keyboard_and_a_student_imagines_marks(
    site: Site, open_browser: Open, work: Assignment
) -> None:
    submission = hand_in(site.session, site.cast, work)
    mark(site.session, site.cast, submission, "50", release=True)

    trainer = open_browser(width=WIDTHS["phone"])
    sign_in(trainer, str(site.cast.kofi.email))
    trainer.goto(f"/trainer/intakes/{site.cast.intake.id}/gradebook")
    assert_no_sideways_scrolling(trainer)
    assert not Axe().run(trainer).response["violations"]
    name = trainer.get_by_role("link", name="Ama Mensah")
    name.focus()
    for key in ("ArrowRight", "ArrowRight"):
        trainer.keyboard.press(key)
    expect(trainer.get_by_role("link", name="50")).to_be_focused()
    trainer.keyboard.press("ArrowRight")
    trainer.keyboard.press("ArrowRight")  # there is nothing further, so the focus stays
    cell = trainer.locator(".book tbody td").nth(2)
    expect(cell).to_be_focused()
    expect(cell).to_be_in_viewport()
    expect(name).to_be_in_viewport()  # the column of names stays, however far the others are scrolled
    trainer.keyboard.press("Home")
    expect(name).to_be_focused()
    trainer.keyboard.press("ArrowRight")
    trainer.keyboard.press("ArrowRight")
    trainer.keyboard.press("Enter")
    trainer.wait_for_url(f"**/trainer/submissions/{submission.id}")

    student = open_browser(width=WIDTHS["phone"])
    sign_in(student, str(site.cast.ama.email))
    student.goto(f"/student/courses/{site.cast.intake.id}/results")
    assert_no_sideways_scrolling(student)
    assert not Axe().run(student).response["violations"]
    field = student.get_by_label("If the mark of Work 2 were, of 100")
    field.fill("100")
    expect(student.locator("#final .figure").filter(has_text="Final mark")).to_contain_text("70 %")
    expect(field).to_be_focused()
    assert "if-" not in student.url


def test_what_weights_add_to_is_told_while_they_are_typed(site: Site, open_browser: Open) -> None:
    trainer = open_browser(width=WIDTHS["phone"])
    sign_in(trainer, str(site.cast.kofi.email))
    trainer.goto(f"/trainer/intakes/{site.cast.intake.id}/weights")
    assert_no_sideways_scrolling(trainer)
    assert not Axe().run(trainer).response["violations"]
    trainer.get_by_label("Weight of Work 1 in percent").fill("55")
    expect(trainer.locator("#sum")).to_contain_text("5 still to be given")
    trainer.get_by_label("Weight of Work 1 in percent").press("Enter")
    expect(trainer.get_by_role("heading", name="Nothing is saved")).to_be_visible()
    trainer.get_by_role("button", name="Share equally").click()
    expect(trainer.get_by_label("Weight of Work 2 in percent")).to_have_value("50")
    trainer.get_by_role("button", name="Save the weights").click()
    trainer.wait_for_url("**/gradebook")
    expect(trainer.get_by_text("The weights are saved.")).to_be_visible()
