"""What was measured, as a table for the terminal and for `docs/performance.md`, and what is worse than it was."""

from __future__ import annotations

import os
import platform
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.load.server import SECONDS_TO_SETTLE, IdleMemory
from tests.load.term import Sizes
from tests.load.visitors import Pace
from tests.load.weights import Weight


@dataclass(frozen=True)
class Measured:
    """One page on one term's data, and the floor beside it: their paces turn by turn."""

    name: str
    turns: list[Pace]
    floors: list[Pace]
    statements: int | None
    octets: int
    megabytes: float | None

    @property
    def pace(self) -> Pace:
        return in_the_middle(self.turns)

    @property
    def floor(self) -> Pace:
        return in_the_middle(self.floors)

    @property
    def times_floor(self) -> float:
        """How many bare pages this page costs."""
        return median(cost_of(page, floor) for page, floor in zip(self.turns, self.floors, strict=True))

    @property
    def share_of_floor(self) -> float:
        """How many of these pages are answered in the time of one bare page."""
        turns = zip(self.turns, self.floors, strict=True)
        return median(page.per_second / floor.per_second for page, floor in turns)

    def times(self, other: Measured) -> float:
        """Return how many of the other page this one costs."""
        return median(cost_of(one, another) for one, another in zip(self.turns, other.turns, strict=True))


def cost_of(page: Pace, other: Pace) -> float:
    """Return how many of the other this page costs: by processor time, which other programs blur least."""
    if page.processor and other.processor:
        return page.processor / other.processor
    return other.per_second / page.per_second


def in_the_middle(turns: list[Pace]) -> Pace:
    """Return the pace whose every figure is the one in the middle of all turns."""
    processors = [turn.processor for turn in turns if turn.processor is not None]
    return Pace(
        median(turn.per_second for turn in turns),
        median(turn.p50 for turn in turns),
        median(turn.p99 for turn in turns),
        median(processors) if processors else None,
    )


@dataclass(frozen=True)
class Found:
    """What was found of one edition of the portal on one term's data."""

    started_in: float
    idle: IdleMemory | None
    weights: list[Weight]
    pages: list[Measured]


@dataclass(frozen=True)
class Run:
    """Everything one run of the program found out, by edition: `now`, and `before` where one was named."""

    sizes: Sizes
    visitors: int
    seconds: float
    base: str
    full: dict[str, Found]
    sparse: dict[str, Found]
    """The same pages with a hundred times fewer rows."""

    @property
    def now(self) -> list[Measured]:
        return self.full["now"].pages


TABLE_HEAD = """\
| Page | Requests/s | of floor | p50 ms | p99 ms | CPU ms | × floor | SQL | Answer kB | Memory | CPU, 1/100 | × | SQL |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""
BESIDE_HEAD = """\
| Page | CPU ms | before | × floor | before | Requests/s | before | SQL | before | 1/100: × floor | before |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""

DOCUMENT = """\
# Performance

Written by `make bench{base}` on {day}. Do not edit: run it again.

## How it is measured

A new PostgreSQL, with everything made durable as in production, is filled with a term:
{sizes}.
One student among them is in five intakes with seventy dated things, and it is her pages that are measured. The portal
is served as `portal serve` does, by two workers of 64 threads, with its logs, limits, sessions and compression, and
with what `requirements.lock` names and no more; only the limits are raised. {visitors} visitors, each on one open
connection, ask for a page again and again for {seconds:g} seconds, after a fifth of that which is not counted. A
hand-in sends one megabyte and is answered when its bytes and its row are safe. Beside it stands the same with a hundred
times fewer rows.

The **floor** is a bare Flask page under the same server: one SELECT on an engine with the portal's own options, one
small template; {floor_cpu} ms of processor time and {floor_pace} requests a second in this run.

Whatever is compared is asked in turns, a moment each: the floor, the page with all the data, the page with little.
What else the machine does in that moment meets all of them. Every figure is the one in the middle of {turns} turns.

- **CPU ms**: processor time of web server and PostgreSQL together for one answer. **× floor**: how many bare pages that
  is. These two change least when something else runs; compare by them.
- **Requests/s, of floor, p50, p99**: what the visitors saw. They, the server and PostgreSQL share the machine's
  {cores} cores ({machine}) with whatever else ran: load averages of the last 1, 5 and 15 minutes were {load}.
  A server that has its cores for itself is faster.
- **SQL**: every statement of a request: session and person with the rate limit, the page.
- **Answer kB**: the body as sent, compressed. **Memory MB**: all processes of the web server, shared
  pages counted once.
- **1/100**: the same with a hundredth of the rows. The number of statements must not change.
- **First visit**: a start page with all its browser fetches by itself, heads of answers included; **next page**: one
  that people open from it, when style sheet and scripts are kept already.
- **Idle memory**: proportional set sizes of web server, job worker and PostgreSQL, {settled:g} seconds after their
  start on the term's data.

The server answered {started_in:.1f} s after it was started.

## What was found

{table}
{beside}## Goals

{goals}{worse}"""


