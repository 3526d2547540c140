"""Whoever holds a receipt has handed in: whole, and exactly once, whatever was killed in the middle."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission, SubmissionFile, SubmissionMember
from portal.domain.files.models import FileState, StoredFile
from tests.soak.clients import Crowd, HandedIn
from tests.soak.crashing_home import CrashingHome

CLIENTS = 8


def test_twenty_hand_ins_survive_one_kill_of_each_kind(folder: Path) -> None:
    hand_in_while_killing(folder, hand_ins=24, rounds=1)


@pytest.mark.soak
def test_two_hundred_hand_ins_survive_kill_after_kill(folder: Path) -> None:
    hand_in_while_killing(folder, hand_ins=200, rounds=4)


def hand_in_while_killing(folder: Path, *, hand_ins: int, rounds: int) -> None:
    """Hand in from eight clients, kill the database, a web worker and everything in turn, and look at what is there."""
    home = CrashingHome(folder, CLIENTS)
    crowd = Crowd(home, hand_ins)
    try:
        home.start()
        crowd.start()
        kills = [home.kill_database, home.kill_web_worker, home.kill_everything_and_start_again] * rounds
        for number, kill in enumerate(kills, start=1):
            crowd.wait_for(hand_ins * number // (len(kills) + 1))
            kill()
        crowd.finish()
        assert len(crowd.receipts) == hand_ins
        assert any(receipt.interruptions for receipt in crowd.receipts), "nothing was killed in the middle of a hand-in"
        assert_whole_and_once(home, crowd.receipts)
    finally:
        crowd.give_up()
        home.stop()


def assert_whole_and_once(home: CrashingHome, receipts: list[HandedIn]) -> None:
    """Every receipt names one submission that is whole, and there is none without a receipt."""
    with home.engine() as engine, Session(engine) as session:
        submissions = {row.id: row for row in session.scalars(select(Submission))}
        members = dict(session.execute(select(SubmissionMember.submission_id, SubmissionMember.enrolment_id)).all())
        files: dict[object, list[StoredFile]] = {submission_id: [] for submission_id in submissions}
        pairs = select(SubmissionFile.submission_id, StoredFile).join(StoredFile)
        for submission_id, file in session.execute(pairs):
            files[submission_id].append(file)
    assert {receipt.submission_id for receipt in receipts} == submissions.keys()
    assert len({receipt.number for receipt in receipts}) == len(receipts)
    for receipt in receipts:
        submission = submissions[receipt.submission_id]
        assert (submission.number, submission.key, submission.text) == (receipt.number, receipt.key, receipt.text)
        assert (submission.state, members[submission.id]) == ("submitted", receipt.student.enrolment_id)
        rows = files[submission.id]
        assert sorted(row.sha256 for row in rows) == receipt.sums
        for row in rows:
            assert row.state == FileState.ATTACHED
            assert hashlib.sha256(home.bytes_of(row.storage_key)).hexdigest() == row.sha256
