"""`make bench`: measure the main pages and calls on a term's data, beside a bare page that does one SELECT.

BENCH_STUDENTS, BENCH_INTAKES and BENCH_SUBMISSIONS change how much data there is, BENCH_SECONDS how long each page is
asked for, BENCH_CONNECTIONS by how many at once. BASE names an earlier commit to measure beside this one. What is
slower than it was is printed, and so is every goal that is kept or missed; neither is an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from portal.cli.checkout import ROOT
from portal.embedded import Cluster, temporary_cluster
from tests.load import goals, report
from tests.load.editions import HERE, Edition, edition_of
from tests.load.pages import Page, fetchers, the_pages
from tests.load.report import Found, Measured, Run
from tests.load.server import IdleMemory, Server
from tests.load.term import Sizes
from tests.load.visitors import Asked, Pace, ask_once, in_turns
from tests.load.weights import Weight, weigh

SECONDS = 3.0
TURNS = 5
VISITORS = 8
SIZES = Sizes(students=1_000, intakes=40, submissions=20_000)
THRESHOLDS = Path(__file__).with_name("thresholds.toml")
FLOOR = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "performance.md", help="file to write")
    parser.add_argument("--base", default=os.environ.get("BASE", ""), help="an earlier commit to measure beside this")
    arguments = parser.parse_args()
    sizes = Sizes(
        students=int(os.environ.get("BENCH_STUDENTS", SIZES.students)),
        intakes=int(os.environ.get("BENCH_INTAKES", SIZES.intakes)),
        submissions=int(os.environ.get("BENCH_SUBMISSIONS", SIZES.submissions)),
    )
    seconds = float(os.environ.get("BENCH_SECONDS", SECONDS))
    visitors = int(os.environ.get("BENCH_CONNECTIONS", VISITORS))
    run = measure(sizes, visitors, seconds, arguments.base)
    worse = report.write(run, arguments.report, THRESHOLDS)
    print(f"\n{report.table(run)}\n{report.before_and_after(run)}\n{goals.table(run, THRESHOLDS)}")
    print(f"Written to {arguments.report}")
    for line in worse:
        print(f"Worse: {line}")


def measure(sizes: Sizes, visitors: int, seconds: float, base: str = "") -> Run:
    """Return what all pages cost on a term's data and on a hundredth of it, now and at an earlier commit."""
    folder = Path(tempfile.mkdtemp(prefix="portal-bench-"))
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(temporary_cluster(durable=True))
            editions = [HERE]
            if base:
                editions.append(stack.enter_context(edition_of(base, folder / "before")))
            full, sparse = Bench(cluster, folder, editions, visitors, seconds).measured(sizes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Run(sizes, visitors, seconds, base, full, sparse)


@dataclass(frozen=True)
class Filled:
    """One edition of the portal on its own database, with this much data."""

    edition: Edition
    sizes: Sizes
    url: str
    home: Path

    def served(self, cluster: Cluster) -> Server:
        return Server.of_portal(self.edition, cluster, self.url, self.home)

    def idle_memory(self, cluster: Cluster) -> IdleMemory | None:
        with self.served(cluster) as server:
            return server.idle_memory()

    def weights(self, server: Server) -> list[Weight]:
        return [weigh(who, fetch) for who, fetch in fetchers(self.url, server.port).items()]


class Bench:
    """Every edition of the portal, with all the data and with a hundredth, on one PostgreSQL; the floor beside them."""

    def __init__(self, cluster: Cluster, folder: Path, editions: list[Edition], visitors: int, seconds: float) -> None:
        self._cluster = cluster
        self._folder = folder
        self._editions = editions
        self._visitors = visitors
        self._seconds = seconds

    def measured(self, sizes: Sizes) -> tuple[dict[str, Found], dict[str, Found]]:
        """Return what was found of each edition by its name: on this much data, and on a hundredth of it."""
        full = [self._filled(each, sizes, "full") for each in self._editions]
        sparse = [self._filled(each, sizes.a_hundredth(), "sparse") for each in self._editions]
        self._cluster.stop()  # and start: filling has left the shared memory full
        self._cluster.start()
        idle = [each.idle_memory(self._cluster) for each in full] + [None for _ in sparse]
        with ExitStack() as stack:
            floor = stack.enter_context(Server.of_floor(self._cluster, full[0].url, self._folder))
            servers = [stack.enter_context(each.served(self._cluster)) for each in full + sparse]
            weights = [each.weights(server) for each, server in zip(full + sparse, servers, strict=True)]
            pages = [
                the_pages(each.url, each.sizes, server.port, self._visitors)
                for each, server in zip(full + sparse, servers, strict=True)
            ]
            costs = zip(*(self._costs(floor, servers, same) for same in zip(*pages, strict=True)), strict=True)
            found = [
                Found(server.started_in, *each)
                for server, *each in zip(servers, idle, weights, map(list, costs), strict=True)
            ]
        names = [each.name for each in self._editions]
        return dict(zip(names, found, strict=False)), dict(zip(names, found[len(names) :], strict=True))

    def _filled(self, edition: Edition, sizes: Sizes, amount: str) -> Filled:
        name = f"{amount}_{edition.name}"
        return Filled(edition, sizes, edition.fill(self._cluster, name, sizes), self._folder / f"home-{name}")

    def _costs(self, floor: Server, servers: list[Server], page: tuple[Page, ...]) -> list[Measured]:
        """Return what one page costs on each of these servers; they and the floor are asked in turns."""
        print(f"Measuring: {page[0].name} ...", flush=True)
        asked = [Asked(server, one.request_of, one.expected) for server, one in zip(servers, page, strict=True)]
        bare, *paces = in_turns(
            [Asked(floor, lambda _visitor: FLOOR), *asked],
            visitors=self._visitors, seconds=self._seconds, turns=TURNS,
        )  # fmt: skip
        return [self._told(server, one, turns, bare) for server, one, turns in zip(servers, page, paces, strict=True)]

    def _told(self, server: Server, page: Page, turns: list[Pace], floor: list[Pace]) -> Measured:
        asked = [(ask_once(server.port, page.request_of(0)), server.statements_of_last_request()) for _ in range(2)]
        answer, statements = min(asked, key=lambda told: told[1] or 0)  # once a minute one more says who is here
        return Measured(page.name, turns, floor, statements, len(answer.body), server.megabytes())


if __name__ == "__main__":
    main()
