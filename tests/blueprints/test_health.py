"""Whether the portal is alive and well, told truthfully, to machines and to the admin who runs it."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from portal import db
from portal.adapters.storage import FolderStorage
from portal.embedded import Cluster, temporary_cluster
from portal.settings import Settings
from portal.web.extensions import engine_of
from tests.conftest import migrate, settings_for
from tests.web.probes import app_with

TOKEN = "a-token-for-the-collector"


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(settings)


def test_a_live_process_says_so_without_asking_anyone(client, count_queries):
    with count_queries() as queries:
        answer = client.get("/api/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})
    assert len(queries) == 0


def test_a_portal_with_all_it_needs_is_ready(client):
    answer = client.get("/api/health/ready")
    assert answer.status_code == 200
    assert answer.json["status"] == "ready"
    checks = answer.json["checks"]
    assert (checks["database"], checks["migrations"], checks["storage"]) == ("ok", "ok", "ok")
    assert checks["disk"] in {"ok", "filling up", "full"}


def test_a_store_that_cannot_be_written_is_not_ready(app: Flask, client, tmp_path: Path, monkeypatch):
    (tmp_path / "files").write_text("a file where the folder should be")
    monkeypatch.setitem(app.extensions, "storage", FolderStorage(tmp_path / "files"))
    answer = client.get("/api/health/ready")
    assert (answer.status_code, answer.json["checks"]["storage"]) == (503, "not writable")


def test_a_store_without_room_turns_nobody_away(app: Flask, client, tmp_path: Path, monkeypatch):
    def no_room(_storage: FolderStorage, _chunks: Iterable[bytes], _key: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderStorage, "put", no_room)
    monkeypatch.setitem(app.extensions, "storage", FolderStorage(tmp_path / "files"))
    answer = client.get("/api/health/ready")
    assert (answer.status_code, answer.json["checks"]["storage"]) == (200, "full")


def test_a_database_behind_the_code_is_not_ready(live_settings: Settings, cluster, live_database: str):
    behind = app_with(live_settings)
    with psycopg.connect(cluster.owner_url(live_database), autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0000'")
    answer = behind.test_client().get("/api/health/ready")
    assert (answer.status_code, answer.json["checks"]["migrations"]) == (503, "behind")


def test_ready_tells_strangers_states_and_nothing_else(client):
    assert set(client.get("/api/health/ready").json) == {"status", "checks"}
    assert all(isinstance(state, str) for state in client.get("/api/health/ready").json["checks"].values())


def test_only_an_admin_who_runs_the_portal_sees_details(client, cast, sign_in):
    assert client.get("/api/health/detailed").status_code in {303, 401}
    assert sign_in(cast.ama).get("/api/health/detailed").status_code == 403
    answer = sign_in(cast.efua).get("/api/health/detailed")
    assert answer.status_code == 200
    assert answer.json["checks"]["database"]["ms"] > 0
    assert answer.json["process"]["id"] > 0


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A database server that a test may stop."""
    with temporary_cluster() as cluster:
        cluster.create_database("portal")
        migrate(settings_for(cluster.access, "portal", tmp_path))
        yield cluster


@pytest.fixture
def own_portal(own_cluster: Cluster, tmp_path: Path) -> Iterator[Flask]:
    app = app_with(settings_for(own_cluster.access, "portal", tmp_path, metrics_token=TOKEN))
    yield app
    db.close_session()
    engine_of(app).dispose()


def readiness(app: Flask) -> tuple[int, str, float]:
    started = time.monotonic()
    answer = app.test_client().get("/api/health/ready")
    return answer.status_code, answer.json["checks"]["database"], time.monotonic() - started


def page(app: Flask) -> int:
    browser = app.test_client()
    browser.set_cookie("portal", "a-cookie-that-must-be-looked-up-in-the-database")
    return browser.get("/probe/page").status_code


def test_a_stopped_database_is_told_within_three_seconds_and_comes_back_by_itself(own_cluster, own_portal):
    assert readiness(own_portal)[:2] == (200, "ok")
    assert page(own_portal) == 200
    own_cluster.stop()
    status, state, seconds = readiness(own_portal)
    assert (status, state) == (503, "away")
    assert seconds < 3
    assert page(own_portal) == 503
    own_cluster.start()
    assert page(own_portal) == 200  # at once: the pool notices that its connections were closed
    assert readiness(own_portal)[:2] == (200, "ok")


def scrape(app: Flask) -> str:
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return answer.text


def test_a_database_that_hangs_is_told_within_three_seconds(own_cluster, own_portal):
    assert readiness(own_portal)[:2] == (200, "ok")
    assert 'portal_people{role="student"} 0.0' in scrape(own_portal)
    os.kill(own_cluster.pid, signal.SIGSTOP)
    try:
        status, state, seconds = readiness(own_portal)
        figures = scrape(own_portal)
    finally:
        os.kill(own_cluster.pid, signal.SIGCONT)
    assert (status, state) == (503, "away")
    assert seconds < 3
    assert 'portal_check_ok{check="database"} 0.0' in figures
    assert "portal_people" not in figures
    assert readiness(own_portal)[:2] == (200, "ok")


def test_a_database_that_nobody_answers_at_is_told_within_three_seconds(settings: Settings):
    away = app_with(replace(settings, database_url="postgresql+psycopg://portal@127.0.0.1:9/portal"))
    started = time.monotonic()
    answer = away.test_client().get("/api/health/ready")
    assert time.monotonic() - started < 3
    assert answer.status_code == 503
    assert answer.json["checks"] | {"disk": ""} == {
        "database": "away", "migrations": "unknown", "storage": "ok", "disk": "",
    }  # fmt: skip
    assert away.test_client().get("/api/health/live").status_code == 200
