"""Every page, as each kind of person, on a phone and at a desk: accessible, nothing sideways, no complaint."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Page

from portal.web.access import access_of
from tests.architecture.estate import build_estate
from tests.browser.conftest import HEIGHT, WIDTHS, assert_no_sideways_scrolling
from tests.factories import make_session
from tests.served import Site

NOT_PAGES = re.compile(r"^/static/|^/api/(?!v1/docs)|^/metrics|/files?/|favicon")
WHAT_IS_GRAVE = """async () => {
  const rules = {};  // a rule has one impact; those that are never grave need not be asked
  for (const { id, impact } of axe._audit.rules) {
    if (impact !== "serious" && impact !== "critical") rules[id] = { enabled: false };
  }
  const found = await axe.run({ rules, resultTypes: ["violations"], selectors: false });
  return found.violations.map(({ id, nodes }) => [id, nodes[0].html]);
}"""
SCREENS = ((WIDTHS["phone"], "light"), (WIDTHS["desk"], "dark"))
PEOPLE = ("visitor", "ama", "kofi", "efua")


@pytest.fixture(scope="module")
def estate(site: Site) -> dict[str, Any]:
    return build_estate(site.session, site.cast)


@pytest.fixture(scope="module")
def judged() -> set[str]:
    """What was looked at already: the very same text is the same page, whoever gets it."""
    return set()


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_a_person_can_open_is_sound(
    app: Flask, site: Site, estate: dict[str, Any], judged: set[str], open_browser: Callable[..., Page], who: str
) -> None:
    page = open_browser()
    page.add_init_script(AXE_SCRIPT)
    if who != "visitor":
        token, _ = make_session(site.session, getattr(site.cast, who))
        site.session.commit()
        page.context.add_cookies([{"name": "portal", "value": token, "url": site.address}])
    screens, seen = deque(SCREENS), 0
    show(page, screens[0])
    for address in pages_of(app, estate):
        answer = page.request.get(address, max_redirects=0)  # what is no page of theirs, or leads on, is not drawn
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        seen += 1
        if answer.text() in judged:
            continue
        judged.add(answer.text())
        page.goto(address)
        assert_is_sound(page, f"{address} on {screens[0]}")
        screens.rotate()  # the next page begins with the screen that this one ends with
        show(page, screens[0])
        assert_is_sound(page, f"{address} on {screens[0]}")
    assert seen >= 4


def show(page: Page, screen: tuple[int, str]) -> None:
    """Let the page be seen at this width and in this scheme, as on a device that is turned or grows dark."""
    width, scheme = screen
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme=scheme)


def assert_is_sound(page: Page, where: str) -> None:
    assert_no_sideways_scrolling(page)
    assert page.locator("h1").count() == 1, f"{where} has {page.locator('h1').count()} main headings"
    grave = page.evaluate(WHAT_IS_GRAVE)
    assert not grave, f"{where}: {grave}"


def pages_of(app: Flask, estate: dict[str, Any]) -> list[str]:
    """Return the address of every page, with the things of the estate in it."""
    found = []
    for rule in app.url_map.iter_rules():
        access = access_of(app.view_functions[rule.endpoint])
        if "GET" not in rule.methods or NOT_PAGES.search(rule.rule) or (access and access.polled):
            continue
        with app.test_request_context():
            values = {name: estate[name] for name in rule.arguments}
            found.append(app.url_map.bind("localhost").build(rule.endpoint, values))
    return sorted(set(found))
