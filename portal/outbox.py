"""The way to work that is done later: a job is a row, deferred by name in the transaction that wants it.

All that domains know of jobs. A job runs at least once; its key makes a repeat harmless.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import Enum, column, table, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base


class JobMark(Base):
    """The done-mark of a job: a job that runs again finds it and stops."""

    __tablename__ = "job_marks"

    key: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


# The queue's own tables, made by its library: what questions about jobs read. Whoever sees to a job that was given up
# changes its state (`portal.jobs.given_up`); nobody else but the library writes.
jobs = table(
    "procrastinate_jobs",
    *map(column, ("id", "task_name", "scheduled_at", "attempts", "queueing_lock", "worker_id", "args")),
    column("status", Enum("todo", "doing", "succeeded", "failed", "cancelled", "aborting", "aborted",
                          name="procrastinate_job_status")),
)  # fmt: skip
job_events = table(
    "procrastinate_events",
    *map(column, ("job_id", "at")),
    column("type", Enum("deferred", "started", name="procrastinate_job_event_type")),
)
job_workers = table("procrastinate_workers", column("last_heartbeat"))

GIVEN_UP = ("failed", "aborted")
"""States of a job that is not done and will not be; one that somebody let go is `cancelled`."""


def enqueue(
    session: Session,
    job: str,
    *,
    key: str,
    at: datetime | None = None,
    lane: str | None = None,
    **ids: UUID | str | int,
) -> None:
    """Have `job` run after this transaction commits, not before `at`; `key` names the piece of work, once for ever.

    Jobs of a `lane` run one at a time, however many workers there are, and keep nobody else's job waiting.
    """
    connection = session.connection().connection.driver_connection
    arguments = {name: str(value) if isinstance(value, UUID) else value for name, value in ids.items()}
    where = {"queue": lane, "lock": lane} if lane else {"lock": None}
    task: Any = _app().configure_task(job, connection=connection, schedule_at=at, **where)
    task.defer(key=key, **arguments)


@cache
def _app() -> App:
    """An application that only defers: it is never opened and holds no connection of its own."""
    return App(connector=SyncPsycopgConnector())
