"""What a file of picture, sound or video is, and its small copies.

What strangers sent is opened by a program of its own (`media_program`) with limits of memory, time and output, at low
priority, with nothing of ours in its environment. What it answers is read as data: of the shape that is written here,
or not at all.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from portal.adapters import media_program

MB = 1024 * 1024
MEMORY_BYTES = 1536 * MB  # of addresses; a frame of 4K in ten bits has 25 MB, and a decoder keeps a dozen
OUTPUT_BYTES = 1024 * MB  # of one copy: five hours of a small one
ANSWER_BYTES = 64 * 1024
CPU_SECONDS = {"picture": 90, "document": 120, "film": 2 * 3600}
WALL_FACTOR = 3  # so much longer than its own time it may take on a machine that is busy with people
LONGEST_MILLISECONDS = 100 * 3600 * 1000
LARGEST_SIDE = 100_000
LONGEST_WORD = 40


class Copy(StrEnum):
    """What a copy is for."""

    SMALL = "small"
    """A video of 360 lines that plays everywhere."""
    SOUND = "sound"
    """The sound alone, with the same times."""
    PREVIEW = "preview"
    """A picture for the screen."""


class WhyNot(StrEnum):
    """Why a file cannot be shown."""

    DAMAGED = "damaged"
    UNKNOWN = "unknown"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    LOCKED = "locked"
    FAILED = "failed"
    """The program that looked ended by itself: its decoder broke, or it has a fault of ours."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was read in a file; what it does not have is None."""

    milliseconds: int | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    sound_codec: str | None = None
    frames: int | None = None
    per_seconds: int | None = None
    """Frames in so many seconds: 30000 in 1001."""


@dataclass(frozen=True)
class Made:
    """A file was read: what it is, and which copies lie at their places."""

    facts: Facts
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class Drawn:
    """A document was read: how many pages it has, and the pixels of those that lie at their places, from the first."""

    pages: int
    sizes: tuple[tuple[int, int], ...]


def has_what_opens(kind: str) -> bool:
    """Return whether this portal lacks nothing to look into a kind: for sound, video and documents that is an extra."""
    if is_document(kind):
        return pages_can_be_drawn()
    return films_can_be_opened() if is_film(kind) else True


def is_film(kind: str) -> bool:
    """Return whether a kind is sound or video that PyAV is asked to read."""
    return kind in media_program.DEMUXERS


def is_document(kind: str) -> bool:
    """Return whether a kind is one whose pages are drawn."""
    return kind == media_program.DOCUMENT


def films_can_be_opened() -> bool:
    """Return whether the part of the `media` extra is installed that opens sound and video."""
    return importlib.util.find_spec("av") is not None


def pages_can_be_drawn() -> bool:
    """Return whether the part of the `media` extra is installed that draws pages."""
    return importlib.util.find_spec("pypdfium2") is not None


def targets_of(kind: str) -> tuple[Copy, ...]:
    """Return which copies a file of this kind may get."""
    return (Copy.PREVIEW,) if kind in media_program.PICTURES else (Copy.SMALL, Copy.SOUND)


def make_copies(kind: str, source: Path, targets: Mapping[Copy, Path], **limits: int) -> Made | WhyNot:
    """Return what a file is, with copies at the places that were named, or why it cannot be shown.

    Whatever lies at a place that is not in the answer is to be removed. The wait is as long as the work.
    """
    cpu = CPU_SECONDS["picture" if kind in media_program.PICTURES else "film"]
    answer = _ask(kind, source, {copy.value: str(path) for copy, path in targets.items()}, cpu, limits)
    made = answer if isinstance(answer, WhyNot) else _read(answer, frozenset(targets))
    if isinstance(made, Made) and not all(_is_there(targets[copy]) for copy in made.copies):
        return WhyNot.DAMAGED
    return made


def draw_pages(kind: str, source: Path, places: Sequence[Path], **limits: int) -> Drawn | WhyNot:
    """Return how many pages a document has, the first of them drawn at these places, or why it cannot be shown."""
    answer = _ask(kind, source, {"pages": [str(place) for place in places]}, CPU_SECONDS["document"], limits)
    drawn = answer if isinstance(answer, WhyNot) else _read_pages(answer, len(places))
    if isinstance(drawn, Drawn) and not all(map(_is_there, places[: len(drawn.sizes)])):
        return WhyNot.DAMAGED
    return drawn


def _ask(
    kind: str, source: Path, targets: Mapping[str, Any], cpu_seconds: int, limits: Mapping[str, int]
) -> bytes | WhyNot:
    """Return what the program says of a file, or how it ended."""
    cpu = limits.get("cpu_seconds", cpu_seconds)
    order = {
        "kind": kind,
        "source": str(source),
        "targets": targets,
        "memory_bytes": limits.get("memory_bytes", MEMORY_BYTES),
        "output_bytes": limits.get("output_bytes", OUTPUT_BYTES),
        "cpu_seconds": cpu,
    }
    status, answer = _run(order, limits.get("wall_seconds", cpu * WALL_FACTOR))
    if status in {-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGALRM}:
        return WhyNot.TOO_LONG
    return answer if status == 0 else WhyNot.FAILED


def _run(order: dict[str, Any], seconds: float) -> tuple[int, bytes]:
    """Return how the program ended and what it said; after so many seconds it is ended."""
    command = [sys.executable, "-I", "-B", str(Path(media_program.__file__).resolve()), json.dumps(order)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # stays open and empty: the program ends when it is closed
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LANG": "C.UTF-8"},
        cwd="/",
    ) as program:
        clock = threading.Timer(seconds, program.kill)
        clock.daemon = True
        clock.start()
        try:
            answer = program.stdout.read(ANSWER_BYTES + 1) if program.stdout else b""
            if len(answer) > ANSWER_BYTES:
                return 1, b""
            return program.wait(), answer
        finally:
            clock.cancel()
            program.kill()


def _read(answer: bytes, asked: frozenset[Copy]) -> Made | WhyNot:
    """Return an answer that has the shape it must have; anything else is a file that could not be read."""
    try:
        said = json.loads(answer)
        if "refused" in said:
            return WhyNot(said["refused"])
        copies = tuple(Copy(name) for name in said["made"])
        facts = Facts(**{name: _checked(name, value) for name, value in said["facts"].items()})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return WhyNot.DAMAGED
    if not copies or len(set(copies)) != len(copies) or not asked.issuperset(copies):
        return WhyNot.DAMAGED
    return Made(facts, copies)


def _read_pages(answer: bytes, most: int) -> Drawn | WhyNot:
    """Return an answer about pages that has the shape it must have."""
    try:
        said = json.loads(answer)
        if "refused" in said:
            return WhyNot(said["refused"])
        sizes = tuple((_checked("width", width), _checked("height", height)) for width, height in said["sizes"])
        drawn = Drawn(_checked("pages", said["pages"]), sizes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return WhyNot.DAMAGED
    return drawn if 0 < len(sizes) == min(most, drawn.pages) else WhyNot.DAMAGED


def _checked(name: str, value: Any) -> Any:
    if name in {"codec", "sound_codec"}:
        if not (isinstance(value, str) and 0 < len(value) <= LONGEST_WORD and value.isascii() and value.isprintable()):
            raise ValueError(name)
        return value
    most = {"milliseconds": LONGEST_MILLISECONDS, "width": LARGEST_SIDE, "height": LARGEST_SIDE}.get(name, 2**31 - 1)
    if type(value) is not int or not (0 if name == "milliseconds" else 1) <= value <= most:
        raise ValueError(name)
    return value


def _is_there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