def table(run: Run) -> str:
    """Return the table in Markdown."""
    lines = []
    for page, sparse in zip(run.now, run.sparse["now"].pages, strict=True):
        memory = "–" if page.megabytes is None else f"{page.megabytes:.0f}"
        lines.append(
            f"| {page.name} | {page.pace.per_second:.0f} | {page.share_of_floor:.2f} "
            f"| {page.pace.p50:.1f} | {page.pace.p99:.1f} "
            f"| {_milliseconds(page.pace)} | {page.times_floor:.1f} | {_count(page.statements)} "
            f"| {page.octets / 1000:.1f} | {memory} "
            f"| {_milliseconds(sparse.pace)} | {sparse.times_floor:.1f} | {_count(sparse.statements)} |\n"
        )
    return TABLE_HEAD + "".join(lines)


def before_and_after(run: Run) -> str:
    """Return the pages of now beside those of an earlier commit; nothing where none was named."""
    if "before" not in run.full:
        return ""
    editions = (run.full["now"], run.full["before"], run.sparse["now"], run.sparse["before"])
    lines = []
    for now, before, few, few_before in zip(*(found.pages for found in editions), strict=True):
        lines.append(
            f"| {now.name} | {_milliseconds(now.pace)} | {_milliseconds(before.pace)} "
            f"| {now.times_floor:.1f} | {before.times_floor:.1f} "
            f"| {now.pace.per_second:.0f} | {before.pace.per_second:.0f} "
            f"| {_count(now.statements)} | {_count(before.statements)} "
            f"| {few.times_floor:.1f} | {few_before.times_floor:.1f} |\n"
        )
    return BESIDE_HEAD + "".join(lines)


def write(run: Run, path: Path, thresholds: Path) -> list[str]:
    """Write the document, and return what is worse than the thresholds."""
    from tests.load import goals  # which reads what is defined here

    worse = list(what_is_worse(run, thresholds))
    told = "".join(f"- {line}\n" for line in worse)
    beside = before_and_after(run)
    heading = f"## Beside {run.base}\n\nMeasured in the same turns.\n\n"
    floors = sorted((page.floor for page in run.now), key=lambda floor: floor.per_second)
    floor = floors[len(floors) // 2]
    path.write_text(
        DOCUMENT.format(
            base=f" BASE={run.base}" if run.base else "", day=f"{datetime.now(UTC):%Y-%m-%d}", sizes=run.sizes,
            visitors=run.visitors, seconds=run.seconds, turns=len(run.now[0].turns), floor_cpu=_milliseconds(floor),
            floor_pace=f"{floor.per_second:.0f}", load=_load(), cores=os.cpu_count(), machine=platform.machine(),
            settled=SECONDS_TO_SETTLE, started_in=run.full["now"].started_in, table=table(run),
            beside=f"{heading}{beside}\n" if beside else "",
            goals=goals.table(run, thresholds),
            worse=f"\nWorse than `tests/load/thresholds.toml` allows:\n\n{told}" if worse else "",
        ).rstrip() + "\n"
    )  # fmt: skip
    return worse


def what_is_worse(run: Run, thresholds: Path) -> Iterator[str]:
    """Yield a sentence for everything above its threshold. It is to be read: timing decides nothing."""
    allowed = tomllib.loads(thresholds.read_text())
    for page, sparse in zip(run.now, run.sparse["now"].pages, strict=True):
        found = {
            "statements": page.statements or 0,
            "kilobytes": page.octets / 1000,
            "times_floor": page.times_floor,
        }
        for what, figure in found.items():
            limit = allowed.get(page.name, {}).get(what)
            if limit is not None and figure > limit:
                yield f"{page.name}: {what.replace('_', ' ')} {figure:.1f}, at most {limit} expected"
        if page.statements != sparse.statements:
            yield f"{page.name}: {page.statements} statements, but {sparse.statements} with a hundredth of the rows"


def _milliseconds(pace: Pace) -> str:
    return "–" if pace.processor is None else f"{pace.processor:.1f}"


def _count(statements: int | None) -> str:
    return "–" if statements is None else str(statements)


def _load() -> str:
    return ", ".join(f"{load:.1f}" for load in os.getloadavg())
