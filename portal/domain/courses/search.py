"""Searching folded text for every word that was typed: accents, case and order do not matter."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute

MOST_WORDS = 6  # more words find nothing more exactly


def has_words(q: str, *columns: InstrumentedAttribute[str]) -> list[ColumnElement[bool]]:
    """Return the conditions under which these folded columns, read as one text, contain every word of `q`."""
    text: Any = columns[0]
    for column in columns[1:]:
        text = text + " " + column
    return [text.like(func.concat("%", func.fold(_taken_literally(word)), "%"), escape="\\") for word in _words(q)]


def _words(q: str) -> list[str]:
    return q.split()[:MOST_WORDS]


def _taken_literally(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
