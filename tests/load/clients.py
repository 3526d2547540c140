"""Clients that hand in as a browser does, and try again with the same form until they hold a receipt."""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import requests

from tests.load.crashing_home import CrashingHome, Student
from tests.pages import parse, words

TRY_AGAIN_SECONDS = 0.3
GIVE_UP_SECONDS = 120
BIG = 400_000  # bytes of the largest file that is sent


@dataclass
class HandedIn:
    """What a client sent, and the receipt it was answered with."""

    student: Student
    key: str
    text: str
    files: dict[str, bytes]
    submission_id: UUID
    number: str
    tries: int

    @property
    def sums(self) -> list[str]:
        return sorted(hashlib.sha256(content).hexdigest() for content in self.files.values())


@dataclass
class Crowd:
    """Several clients, each a student of its own, who hand in again and again."""

    home: CrashingHome
    wanted: int
    receipts: list[HandedIn] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: int = 0
    _given_up: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._work, args=(student,)) for student in self.home.students]
        for thread in self._threads:
            thread.start()

    def wait_for(self, receipts: int) -> None:
        """Wait until so many receipts are held, all in all."""
        end = time.monotonic() + GIVE_UP_SECONDS
        while len(self.receipts) < receipts and not self.failures:
            assert time.monotonic() < end, f"only {len(self.receipts)} of {receipts} receipts"
            time.sleep(0.01)

    def finish(self) -> None:
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def give_up(self) -> None:
        """Let every client end, whatever it is doing."""
        self._given_up.set()

    def _work(self, student: Student) -> None:
        try:
            while (serial := self._next()) is not None:
                receipt = hand_in(self.home, student, serial, self._given_up)
                with self._lock:
                    self.receipts.append(receipt)
        except Exception as error:
            self.failures.append(error)

    def _next(self) -> int | None:
        with self._lock:
            self._begun += 1
            return self._begun if self._begun <= self.wanted else None


def hand_in(home: CrashingHome, student: Student, serial: int, given_up: threading.Event) -> HandedIn:
    """Return the receipt of one hand-in; whatever happens on the way, the same form is sent until it is answered."""
    browser = Browser(given_up)
    browser.cookies.set("portal", student.cookie)
    page = f"{home.address}/student/assignments/{home.assignment_id}"
    form = parse(browser.until_answered("GET", page, 200).text)
    csrf = form.css_first("input[name=csrf_token]").attributes["value"]
    key, text = str(uuid4()), f"Work {serial}"
    size = random.Random(serial).randrange(1, BIG)
    files = {"photo.jpg": b"\xff\xd8\xff\xe0" + os.urandom(size), "notes.txt": f"Notes of work {serial}.".encode()}
    answer = browser.until_answered(
        "POST",
        f"{page}/submission",
        303,
        data={"csrf_token": csrf, "key": key, "text": text, "links": ""},
        files=[("files", (name, content)) for name, content in files.items()],
        headers={"Referer": page},
    )
    location, tries = answer.headers["Location"], browser.tries
    receipt = browser.until_answered("GET", home.address + location, 200)
    return HandedIn(
        student=student,
        key=key,
        text=text,
        files=files,
        submission_id=UUID(location.split("/")[3]),
        number=words(parse(receipt.text).css_first(".receipt-number")),
        tries=tries,
    )


class Browser(requests.Session):
    """A browser whose person presses the button again until the portal answers."""

    def __init__(self, given_up: threading.Event) -> None:
        super().__init__()
        self.tries = 0
        """How often the last thing was tried."""
        self._given_up = given_up

    def until_answered(self, method: str, address: str, wanted: int, **sent: Any) -> requests.Response:
        """Return the answer that is wanted; a dropped line and a portal that is away are tried again."""
        end, self.tries = time.monotonic() + GIVE_UP_SECONDS, 0
        while time.monotonic() < end and not self._given_up.is_set():
            self.tries += 1
            with suppress(requests.RequestException):
                answer = self.request(method, address, timeout=20, allow_redirects=False, **sent)
                if answer.status_code == wanted:
                    return answer
                assert answer.status_code >= 500, f"{method} {address}: {answer.status_code} {words(answer.text)[:300]}"
            self._given_up.wait(TRY_AGAIN_SECONDS)
        raise AssertionError(f"{method} {address} was never answered")
