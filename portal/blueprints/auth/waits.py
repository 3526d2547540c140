"""How a wait after wrong passwords is said, alike for every name that anyone may type."""

from __future__ import annotations

import math
from datetime import datetime

from flask import Response

from portal.domain.accounts.sign_in import Refusal
from portal.domain.clock import now

TOO_MANY_REQUESTS = 429


def status_of(refusal: Refusal) -> int:
    """Return 429 where one must wait, else 422."""
    return TOO_MANY_REQUESTS if refusal.wait_until else 422


def wait_in_words(until: datetime) -> str:
    """Return a sentence that says how long to wait."""
    seconds = _seconds_until(until)
    if seconds < 60:
        return f"Too many wrong tries. Please wait {seconds} second{'s' if seconds != 1 else ''} and try again."
    minutes = math.ceil(seconds / 60)
    return f"Too many wrong tries. Please wait {minutes} minute{'s' if minutes != 1 else ''} and try again."


def tell_when(response: Response, refusal: Refusal) -> Response:
    """Say the wait to programs as well."""
    if refusal.wait_until:
        response.headers["Retry-After"] = str(_seconds_until(refusal.wait_until))
    return response


def _seconds_until(moment: datetime) -> int:
    return max(1, math.ceil((moment - now()).total_seconds()))
