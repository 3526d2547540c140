"""`make bench` measures every page it promises. How fast they are decides no test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portal.cli.checkout import ROOT
from tests.load import goals
from tests.load.editions import HERE
from tests.load.pages import HAND_IN
from tests.load.report import Found, Measured, Run, before_and_after, what_is_worse
from tests.load.server import IdleMemory
from tests.load.term import Sizes
from tests.load.visitors import Pace
from tests.load.weights import NEXT_PAGES, Fetched, Weight, weigh

PAGES = (
    "Home", "Catalogue", "Course", "Student: dashboard", "Student: assignment", "Student: materials",
    "Student: week of classes", "Trainer: marking queue", "Trainer: one submission", "Admin: dashboard",
    "Admin: people", "API: courses", "API: own assignments", HAND_IN,
)  # fmt: skip
THRESHOLDS = Path(__file__).with_name("thresholds.toml")


def test_a_server_is_measured_with_what_is_locked_and_not_with_what_is_there_for_tests():
    hidden = HERE.environ_of_server["HIDDEN_MODULES"].split(",")
    assert {"pytest", "rich", "pygments"} <= set(hidden)
    assert not {"flask", "portal", "psycopg", "backports"} & set(hidden)


def test_every_page_is_measured_and_written_down(tmp_path: Path):
    tiny = {
        "BENCH_STUDENTS": "12",
        "BENCH_INTAKES": "5",
        "BENCH_SUBMISSIONS": "60",
        "BENCH_SECONDS": "0.02",
        "BENCH_CONNECTIONS": "2",
    }
    command = [sys.executable, "-m", "tests.load", "--report", str(tmp_path / "performance.md")]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | tiny, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "performance.md").read_text()
    assert "12 students, 5 intakes, 60 submissions" in written
    measured, kept = written.split("## Goals")
    rows = [line.split(" | ") for line in measured.splitlines() if line.startswith("| ") and "| Page" not in line]
    assert [row[0].removeprefix("| ") for row in rows] == list(PAGES)
    for row in rows:
        assert float(row[1]) > 0
        assert int(row[7]) > 0, f"{row[0]}: no statement was counted"
    assert all(" | ".join(row) in done.stdout for row in rows)
    for goal in ("Idle memory", "first visit, kB", "next page, kB", "of that with 1/100", "share of the floor"):
        assert goal in kept, goal


def test_whoever_reads_the_bench_is_told_what_got_worse(tmp_path: Path):
    thresholds = tmp_path / "thresholds.toml"
    thresholds.write_text('["Home"]\nstatements = 2\nkilobytes = 5\ntimes_floor = 4\n')
    run = a_run([a_page("Home", costs=5.0)], [a_page("Home", costs=5.0)])
    assert list(what_is_worse(run, thresholds)) == [
        "Home: kilobytes 6.0, at most 5 expected",
        "Home: times floor 5.0, at most 4 expected",
    ]


def test_goals_are_told_kept_or_not_by_what_they_ask():
    run = a_run(
        [a_page("Home", costs=4.0), a_page("API: courses", costs=4.0), a_page(HAND_IN, costs=20.0, statements=13)],
        [a_page("Home", costs=3.0), a_page("API: courses", costs=4.0), a_page(HAND_IN, costs=20.0, statements=13)],
    )
    found = {goal.words: goal.kept for goal in goals.all_goals(run, THRESHOLDS)}
    assert found == {
        "Home: share of the floor": True,
        "API: courses: share of the floor": False,
        "A hand-in of 1 MB: statements": False,
        "Home: cost with all data, of that with 1/100": False,
        "API: courses: cost with all data, of that with 1/100": True,
        "A hand-in of 1 MB: cost with all data, of that with 1/100": True,
        "Idle memory, MB (web 200, worker 80, PostgreSQL 30)": False,
        "Public: first visit, kB": True,
        "Public: first visit, requests": False,
        "Public: next page, kB": True,
    }


def test_an_earlier_commit_stands_beside_this_one_page_by_page():
    now, before = a_run([a_page("Home", costs=4.0)], [a_page("Home", costs=4.0)]), a_page("Home", costs=12.0)
    assert before_and_after(now) == ""
    found = Found(1.0, None, [], [before])
    both = Run(now.sizes, 8, 3.0, "abc", now.full | {"before": found}, now.sparse | {"before": found})
    assert "| Home | 4.0 | 12.0 | 4.0 | 12.0 | 100 | 100 | 2 | 2 | 4.0 | 12.0 |" in before_and_after(both)


@pytest.mark.parametrize("who", NEXT_PAGES)
def test_a_first_visit_and_the_next_page_are_light(app: Any, cast: Any, sign_in: Any, who: str):
    person = {"Student": cast.ama, "Trainer": cast.kofi, "Admin": cast.efua}.get(who)
    browser = sign_in(person) if person else app.test_client()

    def fetch(path: str) -> Fetched:
        sent = browser.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert sent.status_code == 200, path
        read = browser.get(path) if sent.mimetype == "text/html" else sent
        octets = len(str(sent.headers)) + len(sent.get_data())
        return Fetched(octets, read.get_data().decode(errors="replace"))

    weight = weigh(who, fetch)
    assert weight.first_requests > 3, "style sheet and scripts were not counted"
    assert weight.first_requests <= 8
    assert weight.first_octets <= 60_000
    assert weight.next_octets <= 10_000


def a_page(name: str, *, costs: float, statements: int = 2) -> Measured:
    """A page that took this much of a floor of one, but in a turn in which the machine had other things to do."""
    floors = [Pace(500, 1.0, 2.0, processor=1.0) for _ in range(3)]
    turns = [Pace(100, 1.0, 2.0, processor=took) for took in (costs, 9 * costs, costs)]
    return Measured(name, turns, floors, statements, octets=6000, megabytes=None)


def a_run(full: list[Measured], sparse: list[Measured]) -> Run:
    weight = Weight("Public", first_octets=50_000, first_requests=9, next_octets=9_000)
    found = Found(1.0, IdleMemory(200, 80, 30), [weight], full)
    return Run(Sizes(1, 1, 1), 8, 3.0, "", {"now": found}, {"now": Found(1.0, None, [], sparse)})
