"""The embedded cluster: what its roles may do, and that it comes up whatever the last run left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from portal.embedded import Cluster, ClusterAccess, EmbeddedError, temporary_cluster
from portal.embedded.processes import running_process
from portal.embedded.server_user import REACHABLE
from tests.platform.runs import wait_until

TRUSTED_EXTENSIONS = ("citext", "pg_trgm", "unaccent", "btree_gist")


def keep_a_word(cluster: Cluster) -> None:
    cluster.create_database("words")
    with psycopg.connect(cluster.owner_url("words")) as connection:
        connection.execute("CREATE TABLE words (word text)")
        connection.execute("INSERT INTO words VALUES ('committed')")


def kept_words(cluster: Cluster) -> list[tuple[str]]:
    with psycopg.connect(cluster.owner_url("words")) as connection:
        return connection.execute("SELECT word FROM words").fetchall()


def test_the_owner_makes_what_migrations_need_and_the_portal_may_change_no_table(cluster: ClusterAccess) -> None:
    cluster.create_database("roles")
    try:
        with psycopg.connect(cluster.owner_url("roles")) as owner:
            for name in TRUSTED_EXTENSIONS:
                owner.execute(f"CREATE EXTENSION {name}")
            owner.execute("CREATE TABLE things (name text)")
        with psycopg.connect(cluster.portal_url("roles"), autocommit=True) as portal:
            for refused in (
                "CREATE TABLE more (name text)",
                "CREATE TEMPORARY TABLE more (name text)",
                "DROP TABLE things",
                "TRUNCATE things",
                "SELECT * FROM things",
                "CREATE DATABASE another",
                "CREATE ROLE another",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    portal.execute(refused)
    finally:
        cluster.drop_database("roles")


def test_nobody_signs_in_without_the_password(cluster: ClusterAccess) -> None:
    for role in ("postgres", "portal_owner", "portal"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{role}@127.0.0.1:{cluster.port}/postgres", passfile="/nonexistent")


def test_access_is_readable_by_its_owner_alone_and_shows_no_password(place: Path) -> None:
    with temporary_cluster(place / "cluster") as cluster:
        assert (place / "cluster" / "access.json").stat().st_mode & 0o777 == 0o600
        assert cluster.access.owner_password not in repr(cluster.access)
        assert ClusterAccess.from_text(cluster.access.to_text()) == cluster.access


def test_a_killed_server_starts_again_with_everything_committed(place: Path) -> None:
    cluster = Cluster(place)
    with cluster:
        keep_a_word(cluster)
        assert cluster.pid
        os.kill(cluster.pid, signal.SIGKILL)
        wait_until(lambda: not cluster.running, 5, "the server ends")

        cluster.start()

        assert kept_words(cluster) == [("committed",)]


def test_a_server_that_outlived_its_supervisor_is_stopped_and_started_anew(place: Path) -> None:
    first = Cluster(place)
    with first:
        keep_a_word(first)
        survivor = first.pid
        with Cluster(place) as second:
            assert second.pid != survivor
            assert not first.running
            assert kept_words(second) == [("committed",)]


def test_a_server_ends_when_its_supervisor_is_killed(place: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from portal.embedded import Cluster\n"
        "cluster = Cluster(Path(sys.argv[1])); cluster.start(); print(cluster.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(place)], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        server = int(supervisor.stdout.readline())
        supervisor.kill()

    wait_until(lambda: running_process(server) is None, 10, "the server ends")


@pytest.mark.parametrize("holder", ["a later process with the number", "a zombie", "nobody"])
def test_a_stale_pid_file_does_not_keep_the_server_from_starting(place: Path, holder: str) -> None:
    cluster = Cluster(place)
    cluster.start()
    assert cluster.pid
    os.kill(cluster.pid, signal.SIGKILL)
    wait_until(lambda: not cluster.running, 5, "the server ends")
    other = subprocess.Popen([sys.executable, "-c", "input()" if "later" in holder else ""], stdin=subprocess.PIPE)
    if holder == "nobody":
        other.wait()
    elif holder == "a zombie":
        wait_until(lambda: running_process(other.pid) is None, 5, "it ends, and nobody asks how")
    pid_file = cluster.data / "postmaster.pid"
    pid_file.write_text("\n".join([str(other.pid), *pid_file.read_text().splitlines()[1:]]) + "\n")

    try:
        with Cluster(place) as again:
            assert again.access.is_answering()
        if "later" in holder:
            assert other.poll() is None, "somebody else's process was ended"
    finally:
        other.kill()
        other.communicate()


def test_a_start_that_was_killed_half_way_is_begun_again(place: Path) -> None:
    half = place / "cluster.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")

    with Cluster(place) as cluster:
        assert cluster.access.is_answering()
    assert not half.exists()


def test_a_taken_port_is_replaced_by_a_free_one(place: Path) -> None:
    import socket

    with Cluster(place) as cluster:
        port = cluster.access.port
    with socket.create_server(("127.0.0.1", port)), Cluster(place) as cluster:
        assert cluster.access.port != port
        assert cluster.access.is_answering()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else")
def test_where_a_parent_folder_keeps_postgresql_out_its_data_is_under_var_lib(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    before = closed.stat()

    with temporary_cluster(closed / "home") as cluster:
        assert cluster.data.is_relative_to(REACHABLE)
        assert str(cluster.data) in cluster.describe_place()
        assert cluster.pid
        assert Path(f"/proc/{cluster.pid}").stat().st_uid != 0
        assert cluster.access.is_answering()
        assert (closed.stat().st_mode, closed.stat().st_uid) == (before.st_mode, before.st_uid)
    assert not cluster.data.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as somebody else")
def test_a_home_that_was_removed_begins_anew_and_its_data_elsewhere_is_kept(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with Cluster(closed / "home") as cluster:
        keep_a_word(cluster)
        data = cluster.data
    shutil.rmtree(closed / "home")

    try:
        with Cluster(closed / "home") as anew:
            assert not anew.access.has_database("words")
        assert [(kept / "PG_VERSION").exists() for kept in REACHABLE.glob(f"{data.name}.*")] == [True]
    finally:
        for folder in REACHABLE.glob(f"{data.name}*"):
            shutil.rmtree(folder)


def test_a_lost_password_file_is_one_line_that_says_what_to_type(place: Path) -> None:
    with Cluster(place) as cluster:
        pass
    (place / "access.json").unlink()

    with pytest.raises(EmbeddedError, match=r"access\.json is missing.* begin anew: mv ") as refusal:
        Cluster(place).start()
    assert "\n" not in str(refusal.value)
    assert cluster.exists


def test_a_temporary_cluster_leaves_nothing(place: Path) -> None:
    began = time.monotonic()
    with temporary_cluster(place / "cluster") as cluster:
        process = cluster.pid
    assert process
    assert running_process(process) is None
    assert not (place / "cluster").exists()
    assert time.monotonic() - began < 60
