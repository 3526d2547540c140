"""A real worker in a process of its own, as `make run` starts it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.settings import Settings
from tests.platform.runs import PORTAL

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def worker(settings: Settings) -> Iterator[subprocess.Popen]:
    """Start a worker and wait until it is at work; it is gone at the end, whatever became of it."""
    environ = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name} | {
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_HOME": str(settings.portal_home),
        "PORTAL_URL": settings.portal_url,
        "DATABASE_URL": settings.database_url,
        "MAIL_SERVER": settings.mail_server,
        "MAIL_ENCRYPTION": settings.mail_encryption,
        "SENTRY_DSN": settings.sentry_dsn,
    }
    log = (settings.portal_home / f"worker-{time.monotonic_ns()}.log").open("w")
    process = subprocess.Popen([*PORTAL, "worker"], cwd=ROOT, env=environ, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def wait_until(true: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until something is so, and return how many seconds that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"After {seconds} s still not: {what}"
        time.sleep(0.1)
    return time.monotonic() - began
