"""Every page, as each kind of person, on a phone and at a desk: accessible, nothing sideways, no complaint."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page

from portal.web.access import access_of
from tests.architecture.estate import build_estate
from tests.browser.conftest import WIDTHS, assert_no_sideways_scrolling
from tests.factories import make_session
from tests.served import Site

NOT_PAGES = re.compile(r"^/static/|^/api/(?!v1/docs)|^/metrics|/files?/|favicon")
ONLY_WHAT_IS_WRONG = {"resultTypes": ["violations"]}  # what is right need not be listed
PEOPLE = ("visitor", "ama", "kofi", "efua")


@pytest.fixture(scope="module")
def estate(site: Site) -> dict[str, Any]:
    return build_estate(site.session, site.cast)


@pytest.mark.parametrize("width, scheme", [(WIDTHS["phone"], "light"), (WIDTHS["desk"], "dark")])
@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_a_person_can_open_is_sound(
    app: Flask, site: Site, estate: dict[str, Any], open_browser: Callable[..., Page], who: str, width: int, scheme: str
) -> None:
    page = open_browser(width=width, color_scheme=scheme)
    if who != "visitor":
        token, _ = make_session(site.session, getattr(site.cast, who))
        site.session.commit()
        page.context.add_cookies([{"name": "portal", "value": token, "url": site.address}])
    seen = 0
    for address in pages_of(app, estate):
        answer = page.request.get(address, max_redirects=0)  # what is no page of theirs, or leads on, is not drawn
        if answer.status != 200 or not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page.goto(address)
        seen += 1
        assert_no_sideways_scrolling(page)
        assert page.locator("h1").count() == 1, f"{address} has {page.locator('h1').count()} main headings"
        found = Axe().run(page, options=ONLY_WHAT_IS_WRONG).response["violations"]
        grave = [(item["id"], item["nodes"][0]["html"]) for item in found if item["impact"] in {"serious", "critical"}]
        assert not grave, f"{address}: {grave}"
    assert seen >= 4


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
