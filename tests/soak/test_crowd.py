"""A hundred clients hand in for one assignment at one moment: each gets a receipt or a refusal that says why."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.deadlines import Refusal
from portal.domain.assignments.models import Submission
from tests.pages import parse, words
from tests.soak.clients import Browser
from tests.soak.crashing_home import CrashingHome, Student
from tests.soak.log import SoakLog

CLIENTS_OF_A_STUDENT = 4  # two of them with the same form, as after a double click
ATTEMPTS = 2


@dataclass(frozen=True)
class Answer:
    """What one client was answered."""

    student: Student
    key: str
    receipt: str
    """The address of the receipt, nothing where it was refused."""
    said: str


def test_twenty_clients_at_one_assignment(folder: Path, soak_log: Callable[[str], SoakLog]) -> None:
    hand_in_together(folder, soak_log("twenty clients"), students=5, waves=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_clients_at_one_assignment_again_and_again(folder: Path, soak_log: Callable[[str], SoakLog]) -> None:
    hand_in_together(folder, soak_log("a hundred clients"), students=25, waves=20)


def hand_in_together(folder: Path, log: SoakLog, students: int, waves: int) -> None:
    """Let four clients of each student hand in at one moment, and count; then again for a new assignment."""
    home = CrashingHome(folder, students * waves)
    try:
        home.start()
        home.change(f"UPDATE assignments SET attempts_allowed = {ATTEMPTS}")
        receipts = refusals = 0
        for wave in range(waves):
            crowd = home.students[wave * students : (wave + 1) * students]
            answers = _answers(home, crowd)
            problems = [problem for student in crowd for problem in _problems(student, answers)]
            receipts += sum(bool(answer.receipt) for answer in answers)
            refusals += sum(not answer.receipt for answer in answers)
            log.acknowledged = {"receipts": receipts, "refusals": refusals}
            problems += _missing(home, answers)
            log.found(lost=problems, doubled=[], findings=home.findings())
            log.round(f"{len(answers)} clients at once", 0.0)
        deadlocks = home.database_said().count("deadlock detected")
        log.note(f"deadlocks: {deadlocks}")
        assert deadlocks == 0
    finally:
        home.stop()


def _answers(home: CrashingHome, students: list[Student]) -> list[Answer]:
    """Return what the clients of these students were answered, who all sent at one moment."""
    forms = []
    for student in students:
        keys = [str(uuid4()) for _ in range(CLIENTS_OF_A_STUDENT - 1)]
        forms += [(student, key) for key in [keys[0], *keys]]
    together = threading.Barrier(len(forms))
    with ThreadPoolExecutor(len(forms)) as pool:
        return list(pool.map(lambda form: _hand_in(home, *form, together), forms))


def _hand_in(home: CrashingHome, student: Student, key: str, together: threading.Barrier) -> Answer:
    page = f"{home.address}/student/assignments/{home.assignment_id}"
    browser = Browser(threading.Event(), student)
    form = parse(browser.until_answered("GET", page, 200).text)
    csrf = form.css_first("input[name=csrf_token]").attributes["value"]
    data = {"csrf_token": csrf, "key": key, "text": f"Work {key}", "links": ""}
    browser.close()  # a line that waits long for the others is closed by the server just as it is used again
    together.wait(60)
    answer = browser.post(
        f"{page}/submission",
        data=data,
        files=[("files", ("notes.txt", f"Notes {key}".encode()))],
        headers={"Referer": page},
        allow_redirects=False,
        timeout=60,
    )
    if answer.status_code == 303:
        return Answer(student, key, answer.headers["Location"], "")
    said = words(parse(answer.text).css_first("main"))
    assert answer.status_code in {409, 422}, f"{answer.status_code}: {said[:300]}"
    return Answer(student, key, "", said)


def _problems(student: Student, answers: list[Answer]) -> list[str]:
    """Return what is wrong with what one student's clients were answered."""
    own = [answer for answer in answers if answer.student == student]
    receipts: dict[str, set[str]] = defaultdict(set)
    for answer in own:
        if answer.receipt:
            receipts[answer.key].add(answer.receipt)
    wrong = [f"form {key} has receipts {found}" for key, found in receipts.items() if len(found) > 1]
    if len(receipts) != ATTEMPTS:
        wrong.append(f"student {student.user_id} has {len(receipts)} receipts of {ATTEMPTS} attempts")
    unclear = [answer.said for answer in own if not answer.receipt and Refusal.NO_ATTEMPT_LEFT not in answer.said]
    return wrong + [f"refused without a reason: {said[:200]}" for said in unclear]


def _missing(home: CrashingHome, answers: list[Answer]) -> list[str]:
    """Return receipts of nothing, and attempts that are not counted 1, 2."""
    wanted = {answer.receipt.split("/")[3]: answer.student.enrolment_id for answer in answers if answer.receipt}
    attempts = defaultdict(list)
    with home.engine() as engine, Session(engine) as session:
        statement = select(Submission).where(Submission.enrolment_id.in_(set(wanted.values())))
        for row in session.scalars(statement):
            attempts[row.enrolment_id].append(row.attempt)
            wanted.pop(str(row.id), None)
    wrong = [f"receipt {submission_id} is of nothing" for submission_id in wanted]
    counted = list(range(1, ATTEMPTS + 1))
    return wrong + [f"enrolment {who} has attempts {has}" for who, has in attempts.items() if sorted(has) != counted]
