"""The last minute before a deadline: everybody sends at once, and whoever had begun is on time."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import select

from portal.domain.assignments.models import Assignment, Submission, SubmissionFile
from portal.domain.clock import now
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.kinds import MB
from portal.domain.files.models import StoredFile
from tests.factories import make_assignment, make_enrolment, make_intake, make_user
from tests.pages import parse, words
from tests.soak.log import SoakLog
from tests.soak.visitors import visitors
from tests.uploads.conversation import O, T, said
from tests.uploads.serving import Portal, served

Begin = Callable[[str], SoakLog]
PIECE = MB
GIVE_UP_SECONDS = 600
IDLE_SECONDS = 20  # in which the visitors are alone, at the full size
SLOWER = 5  # times the idle value, so much an ordinary page may take in a rush
SEED = int(os.environ.get("SOAK_SEED", "1"))


@pytest.fixture
def portal(cluster: Any, worker_id: str, tmp_path: Path) -> Iterator[Portal]:
    with served(cluster, f"rush_{worker_id}", tmp_path) as portal:
        yield portal


def test_a_dozen_students_in_the_last_seconds(portal: Portal, soak_log: Begin) -> None:
    rush(portal, soak_log("a small rush"), students=12, megabytes=1, seconds=4, idle=1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_five_hundred_students_in_the_last_minute(portal: Portal, soak_log: Begin) -> None:
    idle, busy = rush(portal, soak_log("deadline rush"), students=500, megabytes=5, seconds=60, idle=IDLE_SECONDS)
    assert busy <= SLOWER * idle


@dataclass
class Seen:
    """What the students of a rush were answered."""

    receipts: dict[str, str] = field(default_factory=dict)
    """Where the receipt is, by the SHA-256 of the one file."""
    waits: int = 0
    slowest: float = 0.0
    lock: Lock = field(default_factory=Lock)


def rush(
    portal: Portal, log: SoakLog, *, students: int, megabytes: int, seconds: int, idle: float
) -> tuple[float, float]:
    """Have all begin within these seconds before it is due; whatever the line does, nobody is late or lost.

    Returns how long all but one of a hundred ordinary pages took before the rush, and in it, in seconds.
    """
    people, assignment = arrange(portal, students)
    chance, seen = random.Random(SEED), Seen()
    pages = ordinary_pages(portal)
    with visitors(pages):  # the first visits after a start make what later ones find made
        time.sleep(idle / 2)
    with visitors(pages) as before:
        time.sleep(idle)
    assignment.due_at = now() + timedelta(seconds=seconds + 10)
    portal.world.commit()
    due = assignment.due_at
    began = time.monotonic()
    starts = sorted(chance.uniform(0, seconds) for _ in people)
    with visitors(pages) as meanwhile, ThreadPoolExecutor(students) as pool:
        each = zip(people, starts, strict=True)
        list(pool.map(lambda mine: one(portal, assignment, *mine, began, megabytes, seen), each))
    took = time.monotonic() - began
    look(portal, assignment, seen, students)
    assert before.refused == meanwhile.refused == []
    log.acknowledged = {"hand-ins": len(seen.receipts)}
    over = max((now() - due).total_seconds(), 0)
    log.note(
        f"{students} students, {megabytes} MB each, begun within {seconds} s: {took:.0f} s in all, {over:.0f} s past "
        f"the due moment, {seen.waits} times asked to wait, the slowest {seen.slowest:.1f} s"
    )
    log.note(
        f"ordinary pages: p99 {before.p99 * 1000:.0f} ms of {len(before.seconds)} before, "
        f"{meanwhile.p99 * 1000:.0f} ms of {len(meanwhile.seconds)} in the rush"
    )
    return before.p99, meanwhile.p99


def ordinary_pages(portal: Portal) -> list[tuple[str, dict[str, str]]]:
    """Return what people read while others hand in, each with the headers of who reads it."""
    ama, kofi = portal.headers, portal.sign_in(portal.cast.kofi)
    pages = [("/", {}), ("/student/", ama), (f"/student/assignments/{portal.assignment.id}", ama), ("/trainer/", kofi)]
    return [(portal.address + path, headers) for path, headers in [*pages, ("/trainer/marking", kofi)]]


def arrange(portal: Portal, number: int) -> tuple[list[dict[str, str]], Assignment]:
    """Return the headers of so many students' browsers, and what they all hand in for."""
    intake = make_intake(portal.world, trainers=[portal.cast.kofi], seats=number)
    assignment = make_assignment(portal.world, intake, portal.cast.kofi, cut_off_at=None)
    people = [make_user(portal.world) for _ in range(number)]
    for person in people:
        make_enrolment(portal.world, person, intake)
    portal.world.commit()
    return [portal.sign_in(person) for person in people], assignment


