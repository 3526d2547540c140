"""Figures for Prometheus, of all workers together, for those who may see them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from portal import db
from portal.settings import Settings
from portal.web.metrics import exposition
from tests.web.probes import app_with

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-the-collector"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(replace(settings, metrics_token=TOKEN))


def figure(client, name: str) -> float:
    lines = client.get("/metrics", headers=BEARER).get_data(as_text=True).splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def test_requests_are_counted_by_route_and_status_never_by_address(client):
    name = 'http_requests_total{method="GET",route="/probe/token/<token>",status="200"}'
    before = figure(client, name)
    for token in "abc":
        client.get(f"/probe/token/{token}")
    assert figure(client, name) == before + 3
    client.get("/nowhere/1")
    assert figure(client, 'http_requests_total{method="GET",route="none",status="404"}') >= 1
    assert figure(client, 'http_request_duration_seconds_count{method="GET",route="/probe/token/<token>"}') >= 3


def test_what_is_in_progress_ends_with_the_request(client):
    for address in ("/probe/page", "/probe/fault", "/nowhere"):
        client.get(address)
    assert figure(client, "http_requests_in_progress") == 1  # the one that asks
    assert "db_connections_in_use" in client.get("/metrics", headers=BEARER).get_data(as_text=True)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}]
)
def test_without_the_token_nobody_sees_figures(client, headers):
    assert client.get("/metrics", headers=headers).status_code == 403


def test_an_admin_who_runs_the_portal_sees_them_and_a_student_does_not(cast, sign_in):
    assert sign_in(cast.efua).get("/metrics").status_code == 200
    assert sign_in(cast.ama).get("/metrics").status_code == 403


def test_without_a_token_in_the_settings_no_token_opens_them(app: Flask, client, settings: Settings, monkeypatch):
    monkeypatch.setitem(app.config, "SETTINGS", replace(settings, metrics_token=""))
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 403


def test_the_figures_of_several_workers_are_added_up(tmp_path: Path):
    count = "from portal.web import metrics; metrics.REQUESTS.labels('GET', '/x', '200').inc(2)"
    for _worker in range(2):
        subprocess.run(
            [sys.executable, "-c", count], cwd=ROOT, check=True, env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
        )
    show = "from portal.web import metrics; print(metrics.exposition().decode())"
    shown = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT, check=True, capture_output=True, text=True,
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
    )  # fmt: skip
    assert 'http_requests_total{method="GET",route="/x",status="200"} 4.0' in shown.stdout


def test_behind_gunicorn_every_worker_writes_its_figures_where_they_can_be_added_up(tmp_path: Path):
    read_settings = "import runpy; runpy.run_path('gunicorn.conf.py')"
    count = "import os; from portal.web import metrics; metrics.POOL_LIMIT.set(1)"
    say_where = "print(os.environ['PROMETHEUS_MULTIPROC_DIR'])"
    environ = {
        "PORTAL_ENVIRONMENT": "development",
        "PORTAL_HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://127.0.0.1/none",
    }
    command = [sys.executable, "-c", f"{read_settings}; {count}; {say_where}"]
    done = subprocess.run(command, cwd=ROOT, check=True, env=environ, capture_output=True, text=True)
    folder = Path(done.stdout.strip())
    try:
        assert list(folder.glob("gauge_livesum_*.db"))
        assert folder.is_relative_to("/dev/shm") is Path("/dev/shm").is_dir(), "a full disk would end the workers"
        assert folder.stat().st_mode & 0o077 == 0
    finally:
        shutil.rmtree(folder)


def test_connections_that_are_taken_are_counted_when_they_are_looked_at(portal_engine):
    with portal_engine.connect(), portal_engine.connect():
        assert "\ndb_connections_in_use 2.0\n" in exposition().decode()
    assert "\ndb_connections_in_use 0.0\n" in exposition().decode()
    assert f"\ndb_pool_size {db.POOL_SIZE}.0\n" in exposition().decode()
