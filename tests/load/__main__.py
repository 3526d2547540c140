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
from pathlib import Path

from portal.cli.checkout import ROOT
from portal.embedded import Cluster, temporary_cluster
from tests.load import goals, report
from tests.load.editions import HERE, Edition, edition_of
from tests.load.pages import Page, fetchers, the_pages
from tests.load.report import Found, Measured, Run
from tests.load.server import IdleMemory, Server
from tests.load.term import Sizes
from tests.load.visitors import Pace, ask_once, mean, visit
from tests.load.weights import Weight, weigh

SECONDS = 3.0
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
            bench = Bench(cluster, folder, editions, visitors, seconds)
            full = bench.measured(sizes, "full", with_memory=True)
            sparse = bench.measured(sizes.a_hundredth(), "sparse")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Run(sizes, visitors, seconds, base, full, sparse)


class Bench:
    """Every edition of the portal on one PostgreSQL, and the floor between any two measurements."""

    def __init__(self, cluster: Cluster, folder: Path, editions: list[Edition], visitors: int, seconds: float) -> None:
        self._cluster = cluster
        self._folder = folder
        self._editions = editions
        self._visitors = visitors
        self._seconds = seconds

    def measured(self, sizes: Sizes, name: str, *, with_memory: bool = False) -> dict[str, Found]:
        """Return what was found of each edition on this much data, page by page and one edition after the other."""
        urls = {each.name: each.fill(self._cluster, f"{name}_{each.name}", sizes) for each in self._editions}
        self._cluster.stop()  # and start: filling has left the shared memory full
        self._cluster.start()
        idle = {each.name: self._idle(each, urls[each.name]) if with_memory else None for each in self._editions}
        with ExitStack() as stack:
            floor = stack.enter_context(Server.of_floor(self._cluster, urls[HERE.name], self._folder))
            servers = {each.name: stack.enter_context(self._server(each, urls[each.name])) for each in self._editions}
            weights = {each: self._weights(urls[each], server) for each, server in servers.items()}
            pages = {
                each: the_pages(urls[each], sizes, server.port, self._visitors) for each, server in servers.items()
            }
            costs: dict[str, list[Measured]] = {each: [] for each in servers}
            before = self._floor(floor)
            for number, page in enumerate(pages[HERE.name]):
                print(f"Measuring: {page.name} ...", flush=True)
                paces = {each: self._pace(server, pages[each][number]) for each, server in servers.items()}
                after = self._floor(floor)
                for each, server in servers.items():
                    costs[each].append(self._told(server, pages[each][number], paces[each], mean(before, after)))
                before = after
            return {
                each: Found(server.started_in, idle[each], weights[each], costs[each])
                for each, server in servers.items()
            }

    def _server(self, edition: Edition, url: str) -> Server:
        return Server.of_portal(edition, self._cluster, url, self._folder / f"home-{edition.name}")

    def _idle(self, edition: Edition, url: str) -> IdleMemory | None:
        with self._server(edition, url) as server:
            return server.idle_memory()

    def _weights(self, url: str, server: Server) -> list[Weight]:
        return [weigh(who, fetch) for who, fetch in fetchers(url, server.port).items()]

    def _floor(self, server: Server) -> Pace:
        return visit(server, lambda _visitor: FLOOR, 200, visitors=self._visitors, seconds=self._seconds / 2)

    def _pace(self, server: Server, page: Page) -> Pace:
        return visit(server, page.request_of, page.expected, visitors=self._visitors, seconds=self._seconds)

    def _told(self, server: Server, page: Page, pace: Pace, floor: Pace) -> Measured:
        asked = [(ask_once(server.port, page.request_of(0)), server.statements_of_last_request()) for _ in range(2)]
        answer, statements = min(asked, key=lambda told: told[1] or 0)  # once a minute one more says who is here
        return Measured(page.name, pace, floor, statements, len(answer.body), server.megabytes())


if __name__ == "__main__":
    main()
