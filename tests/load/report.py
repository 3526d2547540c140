"""What was measured, as a table for the terminal and for `docs/performance.md`, and what is worse than it was."""

from __future__ import annotations

import os
import platform
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.load.term import Sizes
from tests.load.visitors import Pace


@dataclass(frozen=True)
class Measured:
    """One page on one term's data."""

    name: str
    pace: Pace
    statements: int | None
    octets: int
    megabytes: float | None


@dataclass(frozen=True)
class Run:
    """Everything one run of the program found out."""

    sizes: Sizes
    visitors: int
    seconds: float
    floor: Pace
    started_in: float
    full: list[Measured]
    sparse: list[Measured]
    """The same pages with a hundred times fewer rows."""

    def times_floor(self, page: Measured) -> float:
        """Return how many bare pages one page costs: by processor time, which other programs do not blur."""
        if page.pace.processor and self.floor.processor:
            return page.pace.processor / self.floor.processor
        return self.floor.per_second / page.pace.per_second


TABLE_HEAD = """\
| Page | Requests/s | p50 ms | p99 ms | CPU ms | × floor | SQL | Answer kB | Memory MB | CPU ms, 1/100 | SQL, 1/100 |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""

DOCUMENT = """\
# Performance

Written by `make bench` on {day}. Do not edit: run it again.

## How it is measured

A new PostgreSQL, with everything made durable as in production, is filled with a term:
{sizes}.
One student among them is in five intakes with seventy dated things, and it is her pages that are measured. The portal
is served as `portal serve` does, by two workers of 64 threads, with its logs, limits, sessions and compression; only
the limits are raised. {visitors} visitors, each on one open connection, ask for a page again and again for {seconds:g}
seconds, after a fifth of that which is not counted. A hand-in sends one megabyte and is answered when its bytes and its
row are safe. Then the same with a hundred times fewer rows.

The **floor** is a bare Flask page under the same server: one SELECT on an engine with the portal's own options, one
small template. It answered {floor.per_second:.0f} requests a second (p50 {floor.p50:.1f} ms, p99 {floor.p99:.1f} ms),
each for {floor_cpu} ms of processor time.

- **CPU ms**: processor time of web server and PostgreSQL together for one answer. **× floor**: how many bare pages that
  is. These two change least when something else runs; compare by them.
- **Requests/s, p50, p99**: what the visitors saw. They, the server and PostgreSQL share the machine's {cores} cores
  ({machine}) with whatever else ran: load averages of the last 1, 5 and 15 minutes were {load}.
  A server that has its cores for itself is faster.
- **SQL**: every statement of a request: session and person, rate limit, the page.
- **Answer kB**: the body as sent, compressed. **Memory MB**: all processes of the web server, shared
  pages counted once.
- **1/100**: the same with a hundredth of the rows. The number of statements must not change.

The server answered {started_in:.1f} s after it was started.

## What was found

{table}
{worse}"""


def table(run: Run) -> str:
    """Return the table in Markdown."""
    lines = []
    for page, sparse in zip(run.full, run.sparse, strict=True):
        memory = "–" if page.megabytes is None else f"{page.megabytes:.0f}"
        lines.append(
            f"| {page.name} | {page.pace.per_second:.0f} | {page.pace.p50:.1f} | {page.pace.p99:.1f} "
            f"| {_milliseconds(page.pace)} | {run.times_floor(page):.1f} | {_count(page.statements)} "
            f"| {page.octets / 1000:.1f} | {memory} | {_milliseconds(sparse.pace)} | {_count(sparse.statements)} |\n"
        )
    return TABLE_HEAD + "".join(lines)


def write(run: Run, path: Path, thresholds: Path) -> list[str]:
    """Write the document, and return what is worse than the thresholds."""
    worse = list(what_is_worse(run, thresholds)) if thresholds.exists() else []
    told = "".join(f"- {line}\n" for line in worse)
    path.write_text(
        DOCUMENT.format(
            day=f"{datetime.now(UTC):%Y-%m-%d}", sizes=run.sizes, visitors=run.visitors, seconds=run.seconds,
            floor=run.floor, floor_cpu=_milliseconds(run.floor), load=_load(), cores=os.cpu_count(),
            machine=platform.machine(), started_in=run.started_in,
            table=table(run), worse=f"Worse than `tests/load/thresholds.toml` allows:\n\n{told}" if worse else "",
        ).rstrip() + "\n"
    )  # fmt: skip
    return worse


def what_is_worse(run: Run, thresholds: Path) -> Iterator[str]:
    """Yield a sentence for everything above its threshold. It is to be read: timing decides nothing."""
    allowed = tomllib.loads(thresholds.read_text())
    for page, sparse in zip(run.full, run.sparse, strict=True):
        found = {
            "statements": page.statements or 0,
            "kilobytes": page.octets / 1000,
            "times_floor": run.times_floor(page),
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
