"""What changed from one attempt to another: words of the text, files, links. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby
from typing import Generic, Protocol, TypeVar

MOST_PAIRS = 2_000_000  # of words that are held against one another: less than a second at the worst
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_SENTENCES = re.compile(r"[^.!?]*[.!?]+\s*|[^.!?]+")
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    """A part of a text, and whether the other text has it not."""

    text: str
    changed: bool


class Fate(StrEnum):
    """How a file or link of one attempt stands in the other."""

    SAME = "same"
    CHANGED = "changed"
    """One of the same name with other content."""
    ONLY = "only"


class Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...


File = TypeVar("File", bound=Named)


@dataclass(frozen=True)
class ComparedFile(Generic[File]):
    file: File
    fate: Fate


def compare_texts(older: str, newer: str) -> tuple[list[Piece], list[Piece]]:
    """Return both texts in pieces: of the older what is gone is marked, of the newer what is new.

    Lines are compared first, sentences only within lines that differ, and words within those: so a long text costs
    little. Where even that is too much, whole sentences stand as changed.
    """
    old: list[Piece] = []
    new: list[Piece] = []
    for alike, some, others in _in_parts(older, newer, _Budget(MOST_PAIRS), (_LINES, _SENTENCES, _WORDS)):
        old.append(Piece(some, changed=not alike))
        new.append(Piece(others, changed=not alike))
    return _joined(old), _joined(new)


def compare_files(files: Sequence[File], others: Sequence[Named]) -> list[ComparedFile[File]]:
    """Return the files of an attempt with how each stands in the other; the same hash is the same file."""
    hashes, names = {file.sha256 for file in others}, {file.name for file in others}
    return [
        ComparedFile(file, Fate.SAME if file.sha256 in hashes else Fate.CHANGED if file.name in names else Fate.ONLY)
        for file in files
    ]


def compare_links(links: Sequence[str], others: Sequence[str]) -> list[tuple[str, Fate]]:
    """Return the links of an attempt with whether the other has them too."""
    return [(link, Fate.SAME if link in others else Fate.ONLY) for link in links]


@dataclass
class _Budget:
    pairs: int


def _in_parts(
    older: str, newer: str, budget: _Budget, levels: tuple[re.Pattern[str], ...]
) -> Iterator[tuple[bool, str, str]]:
    """Yield what is alike and what differs, in order, as fine as the levels allow."""
    split, *finer = levels
    for alike, some, others in _blocks(split.findall(older), split.findall(newer), budget):
        one, other = "".join(some), "".join(others)
        if alike or not (finer and one and other):
            yield alike, one, other
        else:
            yield from _in_parts(one, other, budget, tuple(finer))


def _blocks(
    old: Sequence[str], new: Sequence[str], budget: _Budget
) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    """Yield what is alike and what differs, in order; all that differs as one where comparing it costs too much."""
    begin, end = _alike_at_both_ends(old, new)
    yield True, old[:begin], new[:begin]
    middle, other = old[begin : len(old) - end], new[begin : len(new) - end]
    if len(middle) * len(other) > budget.pairs:
        yield False, middle, other
    else:
        budget.pairs -= len(middle) * len(other)
        for tag, first, last, other_first, other_last in SequenceMatcher(None, middle, other).get_opcodes():
            yield tag == "equal", middle[first:last], other[other_first:other_last]
    yield True, old[len(old) - end :], new[len(new) - end :]


def _alike_at_both_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    shorter = min(len(old), len(new))
    begin = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    rest = shorter - begin
    end = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    return begin, end


def _joined(pieces: list[Piece]) -> list[Piece]:
    some = (piece for piece in pieces if piece.text)
    return [
        Piece("".join(piece.text for piece in alike), changed)
        for changed, alike in groupby(some, key=lambda piece: piece.changed)
    ]
