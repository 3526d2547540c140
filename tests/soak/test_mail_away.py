"""The mail server is away for an hour, then it is back: every message arrives, once.

The hour is made short: what waits for its next try has its moment moved to now, again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.storage import storage_from
from portal.domain.clock import now
from portal.domain.notifications import operations
from portal.domain.notifications.models import Notification, NotificationKind
from portal.jobs.app import FIRST_WAIT_SECONDS
from portal.keeping.invariants import Look, check
from portal.outbox import enqueue
from portal.settings import Settings
from tests.factories import make_user
from tests.jobs.mail_server import Inbox, mail_server
from tests.jobs.worker_process import wait_until, worker
from tests.platform.runs import free_port
from tests.soak.log import SoakLog

HOUR = 3600
CHANGED = {"path": "/account/sessions"}
IN_QUEUE = "FROM procrastinate_jobs WHERE queue_name = 'default'"


def test_twenty_messages_wait_for_the_mail_server(
    live_settings: Settings, live_engine: Engine, soak_log: Callable[[str], SoakLog]
) -> None:
    mail_after_an_absence(live_settings, live_engine, soak_log("mail server away"), people=20, tries=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_messages_wait_an_hour_for_the_mail_server(
    live_settings: Settings, live_engine: Engine, soak_log: Callable[[str], SoakLog]
) -> None:
    tries = next(number for number in range(20) if FIRST_WAIT_SECONDS * (2**number - 1) >= HOUR)
    log = soak_log("mail server away for an hour")
    mail_after_an_absence(live_settings, live_engine, log, people=200, tries=tries)


def mail_after_an_absence(settings: Settings, engine: Engine, log: SoakLog, people: int, tries: int) -> None:
    """Tell people of something while the mail server is away; it comes back; two workers have it all sent."""
    port = free_port()
    settings = replace(settings, mail_server=f"127.0.0.1:{port}", mail_encryption="none")
    told = _people(engine, people)
    inbox = Inbox()
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(worker(settings))
        for person in told:
            _tell(person, "changed")
        _invite(told[0])
        for number in range(1, tries + 1):
            wait_until(lambda wanted=number: _fewest_tries(engine) >= wanted, 300, f"try {number} of every job")
            _let_time_pass(engine)
        waiting = _number(engine, f"SELECT count(*) {IN_QUEUE}")
        log.note(f"{waiting} messages waited through {tries} tries")
        assert waiting == people + 1
        assert _number(engine, "SELECT count(*) FROM notifications WHERE mailed_at IS NOT NULL") == 0
        stack.enter_context(mail_server(inbox, port))
        _let_time_pass(engine)
        took = wait_until(lambda: _is_all_sent(engine), 300, "every message is sent")
        log.round("the mail server", took)
        findings = _findings(settings)
    ids = Counter(str(mail["Message-ID"]) for mail in inbox.messages)
    log.acknowledged = {"messages": len(ids)}
    log.found(
        lost=[f"{people + 1} messages were to be sent and {len(ids)} were"] if len(ids) != people + 1 else [],
        doubled=[f"{name} was sent {times} times" for name, times in ids.items() if times > 1],
        findings=findings,
    )


def _people(engine: Engine, number: int) -> list[UUID]:
    with Session(engine) as session:
        people = [make_user(session).id for _ in range(number)]
        session.commit()
    return people


def _tell(person: UUID, key: str) -> None:
    with db.session_scope():
        at = datetime.now(UTC)
        db.perform(operations.tell, [person], NotificationKind.PASSWORD_CHANGED, key=key, at=at, **CHANGED)


def _invite(person: UUID) -> None:
    with db.session_scope(), db.transaction() as session:
        enqueue(session, "accounts.send_invitation", key=f"invitation:{person}", user_id=person)


def _fewest_tries(engine: Engine) -> int:
    return _number(engine, f"SELECT coalesce(min(attempts), 0) {IN_QUEUE}")


def _let_time_pass(engine: Engine) -> None:
    """Have what waits for its next try tried now; the queue is told, as it is of every new job."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE queue_name = 'default' AND status = 'todo'")
        )
        connection.execute(text("SELECT pg_notify('procrastinate_queue_v1#default', '{\"type\": \"job_inserted\"}')"))


def _is_all_sent(engine: Engine) -> bool:
    _let_time_pass(engine)  # a job that was tried just before the server came back waits once more
    with Session(engine) as session:
        unsent = session.scalar(select(func.count()).where(Notification.mailed_at.is_(None)))
    return unsent == 0 and _number(engine, f"SELECT count(*) {IN_QUEUE}") == 0


def _number(engine: Engine, statement: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def _findings(settings: Settings) -> list[str]:
    answers = check(Look(storage_from(settings), now()), patience=30)
    return [f"{answer.invariant.name}: {wrong}" for answer in answers for wrong in answer.found.wrong]
