"""What an examination finds: one line that says how it is, and one that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    state: State
    said: str
    to_do: str = ""
    """What whoever runs the portal does now; empty where all is well."""


def ok(about: str, said: str) -> Finding:
    return Finding(about, State.OK, said)


def warning(about: str, said: str, to_do: str) -> Finding:
    return Finding(about, State.WARNING, said, to_do)


def wrong(about: str, said: str, to_do: str) -> Finding:
    return Finding(about, State.WRONG, said, to_do)