def one(
    portal: Portal, assignment: Any, headers: dict[str, str], start: float, began: float, megabytes: int, seen: Seen
) -> None:
    """Send one file in pieces and hand it in; a portal that asks to wait is waited for."""
    time.sleep(max(start - (time.monotonic() - began), 0))
    mine = time.monotonic()
    data = b"\xff\xd8\xff\xe0" + os.urandom(megabytes * MB - 4)
    browser = requests.Session()
    browser.headers.update(headers)
    creation = f"{portal.address}/uploads/assignments/{assignment.id}"
    named = T | {"Upload-Length": str(len(data))} | said(filename="photo.jpg")
    begun = answered(seen, lambda: browser.post(creation, headers=named, timeout=60), {201})
    address, offset = f"{portal.address}{begun.headers['Location']}", 0
    while offset < len(data):
        piece = data[offset : offset + PIECE]
        sent = T | O | {"Upload-Offset": str(offset)}
        answer = answered(
            seen,
            lambda sent=sent, piece=piece: browser.patch(address, headers=sent, data=piece, timeout=60),
            {204, 409},
        )
        if answer.status_code == 409:
            answer = answered(seen, lambda: browser.head(address, headers=T, timeout=60), {200})
        offset = int(answer.headers["Upload-Offset"])
    form = {"key": str(uuid4()), "text": "", "links": "", "uploads": address.rpartition("/")[2]}
    page = f"{portal.address}/student/assignments/{assignment.id}/submission"
    files = {"files": ("", b"")}  # so that the form is one with files, as a browser sends it
    handed_in = answered(
        seen, lambda: browser.post(page, data=form, files=files, allow_redirects=False, timeout=60), {303}
    )
    with seen.lock:
        seen.receipts[hashlib.sha256(data).hexdigest()] = handed_in.headers["Location"]
        seen.slowest = max(seen.slowest, time.monotonic() - mine)


def answered(seen: Seen, ask: Callable[[], requests.Response], wanted: set[int]) -> requests.Response:
    """Return an answer that is wanted; where the portal asks to wait or the line breaks it is asked again."""
    end = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < end:
        try:
            answer = ask()
        except requests.RequestException:
            time.sleep(0.5)
            continue
        if answer.status_code in wanted:
            return answer
        assert answer.status_code in {423, 503}, f"{answer.status_code} {_said(answer)}"
        with seen.lock:
            seen.waits += 1
        time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5) * random.uniform(0.5, 1))
    raise AssertionError("never answered")


def _said(answer: requests.Response) -> str:
    """Return the words of an answer that nobody expected."""
    main = parse(answer.text).css_first("main")
    return words(main)[:1000] if main else answer.text[:300]


def look(portal: Portal, assignment: Assignment, seen: Seen, students: int) -> None:
    """Everybody has handed in once, on time, and what they sent is there."""
    portal.world.expire_all()
    made = portal.world.execute(
        select(Submission.late, StoredFile.sha256, StoredFile.storage_key, Enrolment.user_id)
        .join(SubmissionFile, SubmissionFile.submission_id == Submission.id)
        .join(StoredFile, StoredFile.id == SubmissionFile.file_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(Submission.assignment_id == assignment.id)
    ).all()
    portal.world.commit()
    assert len(made) == len({row.user_id for row in made}) == students
    assert {row.sha256 for row in made} == seen.receipts.keys()
    assert [row for row in made if row.late] == []
    for row in made:
        stored = (portal.home / "files" / row.storage_key).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == row.sha256
