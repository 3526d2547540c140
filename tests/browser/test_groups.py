"""Groups with the keyboard alone and without JavaScript: a trainer forms them, a student chooses one."""

from __future__ import annotations

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import WIDTHS, Site, assert_no_sideways_scrolling, sign_in, tab_to
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work

Open = Callable[..., Page]


def test_a_trainer_forms_groups_with_the_keyboard_alone(site: Site, open_browser: Open) -> None:
    assignment = make_group_work(site.session, site.cast, formation="trainer", group_most=2)
    for name in ("Abena", "Kwame", "Akosua"):
        enrol(site.session, site.cast, name)
    page = open_browser(width=WIDTHS["phone"])
    sign_in(page, str(site.cast.kofi.email))
    page.goto(f"/trainer/assignments/{assignment.id}/groups")
    assert_no_sideways_scrolling(page)
    assert not Axe().run(page).response["violations"]
    groups = page.locator("#groups")

    tab_to(page, page.get_by_label("Name (optional)"))
    page.keyboard.type("Early birds")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Early birds” is there.")).to_be_visible()

    for name in ("Ama Mensah", "Abena Tetteh"):
        tab_to(page, page.get_by_label(f"Choose {name}"))
        page.keyboard.press("Space")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    assert_no_sideways_scrolling(page)
    tab_to(page, page.get_by_label("Into"))
    page.keyboard.type("Early")
    tab_to(page, page.get_by_role("button", name="Move"))
    expect(page.get_by_role("button", name="Move")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 students moved.")).to_be_visible()
    expect(groups).to_contain_text("Ama Mensah, Abena Tetteh")

    tab_to(page, groups.locator("summary"))
    page.keyboard.press("Enter")
    tab_to(page, groups.get_by_label("Name"))
    page.keyboard.press("Control+a")
    page.keyboard.type("Night shift")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is called “Night shift” now.")).to_be_visible()

    tab_to(page, page.get_by_role("button", name="Draw"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/groups/lot?of=2")
    assert not Axe().run(page).response["violations"]
    tab_to(page, page.get_by_role("button", name="Form 1 group"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Everybody is in a group.")).to_be_visible()


def test_a_student_chooses_a_group_and_leaves_it_with_the_keyboard_alone(site: Site, open_browser: Open) -> None:
    assignment = make_group_work(site.session, site.cast)
    make_group(site.session, site.cast, assignment, enrol(site.session, site.cast)[1], name="Birds")
    page = open_browser(width=WIDTHS["phone"])
    sign_in(page, str(site.cast.ama.email))
    page.goto(f"/student/assignments/{assignment.id}/group")
    assert_no_sideways_scrolling(page)
    assert not Axe().run(page).response["violations"]
    tab_to(page, page.get_by_role("button", name="Join Birds"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are in “Birds”.")).to_be_visible()

    leave = page.get_by_role("button", name="Leave", exact=True)
    tab_to(page, leave)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Leave “Birds”?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(leave).to_be_focused()  # nothing is done, and one is where one was
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Leave it"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are in no group now.")).to_be_visible()


def test_groups_are_formed_chosen_and_left_without_javascript(site: Site, open_browser: Open) -> None:
    assignment = make_group_work(site.session, site.cast)
    enrol(site.session, site.cast, "Esther")
    trainer = open_browser(width=WIDTHS["phone"], javascript=False)
    sign_in(trainer, str(site.cast.kofi.email))
    trainer.goto(f"/trainer/assignments/{assignment.id}/groups")
    trainer.get_by_label("Name (optional)").fill("Owls")
    trainer.get_by_role("button", name="Add").click()
    trainer.get_by_label("Choose Esther Tetteh").check()
    trainer.get_by_label("Into").select_option(label="Owls (0 of 3)")
    trainer.get_by_role("button", name="Move").click()
    expect(trainer.get_by_text("1 student moved.")).to_be_visible()

    student = open_browser(width=WIDTHS["phone"], javascript=False)
    sign_in(student, str(site.cast.ama.email))
    student.goto(f"/student/assignments/{assignment.id}")
    student.get_by_role("link", name="Choose a group").click()
    student.get_by_role("button", name="Join Owls").click()
    expect(student.get_by_text("You are in “Owls”.")).to_be_visible()
    student.get_by_role("button", name="Leave").click()
    expect(student.get_by_text("You are in no group now.")).to_be_visible()
    student.get_by_label("Name (optional)").fill("Larks")
    student.get_by_role("button", name="Make it").click()
    expect(student.get_by_text("“Larks” is there, and you are in it.")).to_be_visible()


def test_on_paper_groups_are_light_with_nothing_that_is_only_pressed(site: Site, open_browser: Open) -> None:
    assignment = make_group_work(site.session, site.cast, formation="trainer")
    make_group(site.session, site.cast, assignment, site.cast.enrolment, name="Birds")
    page = open_browser(color_scheme="dark")
    sign_in(page, str(site.cast.kofi.email))
    page.goto(f"/trainer/assignments/{assignment.id}/groups")
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    assert page.evaluate(scheme) == "dark"
    page.emulate_media(media="print")
    assert page.evaluate(scheme) != "dark"
    expect(page.locator("#groups")).to_contain_text("Ama Mensah")
    for heading in ("Students", "Add a group"):
        expect(page.get_by_role("heading", name=heading)).to_be_hidden()
