"""The disk is full: files are refused in words, text and signing in go on, and nothing acknowledged is lost.

A real disk that is full: a small one in memory, which only root may mount.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.pages import parse, words
from tests.platform.runs import status
from tests.soak.acknowledged import look_for_all
from tests.soak.clients import Browser, Load, sign_in
from tests.soak.crashing_home import CrashingHome, Student
from tests.soak.log import SoakLog

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small disk that is filled")

MB = 1_000_000
DISK_OF_FILES = 40 * MB
DISK_OF_EVERYTHING = 900 * MB
FULL = "disk is full"


@contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """A disk of this size, mounted at a place."""
    place.mkdir(mode=0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave not one block of a disk free, until the end of the block."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MB, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


def test_where_only_the_files_have_no_room_people_write_and_sign_in(
    folder: Path, soak_log: Callable[[str], SoakLog]
) -> None:
    log = soak_log("disk of files full")
    with disk(folder.with_name("files-disk"), DISK_OF_FILES) as small:
        home = CrashingHome(folder, students=4, environ={"STORAGE_URL": f"folder:{small / 'files'}"})
        try:
            home.start()
            student = home.students[0]
            assert hand_in(home, student, b"before", said="").status_code == 303
            with filled(small):
                for size in (10, 5_000, 300_000, 3 * MB):
                    refused = hand_in(home, student, b"x" * size, said="With a file")
                    assert refused.status_code == 503, f"{size} bytes: {refused.status_code}"
                    assert FULL in words(parse(refused.text).css_first("main")), refused.text
                assert hand_in(home, student, None, said="Words alone").status_code == 303
                assert sign_in(home, home.students[1], threading.Event()).interruptions == 0
                assert status(f"{home.address}/api/health/ready") == 200
                assert home.findings() == []
            assert hand_in(home, student, b"after", said="").status_code == 303
            log.acknowledged = {"hand-ins": 3}
            log.round("the disk of the files", 0.0)
            log.found(lost=[], doubled=[], findings=home.findings())
            assert left_over(home) == []
        finally:
            home.stop()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_where_nothing_has_room_the_portal_waits_and_goes_on_by_itself(
    folder: Path, soak_log: Callable[[str], SoakLog]
) -> None:
    log = soak_log("disk of everything full")
    with disk(folder, DISK_OF_EVERYTHING):
        home = CrashingHome(folder, students=12)
        try:
            home.start()
            with Load(home, clients=2) as load:
                for what, harm in HARM.items():
                    load.goes_on(hand_ins=3)
                    with filled(folder):
                        time.sleep(2)
                        harm(home)
                        time.sleep(15)
                    began = time.monotonic()
                    home.comes_back(120)
                    log.round(f"the disk of everything{what}", time.monotonic() - began)
                    load.goes_on(hand_ins=3)
                    look_for_all(home, load, log)
                load.finish()
                look_for_all(home, load, log)
        finally:
            home.stop()


def fill_the_log(home: CrashingHome) -> None:
    """Have PostgreSQL need room for its write-ahead log, as it does sooner or later."""
    with suppress(DBAPIError), home.superuser() as engine, engine.connect() as connection:
        for _ in range(20):
            connection.execute(text("SELECT pg_logical_emit_message(false, 'soak', repeat('x', 4000000))"))
            connection.execute(text("SELECT pg_switch_wal()"))


HARM: dict[str, Callable[[CrashingHome], None]] = {
    "": lambda home: None,
    ", PostgreSQL needs room for its log": fill_the_log,
    ", PostgreSQL is killed": CrashingHome.kill_database,
    ", the web server is killed": CrashingHome.kill_web_server,
    ", the job worker is killed": CrashingHome.kill_job_worker,
}


def hand_in(home: CrashingHome, student: Student, content: bytes | None, *, said: str) -> requests.Response:
    """Send the form once, as a browser does: without a chosen file it sends an empty one."""
    page = f"{home.address}/student/assignments/{home.assignment_id}"
    browser = Browser(threading.Event(), student)
    form = parse(browser.until_answered("GET", page, 200).text)
    csrf = form.css_first("input[name=csrf_token]").attributes["value"]
    data = {"csrf_token": csrf, "key": str(uuid4()), "text": said, "links": ""}
    file = ("notes.txt", content) if content is not None else ("", b"")
    return browser.post(
        f"{page}/submission",
        data=data,
        files=[("files", file)],
        headers={"Referer": page},
        allow_redirects=False,
        timeout=30,
    )


def left_over(home: CrashingHome) -> list[str]:
    """Return what is left of bodies that could not be written."""
    return [path.name for path in home.storage.receiving.iterdir()]
