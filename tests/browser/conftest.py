"""A real portal (gunicorn, its own database and files) and a real Chromium that must not complain about anything."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from portal.domain.accounts.passwords import hash_password
from portal.embedded import ClusterAccess
from tests.cast import Cast, gather_cast
from tests.conftest import PASSWORD, TEMPLATE

ROOT = Path(__file__).resolve().parents[2]
INSTALL = "Chromium is missing. Type: sudo apt-get install -y chromium"
WIDTHS = {"phone": 360, "desk": 1280}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.fail(INSTALL, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@dataclass
class Site:
    """A running portal: its address, its people, and its database for arranging and inspecting."""

    address: str
    cast: Cast
    session: Session
    home: Path


@pytest.fixture(scope="module")
def site(cluster: ClusterAccess, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"browser_{worker_id}_{os.getpid()}"
    cluster.drop_database(name)
    cluster.create_database(name, template=TEMPLATE)
    home = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    engine = create_engine(cluster.portal_url(name).replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        secret = hash_password(PASSWORD)
        for person in (cast.ama, cast.esi, cast.kofi, cast.yaw, cast.efua, cast.kojo):
            person.password_hash = secret
        session.commit()
        environment = {
            "PATH": os.environ["PATH"],
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_HOME": str(home),
            "PORTAL_URL": address,
            "DATABASE_URL": cluster.portal_url(name),
            "SECRET_KEY": "a-secret-for-browser-tests-long-enough",
            "JWT_KEYS": "a-token-key-for-browser-tests-long-enough",
            "LIMITS_FACTOR": "1000",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WEB_CONCURRENCY": "1",
        }
        log = (home / "server.log").open("wb")
        server = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(server, f"{address}/api/health/live", home / "server.log")
            yield Site(address, cast, session, home)
        finally:
            server.terminate()
            server.wait(15)
            log.close()
    engine.dispose()
    cluster.drop_database(name)


@pytest.fixture
def open_browser(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """`open_browser(width=360)`: a page of a new visitor. Any complaint of the browser fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_browser(*, width: int = 1280, javascript: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            base_url=site.address,
            viewport={"width": width, "height": 900},
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


def _note(complaints: list[str], message: Any) -> None:
    # The browser itself logs every answer of 4xx; whether that is right is for the test to say.
    if message.type == "error" and "Failed to load resource" not in message.text:
        complaints.append(f"{message.text} ({message.location})")


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The portal did not start:\n{log.read_text()}", pytrace=False)
