"""`make bench`: measure the main pages and calls on a term's data, beside a bare page that does one SELECT.

BENCH_STUDENTS, BENCH_INTAKES and BENCH_SUBMISSIONS change how much data there is, BENCH_SECONDS how long each page is
asked for, BENCH_CONNECTIONS by how many at once. What is slower than it was is printed; it is never an error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from portal.cli.checkout import ROOT
from portal.embedded import Cluster, temporary_cluster
from tests.conftest import migrate, settings_for
from tests.load import report
from tests.load.pages import the_pages
from tests.load.report import Measured, Run
from tests.load.server import Server
from tests.load.term import Sizes, fill
from tests.load.visitors import Pace, ask_once, visit

SECONDS = 3.0
VISITORS = 8
SIZES = Sizes(students=1_000, intakes=40, submissions=20_000)
THRESHOLDS = Path(__file__).with_name("thresholds.toml")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "performance.md", help="file to write")
    path = parser.parse_args().report
    sizes = Sizes(
        students=int(os.environ.get("BENCH_STUDENTS", SIZES.students)),
        intakes=int(os.environ.get("BENCH_INTAKES", SIZES.intakes)),
        submissions=int(os.environ.get("BENCH_SUBMISSIONS", SIZES.submissions)),
    )
    seconds = float(os.environ.get("BENCH_SECONDS", SECONDS))
    visitors = int(os.environ.get("BENCH_CONNECTIONS", VISITORS))
    run = measure(sizes, visitors, seconds)
    worse = report.write(run, path, THRESHOLDS)
    print(f"\n{report.table(run)}\nWritten to {path}")
    for line in worse:
        print(f"Worse: {line}")


def measure(sizes: Sizes, visitors: int, seconds: float) -> Run:
    """Return what all pages cost on a term's data and on a hundredth of it, and what the floor costs."""
    folder = Path(tempfile.mkdtemp(prefix="portal-bench-"))
    try:
        with temporary_cluster(durable=True) as cluster:
            full_url = _filled(cluster, "full", sizes)
            floor = _floor(cluster, full_url, folder, visitors, seconds)
            started_in, full = _portal(cluster, full_url, folder, sizes, visitors, seconds)
            few = sizes.a_hundredth()
            _, sparse = _portal(cluster, _filled(cluster, "sparse", few), folder, few, visitors, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Run(sizes, visitors, seconds, floor, started_in, full, sparse)


def _filled(cluster: Cluster, name: str, sizes: Sizes) -> str:
    print(f"Filling a database with {sizes} ...", flush=True)
    cluster.create_database(name)
    settings = settings_for(cluster.access, name, Path("/nonexistent"))
    migrate(settings)
    fill(cluster.owner_url(name), sizes)
    return settings.database_url


def _floor(cluster: Cluster, database_url: str, folder: Path, visitors: int, seconds: float) -> Pace:
    print("Measuring the floor ...", flush=True)
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with Server.of_floor(cluster, database_url, folder) as server:
        return visit(server, lambda _visitor: request, 200, visitors=visitors, seconds=seconds)


def _portal(
    cluster: Cluster, database_url: str, folder: Path, sizes: Sizes, visitors: int, seconds: float
) -> tuple[float, list[Measured]]:
    """Return in how many seconds the portal started, and what its pages cost."""
    measured = []
    with Server.of_portal(cluster, database_url, folder) as server:
        for page in the_pages(database_url, sizes, server.port, visitors):
            print(f"Measuring: {page.name} ...", flush=True)
            pace = visit(server, page.request_of, page.expected, visitors=visitors, seconds=seconds)
            answer = ask_once(server.port, page.request_of(0))
            statements = server.statements_of_last_request()
            measured.append(Measured(page.name, pace, statements, len(answer.body), server.megabytes()))
        return server.started_in, measured


if __name__ == "__main__":
    main()
