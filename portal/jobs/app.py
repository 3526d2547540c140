"""The jobs of the portal by name, what runs them again when they fail, and when the periodic ones are due."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

from portal.adapters.mailer import mailer_from
from portal.adapters.storage import storage_from
from portal.domain.clock import now
from portal.domain.files.copies import LANE
from portal.jobs import accounts, delivery, hand_ins, live_classes, materials, media, quizzes, rescue, sealing, sweeping
from portal.jobs.rescue import LONGEST_WAIT_SECONDS
from portal.settings import Settings

WORK = "default"
"""The queue of what people's acts ask for: mail, and materials released later."""
KEEPING = "keeping"
"""The queue of periodic jobs: never behind a slow mail server."""

POOL_SIZE = 6  # connections with which a worker fetches jobs and listens
FIRST_WAIT_SECONDS = 15
MOST_ATTEMPTS = 60  # two days and a half of a mail server that does not answer


log = logging.getLogger(__name__)


class BackOff(BaseRetryStrategy):
    """Try again after 15 s, 30 s, a minute and so on, at most an hour apart."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if job.attempts >= MOST_ATTEMPTS:
            log.error("Job %s (%s) is given up: %s", job.id, job.task_name, exception)
            return None
        wait = min(FIRST_WAIT_SECONDS * 2 ** min(job.attempts, 10), LONGEST_WAIT_SECONDS)
        log.warning("Job %s (%s) failed, next try in %s s: %s", job.id, job.task_name, wait, exception)
        return RetryDecision(retry_in={"seconds": wait})


def job_app(settings: Settings) -> App:
    """Return the application that a worker runs; it opens no connection yet."""
    app = App(
        connector=PsycopgConnector(
            conninfo=settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1),
            min_size=1,
            max_size=POOL_SIZE,
            kwargs={"application_name": "portal worker", "connect_timeout": 5},
        )
    )
    _register_work(app, settings)
    _register_media(app, settings)
    _register_keeping(app, settings)
    return app


def _register_work(app: App, settings: Settings) -> None:
    mailer = mailer_from(settings)

    @app.task(name="mail.deliver", retry=BackOff())
    def deliver(key: str, ids: str) -> None:
        delivery.deliver(settings, mailer, ids.split(","), at=now())

    @app.task(name="accounts.send_invitation", retry=BackOff())
    def send_invitation(key: str, user_id: str, issued_by: str | None = None) -> None:
        accounts.send_invitation(settings, mailer, key, user_id, issued_by, at=now())

    @app.task(name="accounts.send_reset", retry=BackOff())
    def send_reset(key: str, user_id: str) -> None:
        accounts.send_reset(settings, mailer, key, user_id, at=now())

    @app.task(name="materials.announce", retry=BackOff())
    def announce_material(key: str, material_id: str) -> None:
        materials.announce(material_id, at=now())

    @app.task(name="assignments.hand_in_if_complete", retry=BackOff())
    def hand_in_if_complete(key: str, pending_id: str) -> None:
        hand_ins.hand_in_if_complete(pending_id, at=now())

    @app.task(name="quizzes.end_attempt", retry=BackOff())
    def end_attempt(key: str, attempt_id: str) -> None:
        quizzes.end_attempt(attempt_id, at=now())


def _register_media(app: App, settings: Settings) -> None:
    """What takes minutes and a core: on a queue of its own, one at a time over all workers."""
    storage = storage_from(settings)

    @app.task(name="media.make", queue=LANE, lock=LANE, retry=BackOff())
    def make_copies(key: str, files: str) -> None:
        media.make(storage, files)


def _register_keeping(app: App, settings: Settings) -> None:
    """Periodic jobs: each tick is one row, unique by name and moment, however many workers there are."""
    storage = storage_from(settings)

    def every(cron: str, name: str, **options: Any) -> Callable[[Callable[..., Any]], None]:
        def register(job: Callable[..., Any]) -> None:
            task: Any = app.task(name=name, queue=KEEPING, queueing_lock=name, **options)
            app.periodic(cron=cron)(task(job))

        return register

    @every("* * * * * */4", "audit.seal")
    def seal(timestamp: int) -> None:
        sealing.seal_new(at=now())

    @every("41 * * * *", "audit.seal_all")
    def seal_all(timestamp: int) -> None:
        sealing.seal_all(at=now())

    @every("* * * * * */10", "jobs.rescue", pass_context=True)
    async def rescue_stalled(context: JobContext, timestamp: int) -> None:
        await rescue.rescue(context.app.job_manager)

    @every("* * * * *", "live_classes.advance")
    def advance_classes(timestamp: int) -> None:
        live_classes.advance(at=now())

    @every("* * * * *", "assignments.hand_in_what_waits")
    def hand_in_what_waits(timestamp: int) -> None:
        hand_ins.hand_in_what_waits(at=now())

    @every("* * * * *", "quizzes.end_attempts")
    def end_attempts(timestamp: int) -> None:
        quizzes.end_attempts(at=now())

    @every("*/10 * * * *", "assignments.remind")
    def remind_of_what_waits(timestamp: int) -> None:
        hand_ins.remind_of_what_waits(at=now())

    @every("*/10 * * * *", "rows.sweep")
    def sweep_rows(timestamp: int) -> None:
        sweeping.sweep_rows(at=now())

    @every("11 3 * * *", "rows.sweep_nightly")
    def sweep_nightly(timestamp: int) -> None:
        sweeping.sweep_rows(at=now(), nightly=True)
        sweeping.sweep_mail(settings, at=now())

    @every("23 * * * *", "files.sweep")
    def sweep_files(timestamp: int) -> None:
        sweeping.sweep_files(storage, at=now())

    @every("*/10 * * * *", "media.ask_again")
    def ask_for_copies_again(timestamp: int) -> None:
        media.ask_again()

    @every("*/10 * * * *", "uploads.sweep")
    def sweep_uploads(timestamp: int) -> None:
        sweeping.sweep_uploads(storage, at=now())

    @every("53 3 * * *", "jobs.forget", pass_context=True)
    async def forget(context: JobContext, timestamp: int) -> None:
        await rescue.forget_old_jobs(context.app.job_manager)
