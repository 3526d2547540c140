"""What the rule of the deadline makes of one student of a rush, told from outside: by when was asked and answered.

The students' clock is the portal's own, on one machine. What the portal heard it heard between the asking and the
answer; where the due moment lies between those, either judgement is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    ON_TIME = "on time"
    TOO_LATE = "too late"
    EITHER = "within the moment itself"


@dataclass
class Asked:
    """One request: when it was sent and when it was answered, by which something was done."""

    sent: datetime
    answered: datetime

    def was_done_by(self, moment: datetime) -> bool:
        return self.answered <= moment

    def was_done_after(self, moment: datetime) -> bool:
        return self.sent > moment


@dataclass
class Sender:
    """One student of a rush: what brought enough of the file, what brought the last of it, what handed it in."""

    begun: Asked | None = None
    whole: Asked | None = None
    handed_in: Asked | None = None
    sha256: str = ""
    receipt: str | None = None
    """None where it was refused because its time had passed."""
    seconds: float = 0.0

    def verdict(self, due: datetime) -> Verdict:
        """Return what the rule says: handed in by then, or begun by then and still arriving."""
        if self.begun is None or self.whole is None or self.handed_in is None:
            return Verdict.TOO_LATE
        if self.handed_in.was_done_by(due) or (self.begun.was_done_by(due) and self.whole.was_done_after(due)):
            return Verdict.ON_TIME
        here_in_time = self.whole.was_done_by(due)
        if self.handed_in.was_done_after(due) and (self.begun.was_done_after(due) or here_in_time):
            return Verdict.TOO_LATE
        return Verdict.EITHER

    def in_words(self, due: datetime) -> str:
        """Return the seconds from the due moment of each of its requests, sent and answered."""
        steps = {"begun": self.begun, "whole": self.whole, "handed in": self.handed_in}
        return ", ".join(
            f"{name} {(asked.sent - due).total_seconds():.2f} to {(asked.answered - due).total_seconds():.2f} s"
            for name, asked in steps.items()
            if asked
        )
