"""A student in a real Chromium that is killed with all its processes: a new one goes on with the same file."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from playwright.sync_api import BrowserContext, Error, Page, Playwright, Request, Response, expect, sync_playwright

from portal.domain.files.kinds import MB
from tests.chromium import ARGUMENTS, chromium
from tests.platform.runs import wait_until
from tests.soak.clients import TRY_AGAIN_SECONDS, HandedIn
from tests.soak.crashing_home import CrashingHome, Student

SIZE = 10 * MB
BYTES_A_SECOND = 4 * MB  # so that a file is on its way for some seconds
STEP_MS = 30_000  # no step of a page takes longer; after that it is opened again
GIVE_UP_SECONDS = 600  # one file may be met by many kills
RECEIPTS = "a[href^='/student/submissions/'][href$='/receipt']"


class KilledBrowser:
    """One student who hands in by the page itself, again and again; whatever is killed, the person goes on."""

    def __init__(self, home: CrashingHome, student: Student, given_up: threading.Event) -> None:
        self.home, self.student = home, student
        self.resumed: list[int] = []
        """From which byte each new browser went on with what a killed one was at."""
        self.astray: list[str] = []
        """Where an upload went on elsewhere than from what was acknowledged: something had been lost."""
        self.interruptions = 0
        self._given_up = given_up
        self._folder = home.folder.parent / "browser"
        self._folder.mkdir()
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._acknowledged = self._told = 0
        self._was_killed = self._is_new = False

    def kill(self) -> None:
        """Kill the browser with all its processes, as a battery that is empty does."""
        wait_until(lambda: bool(self._processes()), GIVE_UP_SECONDS, "a browser is open")
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._was_killed = True

    def has_sent(self, share: float) -> bool:
        """Return whether so much of a file is acknowledged, and the rest is on its way."""
        return share * SIZE <= self._acknowledged < SIZE and self._acknowledged > 0

    def works(self) -> Iterator[HandedIn]:
        """Hand in one file after the other, in a thread of one's own; yield each receipt."""
        with sync_playwright() as playwright:
            try:
                while True:
                    yield self._handed_in(playwright)
            finally:
                self._leave()

    def _handed_in(self, playwright: Playwright) -> HandedIn:
        """Return the receipt of one file, whatever happens to the browser and to the portal on the way."""
        data, text = b"\xff\xd8\xff\xe0" + os.urandom(SIZE - 4), f"Work {uuid4()}"
        path = self._folder / f"{hashlib.sha256(data).hexdigest()[:8]}.jpg"
        path.write_bytes(data)
        self._acknowledged = self._told = 0
        key, before = "", None
        end, interruptions = time.monotonic() + GIVE_UP_SECONDS, self.interruptions
        while True:
            try:
                page = self._opened(playwright)
                there = self._receipts(page)
                before = there if before is None else before
                if not there - before:
                    self._send(page, path, text)
                    key = page.locator("input[name=key]").first.input_value()
                    page.get_by_role("button", name="Hand in", exact=True).click()
                    page.wait_for_url("**/receipt")
                    there = {page.url.removeprefix(self.home.address)}
                else:
                    self._goes_on(SIZE)
                    page.goto(self.home.address + (there - before).pop())
                number = page.locator(".receipt-number").first.inner_text()
                break
            except (Error, AssertionError):
                self.interruptions += 1
                if self._given_up.is_set() or time.monotonic() > end:
                    raise
                self._given_up.wait(TRY_AGAIN_SECONDS)
        path.unlink()
        (location,) = there - (before or set())
        return HandedIn(
            student=self.student,
            key=key,
            text=text,
            files={path.name: data},
            submission_id=UUID(location.split("/")[3]),
            number=number,
            interruptions=self.interruptions - interruptions,
        )

    def _opened(self, playwright: Playwright) -> Page:
        """Return the page of the assignment, opened anew: in the browser there is, or in one with the same profile."""
        if self._context is None or self._page is None or not self._processes():
            self._leave()
            self._context = playwright.chromium.launch_persistent_context(
                self._folder / "profile", executable_path=chromium(), args=ARGUMENTS, base_url=self.home.address
            )
            self._context.set_default_timeout(STEP_MS)
            # what a browser that is killed had not written down yet is lost to it: its person signs in again
            self._context.add_cookies([{"name": "portal", "value": self.student.cookie, "url": self.home.address}])
            self._is_new, self._was_killed = self._was_killed, False
            self._page = self._context.new_page()
            self._page.on("request", self._heed_request)
            self._page.on("response", self._heed_response)
        self._page.goto(f"/student/assignments/{self.home.assignment_id}")
        expect(self._page.get_by_role("button", name="Hand in", exact=True)).to_be_visible(timeout=STEP_MS)
        return self._page

    def _receipts(self, page: Page) -> set[str]:
        return {str(link.get_attribute("href")) for link in page.locator(RECEIPTS).all()}

    def _send(self, page: Page, path: Path, text: str) -> None:
        """Choose the file, which goes on where it stopped, and wait until all of it is there."""
        if not page.get_by_text("arrived safely").count():
            line = page.context.new_cdp_session(page)
            line.send("Network.enable")
            speed = {"downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
            line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 10, **speed})
            page.locator("input[type=file]").set_input_files(path)
            expect(page.get_by_text("arrived safely").first).to_be_visible(timeout=STEP_MS)
        else:
            self._goes_on(SIZE)
        page.get_by_label("Your text").fill(text)

    def _heed_request(self, request: Request) -> None:
        """Note where an upload goes on: where the portal said, and never before what was acknowledged."""
        if request.method != "PATCH":
            return
        offset = int(request.headers["upload-offset"])
        if offset < self._acknowledged or (self._is_new and offset != self._told):
            self.astray.append(
                f"{self._acknowledged} were acknowledged, {self._told} told, and it went on from {offset}"
            )
        self._goes_on(offset)

    def _goes_on(self, offset: int) -> None:
        """Note where a new browser goes on with what a killed one was at."""
        if self._is_new:
            self.resumed.append(offset)
        self._is_new = False

    def _heed_response(self, response: Response) -> None:
        if response.request.method == "PATCH" and response.status == 204:
            self._acknowledged = max(self._acknowledged, int(response.headers["upload-offset"]))
        elif response.request.method == "HEAD" and response.status == 200:
            self._told = int(response.headers["upload-offset"])

    def _leave(self) -> None:
        """Close the browser, or what is left of it."""
        if self._context is not None:
            with suppress(Error):
                self._context.close()
        self._context = self._page = None

    def _processes(self) -> list[int]:
        """Return the processes of the browser, the one that the others belong to first."""
        parents: dict[int, int] = {}
        found: list[int] = []
        marker = f"--user-data-dir={self._folder / 'profile'}".encode()
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if not entry.name.isdigit():
                    continue
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state in "ZX":
                    continue
                parents[int(entry.name)] = int(parent)
                if marker in (entry / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        for pid in found:  # it grows meanwhile: children of children come at its end
            found += [child for child, parent in parents.items() if parent == pid and child not in found]
        return found
