"""The server is killed at random while files arrive in pieces and hand themselves in: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import requests
from sqlalchemy.orm import Session

from portal.domain.files.kinds import MB
from tests.pages import parse, words
from tests.platform.runs import wait_until
from tests.soak.acknowledged import doubled_work, lost_work
from tests.soak.clients import GIVE_UP_SECONDS, TRY_AGAIN_SECONDS, Browser, HandedIn
from tests.soak.crashing_home import CrashingHome, Student
from tests.soak.killed_browser import SIZE, KilledBrowser
from tests.soak.log import SoakLog
from tests.uploads.conversation import O, T, said

KILLS = {
    "a web worker": CrashingHome.kill_web_worker,
    "the web server": CrashingHome.kill_web_server,
    "the job worker": CrashingHome.kill_job_worker,
    "PostgreSQL": CrashingHome.kill_database,
    "everything": CrashingHome.kill_everything_and_start_again,
}
BROWSER = "the browser, in the middle of a file"
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "50"))
SMALLEST, LARGEST = MB // 4, 3 * MB
MOST_BROWSERS = 10  # killed for one that is killed within a file
PIECES = 4  # of each file, so that kills come between and in the middle of them


def test_a_file_in_pieces_survives_a_kill_of_everything_and_one_of_the_browser(
    folder: Path, soak_log: Callable[[str], SoakLog]
) -> None:
    kill_and_look(folder, soak_log("uploads and two kills"), ["everything", BROWSER], students=4)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_files_in_pieces_survive_fifty_kills(folder: Path, soak_log: Callable[[str], SoakLog]) -> None:
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 1_000_000))
    log = soak_log(f"uploads and {ROUNDS} kills")
    log.note(f"SOAK_SEED={seed}")
    kills = random.Random(seed).choices([*KILLS, BROWSER], k=ROUNDS)
    kill_and_look(folder, log, kills, students=13, seed=seed)


def kill_and_look(folder: Path, log: SoakLog, kills: Sequence[str], *, students: int, seed: int = 0) -> None:
    """Kill one thing after the other while students send; every receipt is of what was sent, once."""
    chance = random.Random(seed)
    home = CrashingHome(folder, students=students)
    try:
        home.start()
        with Senders(home) as senders:
            senders.go_on(2)
            for kill in kills:
                time.sleep(chance.uniform(0, 1))
                began = time.monotonic()
                if kill == BROWSER:
                    senders.kill_browser(chance.uniform(0, 0.8))
                else:
                    KILLS[kill](home)
                    home.comes_back()
                log.round(kill, time.monotonic() - began)
                senders.go_on(2)
            senders.finish()
        log.acknowledged = {
            "hand-ins": len(senders.receipts),
            "by itself": senders.by_itself,
            "by the page": len(senders.by_page),
        }
        log.note(f"new browsers went on from the bytes {sorted(senders.in_browser.resumed)}")
        with home.engine() as engine, Session(engine) as session:
            lost = [*lost_work(session, senders.receipts), *senders.in_browser.astray]
            doubled = doubled_work(session)
        log.found(lost=lost, doubled=doubled, findings=home.findings())
        assert senders.interruptions, "nothing was killed in the middle of a file"
        assert any(0 < offset < SIZE for offset in senders.in_browser.resumed), "no browser was killed within a file"
    finally:
        home.stop()


class Senders:
    """Students who send files in pieces and hand them in, by the form, by itself or by the page, again and again."""

    def __init__(self, home: CrashingHome) -> None:
        self.home = home
        self.receipts: list[HandedIn] = []
        self.by_page: list[HandedIn] = []
        self.by_itself = 0
        self.interruptions = 0
        self.failures: list[Exception] = []
        self._enough, self._given_up = threading.Event(), threading.Event()
        *others, with_browser = home.students
        self.in_browser = KilledBrowser(home, with_browser, self._given_up)
        self._threads = [threading.Thread(target=self._work, args=(student,)) for student in others]
        self._threads.append(threading.Thread(target=self._work_in_browser))

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, receipts: int) -> None:
        """Wait until so many further receipts are held."""
        wanted, end = len(self.receipts) + receipts, time.monotonic() + GIVE_UP_SECONDS
        while len(self.receipts) < wanted and not self.failures:
            assert time.monotonic() < end, f"only {len(self.receipts)} of {wanted} receipts"
            time.sleep(0.02)
        if self.failures:
            raise self.failures[0]

    def kill_browser(self, share: float) -> None:
        """Kill the browser when so much of a file is acknowledged, and wait until a new one goes on with it.

        Where all of the file had come before the browser was dead, another one is killed.
        """
        for _ in range(MOST_BROWSERS):
            self._kill_one_browser(share)
            if self.failures or self.in_browser.resumed[-1] < SIZE:
                return

    def _kill_one_browser(self, share: float) -> None:
        browser = self.in_browser
        wanted = len(browser.resumed) + 1
        self._wait_until(lambda: browser.has_sent(share), "the page sends a file")
        browser.kill()
        self._wait_until(lambda: len(browser.resumed) >= wanted, "a new one goes on")

    def _wait_until(self, true: Callable[[], bool], what: str) -> None:
        wait_until(lambda: true() or bool(self.failures), GIVE_UP_SECONDS, what)

    def finish(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _work(self, student: Student) -> None:
        try:
            for number in range(1_000_000):
                if self._enough.is_set():
                    return
                sending = Sending(self.home, student, self._given_up, by_itself=number % 2 == 0)
                self.receipts.append(sending.handed_in())
                self.by_itself += sending.by_itself
                self.interruptions += sending.browser.interruptions
        except Exception as error:
            self.failures.append(error)

    def _work_in_browser(self) -> None:
        try:
            for receipt in self.in_browser.works():
                self.receipts.append(receipt)
                self.by_page.append(receipt)
                if self._enough.is_set():
                    return
        except Exception as error:
            self.failures.append(error)


@dataclass
class Sending:
    """One file on its way, as the page's script sends it."""

    home: CrashingHome
    student: Student
    given_up: threading.Event
    by_itself: bool

    def __post_init__(self) -> None:
        self.browser = Browser(self.given_up, self.student)
        self.page = f"{self.home.address}/student/assignments/{self.home.assignment_id}"
        self.data = b"\xff\xd8\xff\xe0" + os.urandom(random.randrange(SMALLEST, LARGEST))
        self.text = f"Work {uuid4()}"

    def handed_in(self) -> HandedIn:
        """Return the receipt, however often it must be tried."""
        key = str(uuid4())
        address = self._begun()
        form = {"key": key, "text": self.text, "links": ""}
        name = address.rpartition("/")[2]
        if self.by_itself:
            asked = {"when": "complete", "awaited": name}
            self.browser.until_sent(self.page, f"{self.page}/submission", form | asked, files={"files": ("", b"")})
            self._send(address)
            location = self._location_of_what_was_made()
        else:
            self._send(address)
            answer = self.browser.until_sent(
                self.page, f"{self.page}/submission", form | {"uploads": name}, files={"files": ("", b"")}
            )
            location = answer.headers["Location"]
        receipt = self.browser.until_answered("GET", self.home.address + location, 200)
        return HandedIn(
            student=self.student,
            key=key,
            text=self.text,
            files={"photo.jpg": self.data},
            submission_id=UUID(location.split("/")[3]),
            number=words(parse(receipt.text).css_first(".receipt-number")),
            interruptions=self.browser.interruptions,
        )

    def _begun(self) -> str:
        form = parse(self.browser.until_answered("GET", self.page, 200).text)
        self.headers = T | {"X-CSRFToken": str(form.css_first("input[name=csrf_token]").attributes["value"])}
        creation = f"{self.home.address}/uploads/assignments/{self.home.assignment_id}"
        named = self.headers | {"Upload-Length": str(len(self.data))} | said(filename="photo.jpg")
        answer = self.browser.until_answered("POST", creation, 201, headers=named)
        return self.home.address + answer.headers["Location"]

    def _send(self, address: str) -> None:
        """Bring all of it, from wherever the portal says that it is."""
        size = len(self.data)
        while True:
            asked = self.browser.until_answered("HEAD", address, 200, headers=T)
            offset = int(asked.headers["Upload-Offset"])
            if offset == size:
                return
            piece = self.data[offset : offset + size // PIECES + 1]
            headers = self.headers | O | {"Upload-Offset": str(offset)}
            try:
                answer = self.browser.patch(address, headers=headers, data=piece, timeout=20)
            except requests.RequestException:
                self.browser.interruptions += 1
                self.given_up.wait(TRY_AGAIN_SECONDS)
                continue
            if answer.status_code != 204:
                assert answer.status_code in {409, 423} or answer.status_code >= 500, answer.text
                self.browser.interruptions += 1
                self.given_up.wait(TRY_AGAIN_SECONDS)

    def _location_of_what_was_made(self) -> str:
        """Return where the receipt is, once the portal has handed in by itself."""
        end = time.monotonic() + GIVE_UP_SECONDS
        poll = f"{self.page}/pending-hand-in"
        while time.monotonic() < end and not self.given_up.is_set():
            try:
                answer = self.browser.get(poll, headers={"HX-Request": "true"}, timeout=20)
            except requests.RequestException:
                self.browser.interruptions += 1
            else:
                if location := answer.headers.get("HX-Redirect"):
                    assert location.endswith("/receipt"), location
                    return location
            self.given_up.wait(TRY_AGAIN_SECONDS)
        raise AssertionError("it never handed itself in")
