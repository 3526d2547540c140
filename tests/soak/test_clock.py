"""The clock of the machine is moved, a day forward and an hour back, while the portal runs.

The machine's own clock is left alone. `libfaketime` gives PostgreSQL, and `time_machine` the web server and the job
workers, a clock that a file moves (`moved_clock/`): the former alone would move CLOCK_MONOTONIC as well, which a real
machine never does, and breaks Python's sleep where it is told not to. The portal itself knows nothing of either.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from portal.cli.serve import gunicorn_command
from portal.domain.accounts import passwords
from portal.domain.assignments.models import Grade
from portal.domain.clock import now
from portal.embedded import Cluster
from portal.embedded import cluster as embedded
from tests.conftest import settings_for
from tests.factories import make_assignment, make_enrolment, make_intake, make_session, make_user
from tests.homes import DATABASE, empty_home
from tests.jobs.mail_server import Inbox, mail_server
from tests.platform.runs import PORTAL, ROOT, free_port, wait_until
from tests.soak.clients import Browser, hand_in, mark, sign_in
from tests.soak.crashing_home import PASSWORD, SignedIn, Student
from tests.soak.log import SoakLog

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECONDS_TO_SETTLE = 90
CLOSE = timedelta(seconds=30)


class MovedPortal:
    """A portal whose clock can be moved: its own PostgreSQL, a web server and two job workers."""

    def __init__(self, folder: Path, mail_server_address: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.students: list[Student]
        self.trainer: SignedIn
        self.moved = timedelta()
        self._folder = folder
        self._clock = folder / "clock"
        self._mail_server = mail_server_address
        empty_home(folder)
        self._write_clock()

    @contextmanager
    def running(self) -> Iterator[MovedPortal]:
        with ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            bare = embedded._bare_environment()
            patch.setattr(embedded, "_bare_environment", lambda: bare | self._environ_of_database())
            access = stack.enter_context(Cluster(self._folder / "database")).access
            self._database_url = settings_for(access, DATABASE, self._folder).database_url
            self._arrange()
            worker = [*PORTAL, "worker"]
            for command in (gunicorn_command("127.0.0.1", self.port, 2), worker, worker):
                stack.enter_context(self._process(command))
            wait_until(lambda: self._says_it_is() is not None, 60, "the web server answers")
            yield self

    def move(self, by: timedelta) -> None:
        """Move the clock, and wait until web server and database have seen it."""
        self.moved += by
        self._write_clock()
        wait_until(self._shows_the_moved_clock, 30, f"the clock is moved by {self.moved}")

    def findings(self) -> list[str]:
        """Return what `portal check` finds wrong, by the moved clock."""
        command = [*PORTAL, "check", "--json", "--patience", str(SECONDS_TO_SETTLE)]
        done = subprocess.run(command, cwd=ROOT, env=self._environ(), capture_output=True, text=True, check=False)
        rules = json.loads(done.stdout)["invariants"]
        return [f"{rule['name']}: {wrong}" for rule in rules for wrong in rule["wrong"]]

    @contextmanager
    def session(self) -> Iterator[Session]:
        engine = create_engine(self._database_url)
        with Session(engine) as session:
            yield session
        engine.dispose()

    def _arrange(self) -> None:
        with self.session() as session:
            make_user(session, "admin")
            trainer = make_user(session, "trainer")
            intake = make_intake(session, trainers=[trainer])
            self.assignment_id = make_assignment(session, intake, trainer).id
            far = {"idle_minutes": 7 * 24 * 60, "expires_at": now() + timedelta(days=30)}
            self.trainer = SignedIn(trainer.id, make_session(session, trainer, **far)[0])
            user = make_user(session, password_hash=passwords.hash_password(PASSWORD))
            enrolment = make_enrolment(session, user, intake)
            cookie, _row = make_session(session, user)
            self.students = [Student(user.id, cookie, enrolment.id, str(user.email))]
            session.commit()

    @contextmanager
    def _process(self, command: list[str]) -> Iterator[None]:
        log = (self._folder / f"{Path(command[-1]).name}-{time.monotonic_ns()}.log").open("wb")
        process = subprocess.Popen(
            command, cwd=ROOT, env=self._environ(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    def _environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "PYTHONPATH": str(Path(__file__).with_name("moved_clock")),
            "MOVED_CLOCK": str(self._clock),
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_HOME": str(self._folder),
            "PORTAL_URL": self.address,
            "DATABASE_URL": self._database_url,
            "LIMITS_FACTOR": "1000",
            "SECRET_KEY": "a-secret-for-tests-that-is-long-enough-1",
            "JWT_KEYS": "a-token-key-for-tests-that-is-long-enough",
            "MAIL_SERVER": self._mail_server,
            "MAIL_ENCRYPTION": "none",
        }

    def _environ_of_database(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_CACHE_DURATION": "1",
            "NO_FAKE_STAT": "1",
        }

    def _write_clock(self) -> None:
        unfinished = self._clock.with_suffix(".new")
        unfinished.write_text(f"{self.moved.total_seconds():+.0f}\n")
        unfinished.rename(self._clock)

    def _says_it_is(self) -> str | None:
        try:
            return requests.get(f"{self.address}/api/health/live", timeout=5).headers["Date"]
        except requests.RequestException:
            return None

    def _shows_the_moved_clock(self) -> bool:
        date = self._says_it_is()
        if not date or abs(parsedate_to_datetime(date) - now() - self.moved) > CLOSE:
            return False
        with self.session() as session:
            return abs(session.scalar(text("SELECT clock_timestamp()")) - now() - self.moved) < CLOSE


def faketime() -> Path:
    """Return the library that moves a clock."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.fail("The clock cannot be moved here. Type: sudo apt-get install --no-install-recommends faketime")
    return found[0]


