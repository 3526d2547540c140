"""The page of the system, with the keyboard alone and without JavaScript: everything on it is reached and done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from tests.browser.conftest import MOST_TABS, WIDTHS, assert_no_sideways_scrolling, tab_to
from tests.factories import make_session
from tests.served import Site

PAGE = "/admin/system"
Open = Callable[..., Page]
JOB = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, queueing_lock)
    VALUES ('default', :name, 'failed', :tries, :lock)
    """
NOTED = (
    "INSERT INTO timings (span, method, route, up_to_ms, number, slowest_ms) VALUES "
    "(now(), 'GET', '/student/submissions/<uuid:submission_id>/files/<uuid:file_id>', 300, 41, 287), "
    "(now(), 'JOB', 'mail.deliver', 100, 7, 91)",
    "INSERT INTO slow_statements (day, fingerprint, route, statement, number, slowest_ms, last_at) VALUES "
    "(current_date, 'one', '/trainer/marking', 'SELECT submissions.id, submissions.state, submissions.submitted_at "
    "FROM submissions JOIN assignments ON assignments.id = submissions.assignment_id WHERE assignments.intake_id = ?', "
    "3, 1840, now())",
    "INSERT INTO faults (id, at, kind, route, error, source, reference) VALUES "
    "(gen_random_uuid(), now(), 'request', '/student/submissions/<uuid:submission_id>', 'OperationalError', "
    "'portal.domain.assignments.submitting:211', '7f3a9c2e51d0')",
)


@pytest.fixture(autouse=True)
def happened(site: Site) -> Iterator[None]:
    """Something of everything that the page shows: two jobs given up and a periodic one, a slow statement, an error."""
    for statement in NOTED:
        site.session.execute(text(statement))
    for name, tries, lock in (
        ("mail.deliver", 60, None),
        ("accounts.send_invitation", 60, None),
        ("rows.sweep", 1, "rows.sweep"),
    ):
        site.session.execute(text(JOB), {"name": name, "tries": tries, "lock": lock})
    site.session.commit()
    yield
    for table in ("procrastinate_jobs", "timings", "slow_statements", "faults"):
        site.session.execute(text(f"DELETE FROM {table}"))
    site.session.commit()


def opened_by_efua(site: Site, open_browser: Open, **options) -> Page:
    page = open_browser(**options)
    token, _ = make_session(site.session, site.cast.efua)
    site.session.commit()
    page.context.add_cookies([{"name": "portal", "value": token, "url": site.address}])
    page.goto(PAGE)
    return page


@pytest.mark.parametrize("width, scheme", [(WIDTHS["phone"], "dark"), (WIDTHS["desk"], "light")])
def test_an_admin_reaches_everything_with_the_keyboard_alone_and_sees_where_they_are(
    site: Site, open_browser: Open, width: int, scheme: str
) -> None:
    page = opened_by_efua(site, open_browser, width=width, color_scheme=scheme)
    assert_no_sideways_scrolling(page)
    wanted = page.locator("main").locator("a:visible, button:visible, summary:visible").count()
    reached = [place for place in walk(page) if place["inside"]]
    assert len(reached) == wanted
    assert [place for place in reached if place["outline"] == "none" or not place["seen"]] == []
    tops = [place["top"] for place in reached]
    assert tops == sorted(tops)  # from top to bottom, as it is read


def test_an_admin_sees_to_a_job_with_the_keyboard_alone(site: Site, open_browser: Open) -> None:
    page = opened_by_efua(site, open_browser)
    rows = page.locator("#given-up tbody tr")
    let_go = page.get_by_role("button", name="Let it go")
    tab_to(page, let_go.first)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Let job")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(let_go.first).to_be_focused()  # nothing is done, and one is where one was
    expect(rows).to_have_count(3)
    page.keyboard.press("Enter")
    tab_to(page, dialog.get_by_role("button", name="Let it go"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("let go. It is not counted any more.")).to_be_visible()
    expect(rows).to_have_count(2)
    tab_to(page, page.get_by_role("button", name="Try again").first)
    page.keyboard.press("Enter")
    expect(page.get_by_text("tried again within seconds")).to_be_visible()
    expect(rows).to_have_count(1)
    tab_to(page, page.locator("summary").filter(has_text="SELECT submissions.id"))
    page.keyboard.press("Enter")
    expect(page.locator("code.typed")).to_be_visible()


def test_an_admin_sees_to_everything_without_javascript(site: Site, open_browser: Open) -> None:
    page = opened_by_efua(site, open_browser, width=WIDTHS["phone"], javascript=False)
    expect(page.get_by_text("2 jobs given up.")).to_be_visible()
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_text("tried again within seconds")).to_be_visible()
    expect(page.get_by_text("1 job given up.")).to_be_visible()
    rows = page.locator("#given-up tbody tr")
    for left in (1, 0):
        page.get_by_role("button", name="Let it go").first.click()
        expect(rows).to_have_count(left)
        expect(page.get_by_text("let go. It is not counted any more.")).to_be_visible()
    expect(page.locator("#given-up")).to_have_count(0)
    page.get_by_role("link", name="Last day").click()
    page.wait_for_url("**period=day**")
    page.get_by_text("SELECT submissions.id").first.click()
    expect(page.locator("code.typed")).to_be_visible()


def walk(page: Page) -> list[dict[str, Any]]:
    """Return where the Tab key leads, place by place, until it leaves the page."""
    places = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        place = page.evaluate(WHERE)
        if place is None:
            return places
        places.append(place)
    raise AssertionError(f"more than {MOST_TABS} places, or a ring")


WHERE = """() => {
  const place = document.activeElement;
  if (place === document.body) return null;
  const box = place.getBoundingClientRect();
  return {
    words: place.textContent.trim(),
    inside: Boolean(place.closest("main")),
    outline: getComputedStyle(place).outlineStyle,
    seen: place.contains(document.elementFromPoint(box.left + Math.min(box.width, 16) / 2, box.top + box.height / 2)),
    top: Math.round((box.top + scrollY) / 40),
  };
}"""
