"""A program that sends a request twice at the same moment, on several connections to one database."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.domain.accounts.lockout import ACCOUNT_LIMIT
from portal.domain.accounts.models import RefreshToken
from portal.domain.accounts.passwords import hash_password
from portal.domain.assignments.models import Submission, SubmissionFile
from portal.web.bearer import token_keys
from tests.api_v1.conftest import Program, assert_refused
from tests.api_v1.test_calls import PASSWORD, PDF
from tests.cast import gather_cast
from tests.factories import make_assignment, now

AT_ONCE = ACCOUNT_LIMIT.failures  # a password tried more often at once may be a guess: that one waits


def together(act: Any) -> list[Any]:
    """Return what each of several clients was answered, all let go at the same moment."""
    gate = Barrier(AT_ONCE)

    def one(_: int) -> Any:
        gate.wait()
        return act()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


@pytest.fixture
def ama(app: Flask, live_engine: Engine, settings: Any) -> Any:
    """Ama's program and an assignment of hers, in a database that several connections share."""
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        cast.ama.password_hash = hash_password(PASSWORD)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        token = start_family(session, cast.ama.id, token_keys(settings), at=now()).access_token
        session.commit()
        yield session, f"/assignments/{assignment.id}/submit", lambda: Program(app, token)


def test_a_hand_in_sent_at_once_with_one_key_is_one_hand_in(ama: Any) -> None:
    session, address, program = ama

    def send() -> Any:
        work = {"submission_text": "Once.", "files": (io.BytesIO(PDF), "notes.pdf")}
        return program().post(address, key="try-1", data=work, content_type="multipart/form-data")

    answers = together(send)
    made = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in made:
            assert_refused(answer, 409)  # the first is still at work: come back in a moment
    assert made
    assert len({answer.get_json()["data"]["number"] for answer in [*made, send()]}) == 1
    assert session.scalar(select(func.count()).select_from(Submission)) == 1
    assert session.scalar(select(func.count()).select_from(SubmissionFile)) == 1


def test_a_sign_in_sent_at_once_with_one_key_is_one_sign_in(ama: Any) -> None:
    session, _, program = ama
    before = session.scalar(select(func.count()).select_from(RefreshToken))
    session.rollback()
    credentials = {"email": "ama@example.test", "password": PASSWORD}

    def send() -> Any:
        return program().post("/auth/login", key="try-1", json=credentials)

    answers = together(send)
    assert {answer.status_code for answer in answers} <= {200, 503}  # too many passwords at once: come back in a moment
    signed_in = [answer for answer in [*answers, send()] if answer.status_code == 200]
    assert len({answer.get_json()["data"]["refresh_token"] for answer in signed_in}) == 1
    assert session.scalar(select(func.count()).select_from(RefreshToken)) == before + 1
