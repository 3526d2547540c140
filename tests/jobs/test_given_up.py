"""A job that was given up waits for a person, who has it tried again or lets it go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.storage import storage_from
from portal.cli.jobs import jobs as command
from portal.domain.audit.models import AuditEntry
from portal.domain.errors import Conflict, Forbidden
from portal.domain.notifications import operations
from portal.domain.notifications.models import Notification, NotificationKind
from portal.domain.permissions import system_actor
from portal.jobs import given_up
from portal.keeping.invariants import INVARIANTS, Look
from portal.settings import Settings
from tests.cast import actor, gather_cast
from tests.jobs.mail_server import Inbox, mail_server
from tests.jobs.worker_process import wait_until, worker

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
OFFICE = system_actor("test")
PLANT = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, queueing_lock)
    VALUES ('default', :name, :status, 60, :lock) RETURNING id
    """


def planted(session: Session, name: str = "materials.announce", status: str = "failed", lock: str | None = None) -> int:
    return session.execute(text(PLANT), {"name": name, "status": status, "lock": lock}).scalar_one()


def state(session: Session, job_id: int) -> tuple[str, int]:
    statement = text("SELECT status::text, attempts FROM procrastinate_jobs WHERE id = :id")
    return tuple(session.execute(statement, {"id": job_id}).one())


@pytest.mark.parametrize("status", ["failed", "aborted"])
def test_a_job_that_is_tried_again_has_all_its_tries_before_it(world: Session, status: str) -> None:
    job_id = planted(world, status=status)
    assert given_up.try_again(world, OFFICE, job_id, at=AT) == "News of a released material"
    assert state(world, job_id) == ("todo", 0)


def test_a_job_that_was_let_go_is_not_tried_again(world: Session) -> None:
    job_id = planted(world)
    given_up.let_go(world, OFFICE, job_id, at=AT)
    assert state(world, job_id) == ("cancelled", 60)
    with pytest.raises(Conflict, match="Somebody may have seen to it"):
        given_up.try_again(world, OFFICE, job_id, at=AT)


@pytest.mark.parametrize("verb", [given_up.try_again, given_up.let_go])
@pytest.mark.parametrize("status", ["todo", "doing", "cancelled", "succeeded"])
def test_a_job_that_was_not_given_up_is_left_alone(world: Session, verb, status: str) -> None:
    job_id = planted(world, status=status)
    with pytest.raises(Conflict):
        verb(world, OFFICE, job_id, at=AT)
    assert state(world, job_id) == (status, 60)


def test_a_periodic_job_is_let_go_and_never_put_back_beside_its_next_run(world: Session) -> None:
    job_id = planted(world, "rows.sweep", lock="rows.sweep")
    with pytest.raises(Conflict, match="comes again by itself"):
        given_up.try_again(world, OFFICE, job_id, at=AT)
    given_up.let_go(world, OFFICE, job_id, at=AT)
    assert state(world, job_id)[0] == "cancelled"


def test_only_the_duty_system_sees_to_jobs_and_the_trail_says_who_did(world: Session, cast) -> None:
    job_id = planted(world)
    for verb in (given_up.try_again, given_up.let_go):
        with pytest.raises(Forbidden):
            verb(world, actor(cast.kofi), job_id, at=AT)
    given_up.let_go(world, actor(cast.efua), job_id, at=AT)
    entry = world.scalars(select(AuditEntry).where(AuditEntry.action == "job:drop")).one()
    assert (entry.actor_id, entry.subject_id, entry.fields) == (cast.efua.id, str(job_id), ["state"])


def ask(settings: Settings, engine: Engine, *arguments: str) -> Result:
    environ = {"PORTAL_ENVIRONMENT": "test", "DATABASE_URL": settings.database_url}
    answer = CliRunner().invoke(command, list(arguments), env=environ)
    db.bind(engine)  # the command used an engine of its own
    return answer


def test_whoever_keeps_the_server_lists_them_and_sees_to_each(
    live_settings: Settings, live_engine: Engine, portal_engine: Engine
) -> None:
    assert "No job was given up." in ask(live_settings, portal_engine, "list").output
    with Session(live_engine) as session:
        first, second = planted(session), planted(session, "accounts.send_reset")
        session.commit()
    listed = ask(live_settings, portal_engine, "list").output
    assert f"{second}  accounts.send_reset (A link for a new password by mail), 60 tries" in listed
    assert ask(live_settings, portal_engine, "retry", str(first)).exit_code == 0
    again = ask(live_settings, portal_engine, "retry", str(first))
    assert (again.exit_code, "Somebody may have seen to it" in again.output) == (1, True)
    assert ask(live_settings, portal_engine, "drop", str(second)).exit_code == 1  # nobody said yes
    assert ask(live_settings, portal_engine, "drop", "--yes", str(second)).exit_code == 0
    assert "No job was given up." in ask(live_settings, portal_engine, "list").output


@pytest.fixture
def message(live_engine: Engine, live_settings: Settings) -> int:
    """The job of a message to Ama, given up."""
    with Session(live_engine, expire_on_commit=False) as session:
        ama = gather_cast(session).ama
        session.commit()
    with db.session_scope():
        kind, about = NotificationKind.PASSWORD_CHANGED, {"path": "/account/sessions"}
        db.perform(operations.tell, [ama.id], kind, key="once", at=datetime.now(UTC), **about)
    with Session(live_engine) as session:
        gave_up = "UPDATE procrastinate_jobs SET status = 'failed', attempts = 60 RETURNING id"
        job_id = session.execute(text(gave_up)).scalar_one()
        session.commit()
    return job_id


def test_a_message_that_was_given_up_goes_out_once_it_is_tried_again(
    live_settings: Settings, live_engine: Engine, message: int
) -> None:
    with mail_server(Inbox()) as (inbox, address):
        settings = replace(live_settings, mail_server=address, mail_encryption="none")
        with worker(settings):
            with db.session_scope():
                db.perform(given_up.try_again, OFFICE, message, at=datetime.now(UTC))
            wait_until(lambda: inbox.messages, 20, "the message goes out")


def test_a_message_that_was_let_go_counts_as_lost_nowhere(
    live_settings: Settings, live_engine: Engine, message: int
) -> None:
    rules = {rule.name: rule for rule in INVARIANTS}
    about = ("no_job_was_given_up", "every_message_is_sent_or_waits")

    def hold() -> list[bool]:
        look = Look(storage_from(live_settings), datetime.now(UTC))
        return [rules[name].look(look).holds for name in about]

    assert hold() == [False, False]
    with db.session_scope():
        db.perform(given_up.let_go, OFFICE, message, at=datetime.now(UTC))
    assert hold() == [True, True]
    with Session(live_engine) as session:
        assert session.scalar(select(Notification.mailed_at)) is None
