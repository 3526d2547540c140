"""The last minute before a deadline: everybody sends at once, and whoever had begun is on time."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from tests.soak.punctual import Asked, Sender, Verdict
from tests.soak.visitors import visitors
from tests.uploads.conversation import O, T, said
from tests.uploads.serving import Portal, served

Begin = Callable[[str], SoakLog]
PIECE = MB
GIVE_UP_SECONDS = 600
PAST = 409  # its time has passed
IDLE_SECONDS = 20  # in which the visitors are alone, at the full size
SLOWER = 5  # times the idle value, so much an ordinary page may take in a rush
SEED = int(os.environ.get("SOAK_SEED", "1"))


@pytest.fixture
def portal(cluster: Any, worker_id: str, tmp_path: Path) -> Iterator[Portal]:
    with served(cluster, f"rush_{worker_id}", tmp_path) as portal:
        yield portal


def test_a_dozen_students_in_the_last_seconds(portal: Portal, soak_log: Begin) -> None:
    rush(portal, soak_log("a small rush"), Rush(students=12, megabytes=1, seconds=4, due=14, idle=1))


def test_a_dozen_students_around_the_moment_itself(portal: Portal, soak_log: Begin) -> None:
    around = Rush(students=12, megabytes=3, seconds=5, due=3.5, idle=1, rest=0.5)
    _, _, verdicts = rush(portal, soak_log("a small rush around the moment"), around)
    assert {Verdict.ON_TIME, Verdict.TOO_LATE} <= verdicts, "nobody was sending when it fell due"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_five_hundred_students_in_the_last_minute(portal: Portal, soak_log: Begin) -> None:
    full = Rush(students=500, megabytes=5, seconds=60, due=70, idle=IDLE_SECONDS)
    idle, busy, _ = rush(portal, soak_log("deadline rush"), full)
    assert busy <= SLOWER * idle


@dataclass(frozen=True)
class Rush:
    """How large a rush is; moments are seconds from its begin."""

    students: int
    megabytes: int
    seconds: float
    """By when everybody has begun."""
    due: float
    idle: float
    """Seconds in which pages are read before it."""
    rest: float = 0.0
    """Seconds between two pieces of a file."""


@dataclass
class Seen:
    """What the students of a rush did and were answered."""

    senders: list[Sender] = field(default_factory=list)
    waits: int = 0
    lock: Lock = field(default_factory=Lock)


def rush(portal: Portal, log: SoakLog, size: Rush) -> tuple[float, float, set[Verdict]]:
    """Have all begin around the due moment; whatever the line does, nobody is lost, and late is who is by the rule.

    Returns how long all but one of a hundred ordinary pages took before the rush, and in it, in seconds; and the
    verdicts that there were.
    """
    people, assignment = arrange(portal, size.students)
    chance, seen = random.Random(SEED), Seen()
    pages = ordinary_pages(portal)
    with visitors(pages):  # the first visits after a start make what later ones find made
        time.sleep(size.idle / 2)
    with visitors(pages) as before:
        time.sleep(size.idle)
    assignment.due_at = now() + timedelta(seconds=size.due)
    portal.world.commit()
    due = assignment.due_at
    began = time.monotonic()
    starts = sorted(chance.uniform(0, size.seconds) for _ in people)
    with visitors(pages) as meanwhile, ThreadPoolExecutor(size.students) as pool:
        each = zip(people, starts, strict=True)
        list(pool.map(lambda mine: one(portal, assignment, *mine, began, size, seen), each))
    took = time.monotonic() - began
    verdicts = Counter(sender.verdict(due) for sender in seen.senders)
    log.acknowledged = {"hand-ins": sum(sender.receipt is not None for sender in seen.senders)}
    over = max((now() - due).total_seconds(), 0)
    log.note(
        f"{size.students} students, {size.megabytes} MB each, begun within {size.seconds} s: {took:.0f} s in all, "
        f"{over:.0f} s past the due moment, {seen.waits} times asked to wait, "
        f"the slowest {max(sender.seconds for sender in seen.senders):.1f} s"
    )
    log.note(f"by the rule: {', '.join(f'{number} {verdict}' for verdict, number in sorted(verdicts.items()))}")
    log.note(
        f"ordinary pages: p99 {before.p99 * 1000:.0f} ms of {len(before.seconds)} before, "
        f"{meanwhile.p99 * 1000:.0f} ms of {len(meanwhile.seconds)} in the rush"
    )
    log.found(lost=lost(portal, assignment, seen), doubled=[], findings=misjudged(seen, due))
    assert before.refused == meanwhile.refused == []
    return before.p99, meanwhile.p99, set(verdicts)


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
    portal: Portal, assignment: Any, headers: dict[str, str], start: float, began: float, size: Rush, seen: Seen
) -> None:
    """Send one file in pieces and hand it in; a portal that asks to wait is waited for."""
    time.sleep(max(start - (time.monotonic() - began), 0))
    mine, data = time.monotonic(), b"\xff\xd8\xff\xe0" + os.urandom(size.megabytes * MB - 4)
    browser, sender = requests.Session(), Sender(sha256=hashlib.sha256(data).hexdigest())
    browser.headers.update(headers)
    creation = f"{portal.address}/uploads/assignments/{assignment.id}"
    named = T | {"Upload-Length": str(len(data))} | said(filename="photo.jpg")
    begun, _ = answered(seen, lambda: browser.post(creation, headers=named, timeout=60), {201, PAST})
    if not has_passed(begun):
        address = f"{portal.address}{begun.headers['Location']}"
        send(browser, address, data, size.rest, sender, seen)
        form = {"key": str(uuid4()), "text": "", "links": "", "uploads": address.rpartition("/")[2]}
        page = f"{portal.address}/student/assignments/{assignment.id}/submission"
        files = {"files": ("", b"")}  # so that the form is one with files, as a browser sends it
        handed_in, sender.handed_in = answered(
            seen, lambda: browser.post(page, data=form, files=files, allow_redirects=False, timeout=60), {303, PAST}
        )
        sender.receipt = None if has_passed(handed_in) else handed_in.headers["Location"]
    sender.seconds = time.monotonic() - mine
    with seen.lock:
        seen.senders.append(sender)


def send(browser: requests.Session, address: str, data: bytes, rest: float, sender: Sender, seen: Seen) -> None:
    """Bring all of a file, each piece of which is more than a twentieth of it: with the first one it is begun."""
    offset = 0
    while offset < len(data):
        piece, sent = data[offset : offset + PIECE], T | O | {"Upload-Offset": str(offset)}
        answer, asked = answered(
            seen,
            lambda sent=sent, piece=piece: browser.patch(address, headers=sent, data=piece, timeout=60),
            {204, 409},
        )
        if answer.status_code == 409:
            answer, again = answered(seen, lambda: browser.head(address, headers=T, timeout=60), {200})
            asked = Asked(asked.sent, again.answered)
        offset = int(answer.headers["Upload-Offset"])
        sender.begun, sender.whole = sender.begun or asked, asked
        time.sleep(rest)


def answered(seen: Seen, ask: Callable[[], requests.Response], wanted: set[int]) -> tuple[requests.Response, Asked]:
    """Return an answer that is wanted, asked for again where the portal asks to wait or the line breaks; and when."""
    end, sent = time.monotonic() + GIVE_UP_SECONDS, now()
    while time.monotonic() < end:
        try:
            answer = ask()
        except requests.RequestException:  # it may have been heard all the same
            time.sleep(0.5)
            continue
        if answer.status_code in wanted:
            return answer, Asked(sent, now())
        assert answer.status_code in {423, 503}, f"{answer.status_code} {_said(answer)}"
        with seen.lock:
            seen.waits += 1
        time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5) * random.uniform(0.5, 1))
        sent = now()
    raise AssertionError("never answered")


def has_passed(answer: requests.Response) -> bool:
    """Return whether this is a refusal because the time has passed; there is no other."""
    assert answer.status_code != PAST or "The time to hand in has passed" in answer.text, _said(answer)
    return answer.status_code == PAST


def _said(answer: requests.Response) -> str:
    """Return the words of an answer that nobody expected."""
    main = parse(answer.text).css_first("main")
    return words(main)[:1000] if main else answer.text[:300]


def misjudged(seen: Seen, due: datetime) -> list[str]:
    """Return who was refused though on time by the rule, and who was taken though too late."""
    wrong = {(Verdict.ON_TIME, False): "refused", (Verdict.TOO_LATE, True): "taken"}
    judged = [(sender, sender.verdict(due)) for sender in seen.senders]
    return [
        f"{wrong[verdict, sender.receipt is not None]} though {verdict}: {sender.in_words(due)}"
        for sender, verdict in judged
        if (verdict, sender.receipt is not None) in wrong
    ]


def lost(portal: Portal, assignment: Assignment, seen: Seen) -> list[str]:
    """Return what is not as the receipts say: each is of one hand-in, on time, whose bytes are those that were sent."""
    portal.world.expire_all()
    made = portal.world.execute(
        select(Submission.late, StoredFile.sha256, StoredFile.storage_key, Enrolment.user_id)
        .join(SubmissionFile, SubmissionFile.submission_id == Submission.id)
        .join(StoredFile, StoredFile.id == SubmissionFile.file_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(Submission.assignment_id == assignment.id)
    ).all()
    portal.world.commit()
    sums = Counter(row.sha256 for row in made)
    promised = Counter(sender.sha256 for sender in seen.senders if sender.receipt)
    differ = (promised - sums) | (sums - promised)
    wrong = [f"{each} was promised {promised[each]} times, and is there {sums[each]} times" for each in differ]
    wrong += [f"{row.sha256} is late" for row in made if row.late]
    for row in made:
        stored = (portal.home / "files" / row.storage_key).read_bytes()
        if hashlib.sha256(stored).hexdigest() != row.sha256:
            wrong.append(f"{row.sha256} has other bytes")
    return wrong
