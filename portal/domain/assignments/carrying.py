"""Which notes stand on an attempt: its own, and those of earlier attempts that were open when it was handed in.

Nothing is copied: a note is one thing with one state, wherever it is shown. What was put right before the next attempt
does not come back; what is put right afterwards stays on the attempt that carried it, done.
"""

from __future__ import annotations

from datetime import datetime


def stands_on(noted: int, done_at: datetime | None, attempt: int, handed_in_at: datetime) -> bool:
    """Return whether a note that was made on attempt `noted` stands on this one."""
    if noted == attempt:
        return True
    return noted < attempt and (done_at is None or done_at > handed_in_at)
