"""A worker as people meet it: killed, told to stop, cut off from its database."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.domain.audit import operations as audit
from portal.domain.audit import sealing
from portal.domain.audit.models import AuditSeal
from portal.domain.notifications import operations
from portal.domain.notifications.models import Notification, NotificationKind
from portal.domain.permissions import system_actor
from portal.settings import Settings
from tests.cast import Cast, gather_cast
from tests.jobs.mail_server import Inbox, mail_server
from tests.jobs.worker_process import wait_until, worker

CHANGED = {"path": "/account/sessions"}


class SlowInbox(Inbox):
    """Says that somebody is at the door, and keeps them waiting there while `holding`."""

    holding = False
    knocks = 0

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
        self.knocks += 1
        while self.holding:
            await asyncio.sleep(0.1)
        return await super().handle_RCPT(server, session, envelope, address, options)


@pytest.fixture
def inbox() -> Iterator[tuple[SlowInbox, str]]:
    with mail_server(SlowInbox()) as running:
        yield running


@pytest.fixture
def worker_settings(live_settings: Settings, inbox: tuple[SlowInbox, str]) -> Settings:
    return replace(live_settings, mail_server=inbox[1], mail_encryption="none")


@pytest.fixture
def people(live_engine: Engine) -> Cast:
    with Session(live_engine, expire_on_commit=False) as session:
        return gather_cast(session)


def tell(person, key: str) -> None:
    with db.session_scope():
        at = datetime.now(UTC)
        db.perform(operations.tell, [person.id], NotificationKind.PASSWORD_CHANGED, key=key, at=at, **CHANGED)


def mailed(engine: Engine, key: str) -> bool:
    with Session(engine) as session:
        return session.scalar(select(Notification.mailed_at).where(Notification.key == key)) is not None


def words_of(settings: Settings) -> str:
    """Return what workers of this home have written."""
    return "".join(path.read_text() for path in settings.portal_home.glob("worker-*.log"))


def jobs_left(engine: Engine) -> int:
    with engine.connect() as connection:
        statement = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'default'"
        return connection.execute(text(statement)).scalar_one()


def test_mail_is_sent_at_once_and_the_worker_ends_when_told(worker_settings, people, inbox, live_engine):
    with worker(worker_settings) as process:
        tell(people.ama, "first")
        wait_until(lambda: mailed(live_engine, "first"), 20, "the worker has begun and mailed")
        tell(people.ama, "second")
        assert wait_until(lambda: mailed(live_engine, "second"), 5, "mailed") < 2
        wait_until(lambda: jobs_left(live_engine) == 0, 5, "what is done leaves no row")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=8) == 0
    assert len(inbox[0].messages) == 2


def test_what_a_worker_writes_is_a_line_for_machines_without_the_secrets_of_the_mail(worker_settings, people, inbox):
    away = replace(worker_settings, mail_server="127.0.0.1:9")
    with worker(away):
        tell(people.ama, "first")
        wait_until(lambda: "mail.deliver" in words_of(away), 20, "the worker has tried and said why it could not")
    lines = [json.loads(line) for line in words_of(away).splitlines()]
    assert {"at", "level", "event", "logger"} <= set.intersection(*(set(line) for line in lines))
    assert "ama@example.test" not in words_of(away)


def test_a_job_whose_worker_was_killed_is_done_once_within_a_minute(worker_settings, people, inbox, live_engine):
    inbox[0].holding = True
    with worker(worker_settings) as killed:
        tell(people.ama, "held")
        wait_until(lambda: inbox[0].knocks, 20, "the worker is in the middle of its job")
        killed.kill()
        killed.wait()
    inbox[0].holding = False
    assert not mailed(live_engine, "held")
    with worker(worker_settings):
        wait_until(lambda: mailed(live_engine, "held"), 60, "another worker did the job")
        wait_until(lambda: jobs_left(live_engine) == 0, 5, "the job is done")
    assert len(inbox[0].messages) == 1


def test_a_worker_ends_in_time_though_its_job_does_not(worker_settings, people, inbox, live_engine):
    inbox[0].holding = True
    with worker(worker_settings) as process:
        tell(people.ama, "held")
        wait_until(lambda: inbox[0].knocks, 20, "the worker is in the middle of its job")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        assert time.monotonic() - began < 8.5
    inbox[0].holding = False
    assert not mailed(live_engine, "held")


def test_a_worker_goes_on_when_its_database_comes_back(worker_settings, people, live_engine, live_database, cluster):
    with worker(worker_settings):
        tell(people.ama, "before")
        wait_until(lambda: mailed(live_engine, "before"), 20, "the worker has begun")
        above = create_engine(cluster.superuser_url().replace("postgresql://", "postgresql+psycopg://"))
        with above.connect() as connection:
            statement = (
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE datname = :name AND pid <> pg_backend_pid()"
            )
            assert connection.execute(text(statement), {"name": live_database}).scalar_one() > 2
        above.dispose()
        live_engine.dispose()
        tell(people.ama, "after")
        wait_until(lambda: mailed(live_engine, "after"), 20, "the worker mails again")


def test_the_trail_is_sealed_within_five_seconds_however_many_workers(worker_settings, people, live_engine):
    with worker(worker_settings), worker(worker_settings):
        tell(people.ama, "ready")
        wait_until(lambda: mailed(live_engine, "ready"), 20, "a worker has begun")
        for number in range(4):
            with db.session_scope(), db.transaction() as session:
                at = datetime.now(UTC)
                audit.record(session, system_actor("test"), "room:open", ("rooms", str(number)), at=at)
            wait_until(lambda sealed=number + 1: count_seals(live_engine) >= sealed, 6, "the entry is sealed")
    with Session(live_engine) as session:
        assert sealing.verify(session, at=datetime.now(UTC)).problems == []


def count_seals(engine: Engine) -> int:
    with Session(engine) as session:
        return len(session.scalars(select(AuditSeal.position)).all())
