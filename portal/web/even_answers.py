"""Answers that take the same time whether an account exists or not, however it hashes its password."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

EVEN_ANSWER_SECONDS = 0.35  # well above a comparison with Argon2id or an old bcrypt hash


@contextmanager
def evenly_timed() -> Iterator[None]:
    """Let what stands inside take no less than a fixed time. No connection may be held at its end."""
    started = time.monotonic()
    yield
    left = current_app.config.get("EVEN_ANSWER_SECONDS", EVEN_ANSWER_SECONDS) - (time.monotonic() - started)
    if left > 0:
        time.sleep(left)
