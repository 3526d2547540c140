"""Clients that do what people do in a browser, and try again with the same form until they are answered.

Whatever was answered is acknowledged: it is written down here, and must be in the portal ever after, once.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import requests

from tests.pages import parse, words
from tests.soak.crashing_home import PASSWORD, CrashingHome, SignedIn, Student

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
    interruptions: int
    """How often it had to be tried again on the way."""

    @property
    def sums(self) -> list[str]:
        return sorted(hashlib.sha256(content).hexdigest() for content in self.files.values())


@dataclass(frozen=True)
class Marked:
    """A mark that a trainer was told is saved; its feedback is like no other."""

    submission_id: UUID
    points: int
    feedback: str


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


class Load:
    """People at work until told to stop: students hand in and read, a trainer marks and drafts, somebody signs in."""

    def __init__(self, home: CrashingHome, clients: int = 4) -> None:
        self.home = home
        self.receipts: list[HandedIn] = []
        self.marks: list[Marked] = []
        self.drafts: list[str] = []
        """Titles of assignments that were kept as drafts; no two forms have the same."""
        self.pages_read = 0
        self.sign_ins = 0
        self.failures: list[Exception] = []
        self._clients = clients
        self._serials = itertools.count(1)
        self._enough = threading.Event()
        self._given_up = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Load:
        acts: list[Callable[[], None]] = [self._mark, self._draft, self._read, self._sign_in]
        acts += [self._handing_in(self.home.students[number :: self._clients]) for number in range(self._clients)]
        self._threads = [threading.Thread(target=self._again_and_again, args=(act,)) for act in acts]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        self._enough.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        return len(self.receipts) + len(self.marks) + len(self.drafts) + self.sign_ins

    def goes_on(self, hand_ins: int) -> None:
        """Wait until so many further receipts are held."""
        wanted, end = len(self.receipts) + hand_ins, time.monotonic() + GIVE_UP_SECONDS
        while len(self.receipts) < wanted and not self.failures:
            assert time.monotonic() < end, f"only {len(self.receipts)} of {wanted} receipts"
            time.sleep(0.02)
        self._raise_failures()

    def finish(self) -> None:
        """Let everybody finish what they are at."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        self._raise_failures()

    def _raise_failures(self) -> None:
        if self.failures:
            raise self.failures[0]

    def _again_and_again(self, act: Callable[[], None]) -> None:
        try:
            while not self._enough.is_set():
                act()
        except Exception as error:
            self.failures.append(error)

    def _handing_in(self, students: list[Student]) -> Callable[[], None]:
        turns = itertools.cycle(students)

        def act() -> None:
            self.receipts.append(hand_in(self.home, next(turns), next(self._serials), self._given_up))

        return act

    def _mark(self) -> None:
        number = len(self.marks)
        if number < len(self.receipts):
            self.marks.append(mark(self.home, self.receipts[number].submission_id, number, self._given_up))
        self._enough.wait(0.1)

    def _draft(self) -> None:
        self.drafts.append(draft(self.home, len(self.drafts), self._given_up))
        self._enough.wait(0.2)

    def _read(self) -> None:
        student = self.home.students[self.pages_read % len(self.home.students)]
        browser = Browser(self._given_up, student)
        for path in ("/student/", "/student/assignments", "/courses"):
            browser.until_answered("GET", self.home.address + path, 200)
        self.pages_read += 3
        self._enough.wait(0.1)

    def _sign_in(self) -> None:
        student = self.home.students[self.sign_ins % len(self.home.students)]
        sign_in(self.home, student, self._given_up).until_answered("GET", f"{self.home.address}/student/", 200)
        self.sign_ins += 1
        self._enough.wait(0.5)


