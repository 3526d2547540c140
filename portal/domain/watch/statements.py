"""A statement without its values, so that the same one is recognised whatever it was sent with."""

from __future__ import annotations

import hashlib
import re

LONGEST = 2_000  # characters that are kept of one
_TEXT = re.compile(r"'(?:[^']|'')*'")
_PLACES = re.compile(r"%(?:\([^)]*\))?s(?:::\w+(?:\[\])?)?")
_NUMBER = re.compile(r"(?<![\w.$])\d+(?:\.\d+)?(?![\w.])")
_LIST = re.compile(r"\(\?(?:, \?)*\)")
_ROWS = re.compile(r"\(\.\.\.\)(?:, \(\.\.\.\))+")


def without_values(statement: str) -> str:
    """Return a statement on one line, a question mark for each value; lists of any length are the same."""
    plain = " ".join(_TEXT.sub("?", _PLACES.sub("?", statement)).split())
    plain = _ROWS.sub("(...)", _LIST.sub("(...)", _NUMBER.sub("?", plain)))
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def fingerprint(plain: str) -> str:
    """Return what names a statement without its values."""
    return hashlib.sha256(plain.encode()).hexdigest()[:16]
