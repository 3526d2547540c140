"""Every job that is asked for is one that a worker knows."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from procrastinate.jobs import Job

import portal
from portal.jobs.app import KEEPING, MOST_ATTEMPTS, BackOff, job_app
from portal.settings import Settings

ASKED_FOR = re.compile(r'enqueue\(\s*session,\s*"([a-z_.]+)"')
SETTINGS = Settings(environment="test", database_url="postgresql+psycopg://portal@localhost/portal")


def test_every_job_that_an_operation_asks_for_is_registered():
    sources = [path.read_text() for path in Path(portal.__file__).parent.rglob("*.py")]
    asked_for = {name for source in sources for name in ASKED_FOR.findall(source)}
    assert "mail.deliver" in asked_for
    assert asked_for <= set(job_app(SETTINGS).tasks)


def test_what_people_ask_for_is_tried_again_and_periodic_jobs_never_pile_up():
    for name, task in job_app(SETTINGS).tasks.items():
        if name.startswith(("builtin:", "procrastinate.")):
            continue
        if task.queue == KEEPING:
            assert task.queueing_lock == name
        else:
            assert isinstance(task.retry_strategy, BackOff), name


def test_tries_come_further_and_further_apart_for_two_days():
    waits = []
    for attempt in range(MOST_ATTEMPTS + 1):
        decision = BackOff().get_retry_decision(exception=OSError(), job=job_after(attempt))
        if decision is None:
            break
        waits.append(decision.retry_at - datetime.now(UTC))
    assert waits[0] < timedelta(seconds=16)
    assert waits[-1] > timedelta(minutes=59)
    assert timedelta(days=2) < sum(waits, timedelta()) < timedelta(days=3)
    assert len(waits) == MOST_ATTEMPTS


def job_after(attempts: int) -> Job:
    return Job(id=1, queue="default", lock=None, queueing_lock=None, task_name="mail.deliver", attempts=attempts)