def test_a_clock_that_is_moved_forward_a_day_and_back_an_hour_breaks_nothing(
    folder: Path, soak_log: Callable[[str], SoakLog]
) -> None:
    move_and_look(folder, soak_log("clock moved"), [DAY, -HOUR])


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_clock_that_is_moved_again_and_again_breaks_nothing(folder: Path, soak_log: Callable[[str], SoakLog]) -> None:
    moves = [DAY, -HOUR, -HOUR, HOUR, DAY, -2 * DAY, HOUR, -HOUR, 3 * DAY, -DAY]
    move_and_look(folder, soak_log("clock moved again and again"), moves)


def _leads_away(browser: Browser, page: str) -> bool:
    return browser.get(page, allow_redirects=False).status_code in {302, 303}


def move_and_look(folder: Path, log: SoakLog, moves: list[timedelta]) -> None:
    """Move the clock by these steps; hand in, mark again and look at everything after each."""
    inbox, never = Inbox(), threading.Event()
    with mail_server(inbox) as (_, address), MovedPortal(folder, address).running() as portal:
        student = portal.students[0]
        receipts = [hand_in(portal, student, 0, never)]
        for number, by in enumerate(moves, start=1):
            portal.move(by)
            began = time.monotonic()
            if by >= DAY:
                old, page = Browser(never, student), f"{portal.address}/student/"
                ended = partial(_leads_away, old, page)  # each web worker sees the clock by itself, a moment later
                wait_until(ended, 15, "twelve idle hours are over, and the session has ended")
                cookie = sign_in(portal, student, never).cookies["portal"]
                student = Student(student.user_id, cookie, student.enrolment_id, student.email)
            receipts.append(hand_in(portal, student, number, never))
            mark(portal, receipts[0].submission_id, number, never)
            log.acknowledged = {"hand-ins": len(receipts), "marks": number}
            log.found(lost=_lost_mark(portal, number), doubled=[], findings=portal.findings())
            log.round(f"the clock, by {by.total_seconds() / 3600:+.0f} h", time.monotonic() - began)
        wait_until(lambda: _receipts_sent(inbox) >= len(receipts), SECONDS_TO_SETTLE, "every receipt is mailed")
        twice = [f"{name} was sent {times} times" for name, times in _ids(inbox).items() if times > 1]
        log.acknowledged |= {"messages": len(_ids(inbox))}
        log.found(lost=[], doubled=twice, findings=portal.findings())


def _lost_mark(portal: MovedPortal, number: int) -> list[str]:
    """Return what is wrong where the mark given last is not the newest one."""
    with portal.session() as session:
        newest = session.scalars(select(Grade.feedback).order_by(Grade.graded_at.desc()).limit(1)).one()
    return [] if newest == f"Feedback {number}" else [f"the mark that counts is {newest}, the last one was {number}"]


def _receipts_sent(inbox: Inbox) -> int:
    """Return how many receipts were mailed; what tells of a mark may wait for the morning."""
    return sum("was received" in str(message["Subject"]) for message in inbox.messages)


def _ids(inbox: Inbox) -> Counter[str]:
    return Counter(str(message["Message-ID"]) for message in inbox.messages)
