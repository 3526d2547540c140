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
        return self.floor.per_second / page.pace.per_second


TABLE_HEAD = """\
| Page | Requests/s | p50 ms | p99 ms | SQL | Answer kB | Memory MB | × floor | p50 ms, 1/100 of the rows | SQL, 1/100 |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""

DOCUMENT = """\
# Performance

Written by `make bench` on {day}. Do not edit: run it again.

## How it is measured

A new PostgreSQL, with everything made durable as in production, is filled with a term: {sizes}; one student
among them is in five intakes with seventy dated things, and it is her pages that are measured. The portal is
served as `portal serve` does, by two workers of 64 threads, with its logs, limits, sessions and
compression; only the limits are raised. {visitors} visitors, each on one open connection, ask for a page again and
again for {seconds:g} seconds, after a fifth of that which is not counted. A hand-in sends one megabyte and is
answered when its bytes and its row are safe. Then the same with a hundred times fewer rows.

The **floor** is a bare Flask page under the same server: one SELECT on an engine with the portal's own options, one
small template. It answered {floor.per_second:.0f} requests a second (p50 {floor.p50:.1f} ms, p99 {floor.p99:.1f} ms).
“× floor” is how many of it one page costs; it says more than milliseconds do, because it changes little from machine to
machine.

The visitors, the server and PostgreSQL share the machine: {cores} cores ({machine}). So these are not the figures of a
server that has its cores for itself, and whatever else ran at the time is in them. “SQL” counts every statement of a
request: session and person, rate limit, the page. Memory is that of all processes of the web server together, shared
pages counted once, after the page was measured. The server answered {started_in:.1f} s after its start.

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
            f"| {_count(page.statements)} | {page.octets / 1000:.1f} | {memory} | {run.times_floor(page):.1f} "
            f"| {sparse.pace.p50:.1f} | {_count(sparse.statements)} |\n"
        )
    return TABLE_HEAD + "".join(lines)


def write(run: Run, path: Path, thresholds: Path) -> list[str]:
    """Write the document, and return what is worse than the thresholds."""
    worse = list(what_is_worse(run, thresholds)) if thresholds.exists() else []
    told = "".join(f"- {line}\n" for line in worse)
    path.write_text(
        DOCUMENT.format(
            day=f"{datetime.now(UTC):%Y-%m-%d}", sizes=run.sizes, visitors=run.visitors, seconds=run.seconds,
            floor=run.floor, cores=os.cpu_count(), machine=platform.machine(), started_in=run.started_in,
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


def _count(statements: int | None) -> str:
    return "–" if statements is None else str(statements)
