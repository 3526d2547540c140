"""What the portal sets out to keep, whatever the machine: each goal, what was found, and whether it is kept."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.load.pages import HAND_IN, LISTS
from tests.load.report import Run

HEAD = "| Goal | Wanted | Found | Kept |\n|---|---:|---:|---|\n"


@dataclass(frozen=True)
class Goal:
    """One goal as it came out."""

    words: str
    wanted: str
    found: str
    kept: bool


def table(run: Run, thresholds: Path) -> str:
    """Return all goals in Markdown, those of one page each on a line of its own."""
    lines = (
        f"| {goal.words} | {goal.wanted} | {goal.found} | {'yes' if goal.kept else '**no**'} |\n"
        for goal in all_goals(run, thresholds)
    )
    return HEAD + "".join(lines)


def all_goals(run: Run, thresholds: Path) -> Iterator[Goal]:
    """Yield every goal; a share of the floor is judged by processor time, which other programs do not blur."""
    wanted = tomllib.loads(thresholds.read_text())["goals"]
    for page in run.now:
        if page.name != HAND_IN:
            share = wanted["share_of_floor_of_lists" if page.name in LISTS else "share_of_floor"]
            yield _at_least(f"{page.name}: share of the floor", share, 1 / page.times_floor)
    hand_in = next(page for page in run.now if page.name == HAND_IN)
    yield _at_most(f"{HAND_IN}: statements", wanted["statements_of_a_hand_in"], hand_in.statements or 0, "{:.0f}")
    for page, sparse in zip(run.now, run.sparse["now"].pages, strict=True):
        yield _at_most(f"{page.name}: cost with all data, of that with 1/100", wanted["growth"], page.times(sparse))
    idle = run.full["now"].idle
    if idle is not None:
        parts = f"web {idle.web:.0f}, worker {idle.worker:.0f}, PostgreSQL {idle.database:.0f}"
        yield _at_most(f"Idle memory, MB ({parts})", wanted["idle_megabytes"], idle.whole, "{:.0f}")
    for weight in run.full["now"].weights:
        first, following = weight.first_octets / 1000, weight.next_octets / 1000
        yield _at_most(f"{weight.who}: first visit, kB", wanted["first_visit_kilobytes"], first, "{:.1f}")
        yield _at_most(f"{weight.who}: first visit, requests", wanted["first_visit_requests"], weight.first_requests)
        yield _at_most(f"{weight.who}: next page, kB", wanted["next_page_kilobytes"], following, "{:.1f}")


def _at_least(words: str, wanted: float, found: float) -> Goal:
    return Goal(words, f"≥ {wanted:.2f}", f"{found:.2f}", found >= wanted)


def _at_most(words: str, wanted: float, found: float, form: str = "{:.2f}") -> Goal:
    form = "{:.0f}" if isinstance(found, int) else form
    return Goal(words, f"≤ {wanted}", form.format(found), found <= wanted)
