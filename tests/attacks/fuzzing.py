"""Odd things to send, and what no answer to them may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
INSIDES = re.compile(
    rb"Traceback|psycopg|sqlalchemy|werkzeug|jinja2|site-packages|\.py\b|SELECT .{1,80} FROM|relation \"|"
    + re.escape(str(ROOT).encode())
)
"""What an answer would hold that shows how the portal is made inside."""

Test = TypeVar("Test", bound=Callable[..., Any])

STRANGE = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\ufeff", "\u2028", "é" * 50, "\U0010ffff", "ﷺ" * 20,
    "0", "-1", "1e309", "NaN", "9" * 400, "true", "null", "[]", "{}", "2026-02-30", "0000-00-00", "9999-12-31",
    "10000-01-01", "2026-11-27T25:61", "0001-01-01T00:00", "24:00", "' OR '1'='1", '"; DROP TABLE users; --', "%", "%%",
    "%s%n", "{0}", "{{7*7}}", "../../etc/passwd", "..\\..\\", "C:\\", "http://[", "https://[::1", "//", "javascript:x",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "x" * 5000, "٣", "½", "①",
    "a@b", "a@" + "b" * 300, "+233", "+" + "2" * 60, "KM26-0001-A", "\r\nX: 1", "\x1b[31m", "<b>", "&#0;", "\\u0000",
)  # fmt: skip

texts = st.one_of(st.sampled_from(STRANGE), st.text(st.characters(codec=None), max_size=60))
"""Text of every kind, with lone surrogates, NUL and what looks like a value of some type."""

header_texts = st.one_of(
    st.sampled_from([text for text in STRANGE if text.isascii() and not set(text) & set("\r\n\x00")]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=80),
)
"""Text that a header can carry on the line."""


def as_query(value: str) -> str:
    """Return text as it stands in an address, whatever bytes that makes."""
    return quote_from_bytes(value.encode("utf-8", "surrogatepass"), safe="")


def assert_answered(answer: Any, what: str) -> None:
    """The portal answered as it meant to: no failure of its own, and nothing of its insides."""
    assert answer.status_code < 500, f"{answer.status_code} for {what}"
    body = b"" if answer.is_streamed else answer.data
    found = INSIDES.search(body)
    assert not found, f"{found.group() if found else b''!r} in the answer to {what}"


def few_or_many(few: int, many: int) -> Callable[[Test], Test]:
    """Run a test with a few examples in `make test`, and with many in `make soak`."""
    sizes = [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.soak)]
    return pytest.mark.parametrize("examples", sizes)


def trying(examples: int) -> Callable[[Test], Test]:
    """Return the settings of one search: the same examples in every run, and no deadline."""
    return settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink] if examples > 100 else [Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
