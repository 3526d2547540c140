"""PostgreSQL is stopped, crashed and stopped again while people work: they read 503, and soon the portal is back."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import requests

from tests.platform.runs import wait_until
from tests.soak.acknowledged import look_for_all
from tests.soak.clients import Browser, Load
from tests.soak.crashing_home import CrashingHome
from tests.soak.log import SoakLog

STOPS = {
    "PostgreSQL, stopped": CrashingHome.stop_database,
    "PostgreSQL, killed": CrashingHome.kill_database,
    "PostgreSQL, one backend killed": CrashingHome.kill_database_backend,
}
SECONDS_TO_RECOVER = 30  # of two cores that others use too; the log says how long it took


def test_people_are_told_to_wait_while_postgresql_starts_again(
    folder: Path, soak_log: Callable[[str], SoakLog]
) -> None:
    stop_and_look(folder, soak_log("PostgreSQL restarted"), ["PostgreSQL, stopped"])


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_postgresql_whose_port_was_taken_comes_back_on_another(folder: Path) -> None:
    home = CrashingHome(folder, students=1)
    try:
        home.start()
        with socket.socket() as somebody_else:
            somebody_else.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            before = home.database_port
            home.kill_database()
            wait_until(lambda: _takes(somebody_else, before), 1, "the port is free for somebody else")
            wait_until(lambda: home.database_port != before, SECONDS_TO_RECOVER, "PostgreSQL has another port")
            home.comes_back(SECONDS_TO_RECOVER)
        assert home.findings() == []
    finally:
        home.stop()


def _takes(listener: socket.socket, port: int) -> bool:
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        return False
    return True


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_people_are_told_to_wait_while_postgresql_starts_again_and_again(
    folder: Path, soak_log: Callable[[str], SoakLog]
) -> None:
    stop_and_look(folder, soak_log("PostgreSQL restarted again and again"), list(STOPS) * 10)


def stop_and_look(folder: Path, log: SoakLog, stops: Sequence[str]) -> None:
    """Stop PostgreSQL in these ways in turn, while people work and somebody reloads a page all the time."""
    home = CrashingHome(folder, students=12)
    try:
        home.start()
        with Load(home, clients=2) as load, Reloading(home) as reloading:
            for what in stops:
                load.goes_on(hand_ins=1)
                began = time.monotonic()
                with home.while_nothing_is_started_again():
                    STOPS[what](home)
                    reloading.until_answered(503)
                home.comes_back(SECONDS_TO_RECOVER)
                log.round(what, time.monotonic() - began)
                reloading.until_answered(200)
            load.finish()
            look_for_all(home, load, log)
        log.note("answers to a page that was reloaded all the time: " + reloading.in_words())
        assert reloading.answers.keys() == {200, 503}
    finally:
        home.stop()


class Reloading:
    """Somebody who reloads a page of their own all the time; the web server itself is never away."""

    def __init__(self, home: CrashingHome) -> None:
        self.answers: Counter[int] = Counter()
        self._address = f"{home.address}/student/assignments"
        self._ended = threading.Event()
        self._browser = Browser(self._ended, home.students[0])
        self._thread = threading.Thread(target=self._reload)

    def __enter__(self) -> Reloading:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def until_answered(self, status: int) -> None:
        """Wait until the page is answered so once more."""
        seen, end = self.answers[status], time.monotonic() + SECONDS_TO_RECOVER
        while self.answers[status] == seen:
            assert time.monotonic() < end, f"never answered {status}: {self.in_words()}"
            time.sleep(0.01)

    def in_words(self) -> str:
        return ", ".join(f"{status or 'none'} {times} times" for status, times in sorted(self.answers.items()))

    def _reload(self) -> None:
        while not self._ended.is_set():
            try:
                status = self._browser.get(self._address, timeout=20, allow_redirects=False).status_code
            except requests.RequestException:
                status = 0
            self.answers[status] += 1
            self._ended.wait(0.01)
