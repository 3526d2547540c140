"""While students hand in, the portal is backed up; in an empty home it comes back whole, within minutes, and runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from portal.embedded import Cluster
from portal.keeping.folder import BackupFolder
from tests.keeping.homes import (
    DATABASE,
    PASSWORD,
    SMALL,
    STUDENT,
    Done,
    everything_in,
    files_in,
    give_files_and_seals,
    portal,
)
from tests.load.term import Sizes, fill
from tests.pages import parse
from tests.platform.runs import Run
from tests.soak.clients import Crowd
from tests.soak.crashing_home import CrashingHome

TERM = Sizes(students=1_000, intakes=40, submissions=20_000)
BYTES_OF_A_FILE = 400_000  # what the term's rows say, a photograph for the web
MINUTES_TO_RESTORE = 5
CLIENTS = 4
WITHOUT_END = 1_000_000  # hand-ins; they are told to stop after the backups
DEPENDS_ON_THE_MACHINE = ("disk", "clock")
NOT_ASKED_YET = "check"  # a home that was just restored has never been looked through
Start = Callable[..., Run]


def test_a_backup_under_load_is_restored_into_a_portal_that_runs(place: Path, start: Start) -> None:
    back_up_under_load_and_restore(place, start, SMALL, bytes_of_a_file=2_000)


@pytest.mark.soak
def test_a_terms_data_is_restored_within_five_minutes(place: Path, start: Start) -> None:
    seconds = back_up_under_load_and_restore(place, start, TERM, bytes_of_a_file=BYTES_OF_A_FILE)
    assert seconds < MINUTES_TO_RESTORE * 60


def back_up_under_load_and_restore(place: Path, start: Start, sizes: Sizes, *, bytes_of_a_file: int) -> float:
    """Go the documented way from a portal in use to one in an empty home, and return the seconds of the restore."""
    backups, restored = place / "backups", place / "restored"

    def a_term(cluster: Cluster) -> None:
        fill(cluster.owner_url(DATABASE), sizes)
        with psycopg.connect(cluster.owner_url(DATABASE)) as connection:
            connection.execute("UPDATE courses SET slug = 'of-a-term-' || slug")  # those of the crowd are `course-…`
        give_files_and_seals(place / "home", cluster, bytes_of_a_file)

    home = CrashingHome(place / "home", CLIENTS, fill=a_term)
    crowd = Crowd(home, WITHOUT_END)
    try:
        home.start()
        crowd.start()
        crowd.wait_for(CLIENTS)
        held_before = {receipt.number for receipt in list(crowd.receipts)}
        first = timed("backup under load", lambda: portal(home.folder, "backup", str(backups)))
        crowd.wait_for(len(crowd.receipts) + CLIENTS)
        second = timed("second backup under load", lambda: portal(home.folder, "backup", str(backups)))
        crowd.wanted = len(crowd.receipts)
        crowd.finish()
    finally:
        crowd.give_up()
        home.stop()
    assert (first.code, second.code) == (0, 0), first.said + second.said
    oldest, newest = (BackupFolder(backups).manifest(name) for name in BackupFolder(backups).names())
    assert f"({newest.files - oldest.files:,} new)" in second.said, "what was there was copied again"

    began = time.monotonic()
    done = timed("restore", lambda: portal(restored, "restore", str(backups), "--at", oldest.name))
    seconds = time.monotonic() - began
    assert done.code == 0, done.said
    assert_is_the_moment_of_the_backup(home, restored, held_before)
    run = start(restored).until_it_runs()
    sign_in(run.address)
    assert_commands_find_the_portal_by_its_home(restored, run.address)
    assert_the_doctor_finds_nothing(restored)
    return seconds


def assert_is_the_moment_of_the_backup(home: CrashingHome, restored: Path, held_before: set[str]) -> None:
    """Every receipt held before is there; every row that is there is one of the source, and its bytes are whole."""
    with Cluster(home.folder / "database") as cluster:
        source, known = everything_in(cluster.owner_url(DATABASE)), files_known(cluster)
    with Cluster(restored / "database") as cluster:
        copy, known_again = everything_in(cluster.owner_url(DATABASE)), files_known(cluster)
        with psycopg.connect(cluster.portal_url(DATABASE)) as connection:
            numbers = {row[0] for row in connection.execute("SELECT number FROM submissions")}
            sums = dict(connection.execute("SELECT storage_key, sha256 FROM files WHERE state <> 'deleted'").fetchall())
    assert held_before <= numbers
    assert files_in(restored / "files") == sums
    assert known_again <= known
    for what in WRITTEN_ONCE:
        assert set(copy[f"rows of {what}"]) <= set(source[f"rows of {what}"]), what
    for what in source.keys() - {f"rows of {table}" for table, _ in source["tables"]} - {"sequences"}:
        assert copy[what] == source[what], what
    ends = dict(source["sequences"])
    assert all((value or 0) <= (ends[name] or 0) for name, value in copy["sequences"])


def files_known(cluster: Cluster) -> set[tuple[Any, ...]]:
    """Return what the rows of files say once and for all; whether one is still to be looked into changes."""
    with psycopg.connect(cluster.portal_url(DATABASE)) as connection:
        columns = "id, owner_id, purpose, name, kind, size, sha256, storage_key, stored_at, attached_at"
        return set(connection.execute(f"SELECT {columns} FROM files").fetchall())


def sign_in(address: str) -> None:
    """Sign in as a student does, and open the first page."""
    with requests.Session() as browser:
        form = parse(browser.get(f"{address}/login", timeout=30).text).css_first("form[method=post]")
        fields = {
            node.attributes["name"]: node.attributes.get("value") or ""
            for node in form.css("input[name]")
            if node.attributes.get("type") in {"hidden", "text", "email", "password", None}
        }
        name = next(field for field in fields if field not in {"csrf_token", "password", "next"})
        answer = browser.post(
            f"{address}/login", data=fields | {name: STUDENT, "password": PASSWORD},
            headers={"Referer": f"{address}/login"}, timeout=30, allow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        page = browser.get(address + answer.headers["Location"], timeout=30)
        assert page.status_code == 200
        assert "Esi" in page.text, "not her own page"


def assert_commands_find_the_portal_by_its_home(home: Path, address: str) -> None:
    """Whoever keeps a home types no address of a database, and gets links to where the portal runs."""
    verified = portal(home, "audit", "verify")
    assert verified.code == 0, verified.said
    asked = ("--email", "nana@example.test", "--name", "Nana Boss", "--duty", "system")
    made = portal(home, "admin", "create", *asked)
    assert made.code == 0, made.said
    assert f"{address}/invitation/" in made.said


def assert_the_doctor_finds_nothing(home: Path) -> None:
    done = portal(home, "doctor")
    assert done.code == 0, done.said
    findings = [line.split()[:2] for line in done.said.splitlines()]
    assert {about for _, about in findings} >= {"backup", "jobs", "roles", "trail", "tables", "portal", "storage"}
    expected = (*DEPENDS_ON_THE_MACHINE, NOT_ASKED_YET)
    assert [finding for finding in findings if finding[0] != "ok" and finding[1] not in expected] == []


def timed(what: str, act: Callable[[], Done]) -> Done:
    began = time.monotonic()
    result = act()
    print(f"{what}: {time.monotonic() - began:.1f} s")
    return result


# Tables whose rows nothing changes while students hand in.
WRITTEN_ONCE = (
    "users", "courses", "intakes", "seats", "enrolments", "assignments", "grades", "materials",
    "submission_members", "submission_files", "audit_entries", "audit_details", "audit_seals",
)  # fmt: skip