def hand_in(
    home: CrashingHome, student: Student, serial: int, given_up: threading.Event, *, largest: int = BIG
) -> HandedIn:
    """Return the receipt of one hand-in; whatever happens on the way, the same form is sent until it is answered."""
    browser = Browser(given_up, student)
    page = f"{home.address}/student/assignments/{home.assignment_id}"
    key, text = str(uuid4()), f"Work {serial}"
    size = random.Random(serial).randrange(1, largest)
    files = {"photo.jpg": b"\xff\xd8\xff\xe0" + os.urandom(size), "notes.txt": f"Notes of work {serial}.".encode()}
    answer = browser.until_sent(
        page,
        f"{page}/submission",
        {"key": key, "text": text, "links": ""},
        files=[("files", (name, content)) for name, content in files.items()],
    )
    location = answer.headers["Location"]
    receipt = browser.until_answered("GET", home.address + location, 200)
    return HandedIn(
        student=student,
        key=key,
        text=text,
        files=files,
        submission_id=UUID(location.split("/")[3]),
        number=words(parse(receipt.text).css_first(".receipt-number")),
        interruptions=browser.interruptions,
    )


def mark(home: CrashingHome, submission_id: UUID, number: int, given_up: threading.Event) -> Marked:
    """Return a mark that is saved and shown to the student."""
    browser = Browser(given_up, home.trainer)
    page = f"{home.address}/trainer/submissions/{submission_id}"
    given = Marked(submission_id, points=number % 100, feedback=f"Feedback {number}")
    seen = parse(browser.until_answered("GET", page, 200).text).css_first("#mark input[name=seen]").attributes["value"]
    fields = {"points": given.points, "feedback": given.feedback, "release": "y", "seen": seen, "reason": "Once more."}
    browser.until_sent(page, f"{page}/grade", fields)
    return given


def draft(home: CrashingHome, number: int, given_up: threading.Event) -> str:
    """Return the title of an assignment that its trainer was led to."""
    browser, title = Browser(given_up, home.trainer), f"Work to come {number}"
    page = f"{home.address}/trainer/assignments/new"
    form = parse(browser.until_answered("GET", page, 200).text).css_first("form.form")
    fields = {
        "key": form.css_first("input[name=key]").attributes["value"],
        "intake_id": form.css_first("select[name=intake_id] option").attributes["value"],
        "title": title,
        "assignment_type": "project",
        "points": 20,
        "due_at": "2126-12-07T10:00",
        "max_files": 3,
        "counted_attempt": "best",
    }
    browser.until_sent(page, f"{home.address}/trainer/assignments", fields)
    return title


def sign_in(home: CrashingHome, student: Student, given_up: threading.Event) -> Browser:
    """Return a browser in which this student has signed in with a password."""
    browser = Browser(given_up)
    page = f"{home.address}/login"
    browser.until_sent(page, page, {"email": student.email, "password": PASSWORD})
    return browser


class Browser(requests.Session):
    """A browser whose person presses the button again until the portal answers."""

    def __init__(self, given_up: threading.Event, person: SignedIn | None = None) -> None:
        super().__init__()
        self.interruptions = 0
        """How often something was not answered as it should be."""
        self._given_up = given_up
        if person:
            self.cookies.set("portal", person.cookie)

    def until_sent(self, page: str, address: str, fields: dict[str, Any], **sent: Any) -> requests.Response:
        """Open a page, send its form, and return the redirect it is answered with."""
        form = parse(self.until_answered("GET", page, 200).text)
        csrf = form.css_first("input[name=csrf_token]").attributes["value"]
        data = {"csrf_token": csrf} | fields
        return self.until_answered("POST", address, 303, data=data, headers={"Referer": page}, **sent)

    def until_answered(self, method: str, address: str, wanted: int, **sent: Any) -> requests.Response:
        """Return the answer that is wanted; a dropped line and a portal that is away are tried again."""
        end = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < end and not self._given_up.is_set():
            with suppress(requests.RequestException):
                answer = self.request(method, address, timeout=20, allow_redirects=False, **sent)
                if answer.status_code == wanted:
                    return answer
                assert answer.status_code >= 500, f"{method} {address}: {answer.status_code} {words(answer.text)[:300]}"
            self.interruptions += 1
            self._given_up.wait(TRY_AGAIN_SECONDS)
        raise AssertionError(f"{method} {address} was never answered")
