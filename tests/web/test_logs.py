"""Logs that a machine reads and that hold no secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import structlog
from flask import Flask
from sqlalchemy import text

from portal.settings import Settings
from portal.web import logs
from tests.web.probes import app_with

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return app_with(settings)


@pytest.fixture
def lines(app: Flask, settings: Settings) -> Iterator[io.StringIO]:
    """What the process writes, line by line."""
    logs.configure(replace(settings, log_level="info"))
    handler = next(each for each in logging.getLogger().handlers if each.get_name() == logs.HANDLER)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def read(lines: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_request_is_one_line_with_what_is_needed_to_find_it_again(lines, cast, sign_in):
    answer = sign_in(cast.ama).get("/probe/own?q=private")
    (line,) = read(lines)
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/probe/own", 200)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["person"] == str(cast.ama.id)
    assert line["statements"] == 1
    assert 0 < line["ms"] < 10_000
    assert line["at"].endswith("Z")
    datetime.fromisoformat(line["at"])
    assert "private" not in lines.getvalue()


def test_the_token_of_a_page_is_never_written(lines, client):
    client.get("/probe/token/s3cr3t-t0k3n?token=s3cr3t-t0k3n")
    client.get("/nowhere/s3cr3t-t0k3n")
    assert "s3cr3t" not in lines.getvalue()


@pytest.mark.parametrize(
    "values",
    [
        {"password": "hunter2hunter2"},
        {"new_password": "hunter2hunter2"},
        {"headers": {"Authorization": "Bearer hunter2hunter2", "Cookie": "portal=hunter2hunter2"}},
        {"form": [{"csrf_token": "hunter2hunter2"}]},
        {"note": "Authorization: Bearer hunter2hunter2"},
        {"url": "https://portal.example.org/x?refresh_token=hunter2hunter2&a=1"},
        {"where": "postgresql://portal:hunter2hunter2@db/portal"},
        {"error": "INSERT INTO users [SQL: x]\n[parameters: {'password_hash': 'hunter2hunter2'}]\n(Background)"},
        {"api_key": "hunter2hunter2"},
    ],
)
def test_secrets_are_taken_out_wherever_they_stand(lines, values):
    structlog.get_logger("portal.probe").warning("probe", **values)
    assert "hunter2" not in lines.getvalue()
    assert logs.REDACTED in lines.getvalue()


def test_a_fault_is_logged_with_its_traceback_and_without_its_parameters(lines, client, connection):
    client.get("/probe/fault")
    fault = next(line for line in read(lines) if line["level"] == "error")
    assert "RuntimeError" in fault["exception"]
    assert fault["request_id"]


def test_a_name_with_a_line_break_stays_on_its_line(lines):
    structlog.get_logger("portal.probe").warning("probe", name='Ama\n{"event": "forged"}\x1b[31m')
    assert len(lines.getvalue().splitlines()) == 1
    assert "\x1b" not in lines.getvalue()


def test_other_libraries_write_the_same_lines(lines):
    logging.getLogger("alembic").warning("%s of %d", "half", 2)
    assert read(lines)[0]["event"] == "half of 2"


def test_a_slow_statement_is_named_without_its_values(lines, world, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logs, "SLOW_STATEMENT_MS", 20)
    world.execute(text("SELECT pg_sleep(0.03), :name"), {"name": "Ama"})
    slow = [line for line in read(lines) if line["event"] == "slow_statement"]
    (slept,) = (line for line in slow if "pg_sleep" in line["statement"])  # others may be slow by chance
    assert slept["ms"] >= 20
    assert "Ama" not in lines.getvalue()


def test_gunicorn_speaks_in_the_same_lines_and_names_no_secret_address(tmp_path: Path):
    say = (
        "from gunicorn.config import Config; from portal.settings import Settings; from portal.web import logs;"
        "from portal.web.server_log import ServerLog; logs.configure(Settings.from_env());"
        "log = ServerLog(Config()); log.info('Listening at: %s', 'http://127.0.0.1:8000');"
        "log.error('Error handling request %s %s', 'GET', '/invitation/s3cr3t-t0k3n?x=1')"
    )
    environ = {"PORTAL_ENVIRONMENT": "test", "DATABASE_URL": "postgresql://127.0.0.1/none"}
    said = subprocess.run(
        [sys.executable, "-c", say], cwd=ROOT, env=environ, check=True, capture_output=True, text=True
    )
    listening, failed = (json.loads(line) for line in said.stderr.splitlines())
    assert listening["event"] == "Listening at: http://127.0.0.1:8000"
    assert failed["event"] == "Error handling request GET /invitation/[redacted]?x=1"
