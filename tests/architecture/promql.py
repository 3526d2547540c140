"""As much of PromQL as the alert rules use: which metrics an expression reads, with which labels."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*) | (?P<text>"(?:[^"\\]|\\.)*") | (?P<range>\[[0-9a-z:]+\]) |
        (?P<number>[0-9.]+(?:e[+-]?[0-9]+)?) | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},])
    )""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "unless", "bool", "offset"})
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})


@dataclass
class Selector:
    """A metric as an expression reads it."""

    metric: str
    matchers: list[tuple[str, str, str]] = field(default_factory=list)
    """Label, operator and value."""


def read(expression: str) -> tuple[list[Selector], set[str]]:
    """Return what an expression selects, and the labels it groups by; raise `ValueError` at what is not understood."""
    tokens = _tokens(expression)
    selectors: list[Selector] = []
    grouped: set[str] = set()
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        place += 1
        if kind != "name" or text in _WORDS:
            continue
        if text in _GROUPING:
            end = tokens.index(("sign", ")"), place)
            grouped |= {name for kind, name in tokens[place:end] if kind == "name"}
            place = end + 1
        elif following == "{":
            end = tokens.index(("sign", "}"), place)
            selectors.append(Selector(text, _matchers(tokens[place + 1 : end])))
            place = end + 1
        elif following != "(" and following not in _GROUPING:
            selectors.append(Selector(text))
    return selectors, grouped


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while expression[place:].strip():
        match = _TOKEN.match(expression, place)
        if match is None:
            raise ValueError(f"not understood: {expression[place:].strip()[:30]}")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    return found


def _matchers(tokens: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    parts = [text for _, text in tokens if text != ","]
    return [(parts[i], parts[i + 1], parts[i + 2].strip('"')) for i in range(0, len(parts), 3)]
