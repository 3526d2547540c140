"""Errors are told to whom the settings name, once, without anything of the person they happened to."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import brotli
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from portal.outbox import enqueue
from portal.settings import Settings
from portal.web import error_tracking
from tests.cast import gather_cast
from tests.factories import make_session
from tests.jobs.worker_process import wait_until, worker

ROOT = Path(__file__).resolve().parents[2]
UNPACKED: dict[str | None, Callable[[bytes], bytes]] = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
SECRETS = ("s3cr3t", "Ama", "Mensah", "ama@example.test", "+233241234567", "192.0.2.77")

FAIL_IN_A_WORKER_OF_GUNICORN = """
import os, sys
import sentry_sdk
from flask import request
from portal.settings import Settings
from portal.web.access import public
from tests.web.probes import app_with

def add(probes):
    @probes.route("/probe/fail/<name>", methods=["GET", "POST"])
    @public
    def fail(name):
        typed = request.form.get("name", "")
        raise ValueError(f"{name} {typed} {request.cookies} {request.headers}")

app = app_with(Settings.from_env(), add)
app.config["WTF_CSRF_ENABLED"] = False
if os.fork() == 0:  # as gunicorn does after it has loaded the portal
    browser = app.test_client()
    browser.set_cookie("portal", sys.argv[1])
    headers = {"Authorization": "Bearer s3cr3t", "User-Agent": "s3cr3t"}
    for _ in range(3):
        answer = browser.post("/probe/fail/Ama?token=s3cr3t", data={"name": "Mensah", "password": "s3cr3t"},
                              headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.77"})
    print(answer.status_code, answer.headers["X-Request-ID"])
    sys.stdout.flush()
    sentry_sdk.flush(5)
    os._exit(0)
os.wait()
"""


class Tracker:
    """The other end: takes what is sent, and keeps it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        tracker = self

        class Ingest(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                tracker.bodies.append(UNPACKED[self.headers["Content-Encoding"]](body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Ingest)

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server.server_port}/1"

    def events(self) -> list[dict[str, Any]]:
        """Return the events among all that was sent; nothing else is ever sent."""
        found = []
        for body in self.bodies:
            lines = [json.loads(line) for line in body.splitlines() if line]
            assert [line.get("type") for line in lines[1::2]] == ["event"]
            found.append(lines[2])
        return found


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    tracker = Tracker()
    threading.Thread(target=tracker.server.serve_forever, daemon=True).start()
    yield tracker
    tracker.server.shutdown()
    tracker.server.server_close()


@pytest.fixture
def amas_cookie(live_engine: Engine) -> str:
    with Session(live_engine) as session:
        token, _ = make_session(session, gather_cast(session).ama)
        session.commit()
    return token


def fail(settings: Settings, cookie: str, dsn: str) -> str:
    """Have a portal in a process of its own fail, and return what it printed: status and request id of the last."""
    environ = os.environ | {
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_HOME": str(settings.portal_home),
        "DATABASE_URL": settings.database_url,
        "SENTRY_DSN": dsn,
    }
    done = subprocess.run(
        [sys.executable, "-c", FAIL_IN_A_WORKER_OF_GUNICORN, cookie],
        cwd=ROOT, env=environ, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_failed_request_is_one_report_with_its_number_and_nothing_of_the_person(
    live_settings: Settings, amas_cookie: str, tracker: Tracker
) -> None:
    status, _ = fail(live_settings, amas_cookie, tracker.dsn).split()
    assert status == "500"
    (event,) = tracker.events()
    (error,) = event["exception"]["values"]
    assert error["type"] == "ValueError"
    assert event["tags"]["route"] == "/probe/fail/<name>"
    assert len(event["tags"]["request_id"]) == 12
    assert any(frame["function"] == "fail" for frame in error["stacktrace"]["frames"])
    said = json.dumps(event)
    assert not [secret for secret in (*SECRETS, amas_cookie) if secret in said]
    assert {"user", "request", "breadcrumbs", "extra", "contexts", "modules"}.isdisjoint(event)


def test_a_failed_job_is_one_report(live_settings: Settings, live_engine: Engine, tracker: Tracker) -> None:
    with worker(replace(live_settings, sentry_dsn=tracker.dsn)):
        with Session(live_engine) as session:
            enqueue(session, "materials.announce", key="ama@example.test", material_id="no-id-of-Ama-s3cr3t")
            session.commit()
        wait_until(lambda: tracker.bodies, 20, "the report arrives")
    (event,) = tracker.events()
    assert event["exception"]["values"][-1]["type"] == "ValueError"
    assert event["tags"]["route"] == "materials.announce"
    assert event["tags"]["job"].isdigit()
    assert not [secret for secret in SECRETS if secret in json.dumps(event)]


def test_nothing_is_sent_where_nobody_is_named(live_settings: Settings, amas_cookie: str, tracker: Tracker) -> None:
    status, _ = fail(live_settings, amas_cookie, "").split()
    assert status == "500"
    assert tracker.bodies == []


def test_the_same_error_is_told_once_a_minute_and_another_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_tracking, "_reported", {})

    def event(kind: str) -> dict[str, Any]:
        frames = [{"module": "portal.x", "lineno": 1}]
        return {"exception": {"values": [{"type": kind, "stacktrace": {"frames": frames}}]}}

    assert error_tracking.report_of(event("ValueError"), {})
    assert error_tracking.report_of(event("ValueError"), {}) is None
    assert error_tracking.report_of(event("KeyError"), {})
    monkeypatch.setattr(error_tracking, "SAME_ERROR_EVERY_SECONDS", 0.0)
    assert error_tracking.report_of(event("ValueError"), {})
