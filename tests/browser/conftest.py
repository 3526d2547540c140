"""A real portal (gunicorn, its own database and files) and a real Chromium that must not complain about anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from portal.embedded import ClusterAccess
from tests.conftest import PASSWORD
from tests.served import Site, served_site

WIDTHS = {"phone": 360, "desk": 1280}
HEIGHT = 900
MOST_TABS = 150


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def served(cluster: ClusterAccess, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"browser_{worker_id}_{os.getpid()}"
    home = tmp_path_factory.mktemp("site")
    with served_site(cluster, name, home, LIMITS_FACTOR="1000", WEB_CONCURRENCY="1") as site:
        yield site


@pytest.fixture(scope="module")
def site(served: Site) -> Site:
    """The portal, with nobody but the cast in it and nothing of what other files did."""
    served.begin_anew()
    return served


@pytest.fixture
def open_browser(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """`open_browser(width=360)`: a page of a new visitor. Any complaint of the browser fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_browser(*, width: int = 1280, javascript: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            base_url=site.address,
            viewport={"width": width, "height": HEIGHT},
            java_script_enabled=javascript,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: _note(complaints, message))
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        return page

    yield open_browser
    for context in contexts:
        context.close()
    expected = request.node.get_closest_marker("complaints_expected")
    assert expected or not complaints, complaints


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form, as a person does."""
    page.goto("/login")
    page.get_by_label("E-mail, phone or student number").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def assert_no_sideways_scrolling(page: Page) -> None:
    """The page is as wide as the screen, not wider."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until this has the focus, as somebody without a mouse does."""
    handle = wanted.element_handle()
    page.wait_for_load_state()  # an element is there before the script that reads its keys
    for _ in range(MOST_TABS):
        if page.evaluate("element => document.activeElement === element", handle):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by Tab")


def _note(complaints: list[str], message: Any) -> None:
    # The browser itself logs every answer of 4xx; whether that is right is for the test to say. And htmx logs a request
    # that ends because its page is left; one that fails says so by a name of its own as well, and is noted.
    of_the_way = ("Failed to load resource", "htmx:afterRequest", "htmx:sendAbort")
    if message.type == "error" and not any(words in message.text for words in of_the_way):
        complaints.append(f"{message.text} ({message.location})")
