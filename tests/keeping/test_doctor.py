"""The doctor says what is well, what is not, and what to do; each illness is made real and looked for."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from portal.domain.audit import operations as audit
from portal.domain.audit import sealing
from portal.domain.permissions import system_actor
from portal.keeping.contents import plain
from portal.keeping.doctor import of_database, of_machine, of_settings
from portal.keeping.doctor.examination import examine_portal
from portal.keeping.doctor.finding import Finding, State
from portal.keeping.folder import BackupFolder
from portal.keeping.notes import BackupNote, CheckNote, note_backup, note_check, note_of
from portal.settings import Settings
from tests.jobs.mail_server import mail_server
from tests.keeping.homes import ROOT
from tests.keeping.test_backup import SEVEN, back_up
from tests.platform.runs import PORTAL

NAME = "2026-11-27T070000Z"
DEPENDS_ON_THE_MACHINE = ("disk", "clock")


class Answers(BaseHTTPRequestHandler):
    """A web server that answers every GET with one status."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web_server(status: int = 200, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Yield the port of a web server that runs meanwhile."""
    server = HTTPServer(("127.0.0.1", 0), type("Own", (Answers,), {"status": status}))
    server.handle_error = lambda *_: None  # whoever refuses our certificate hangs up
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def healthy(live_settings: Settings, live_engine: Engine, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a portal that is well: it answers, works, and was backed up just now."""
    (tmp_path / "backups" / NAME).mkdir(parents=True)
    note_backup(live_settings.portal_home, BackupNote(NAME, SEVEN.isoformat(), str(tmp_path / "backups"), "0:"))
    note_check(live_settings.portal_home, CheckNote(SEVEN.isoformat()))
    with psycopg.connect(plain(live_settings.migration_database_url)) as owner:
        owner.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    with web_server() as port:
        yield replace(live_settings, portal_url=f"http://127.0.0.1:{port}")


def examined(settings: Settings, *, runs: bool = True, hours: int = 0) -> list[Finding]:
    return list(examine_portal(settings, runs=runs, at=SEVEN + timedelta(hours=1 + hours)))


def ill(settings: Settings, *, runs: bool = True, hours: int = 0) -> dict[str, Finding]:
    """Return what is not well, by what it is about; what depends on this machine left out."""
    found = examined(settings, runs=runs, hours=hours)
    return {
        finding.about: finding
        for finding in found
        if finding.state is not State.OK and finding.about not in DEPENDS_ON_THE_MACHINE
    }


@contextmanager
def as_owner(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(plain(settings.migration_database_url), autocommit=True) as connection:
        yield connection


def test_of_a_healthy_portal_everything_is_well(healthy: Settings):
    found = examined(healthy)
    assert ill(healthy) == {}
    assert {finding.about for finding in found} == {
        "settings", "versions", "disk", "storage", "backup", "clock", "database", "tables", "roles", "jobs", "trail",
        "mail", "media", "portal", "check",
    }  # fmt: skip
    assert all(finding.to_do for finding in found if finding.state is not State.OK)


def test_a_portal_that_is_stopped_is_a_warning_and_nothing_more(healthy: Settings):
    found = ill(healthy, runs=False)
    assert (list(found), found["portal"].state) == (["portal"], State.WARNING)


def test_a_silent_worker_and_its_failed_and_late_jobs_are_named(healthy: Settings):
    with as_owner(healthy) as owner:
        owner.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 minutes'")
        assert "the last was heard 600 s ago" in ill(healthy)["jobs"].said
        owner.execute("DELETE FROM procrastinate_workers")
        assert ill(healthy)["jobs"].state is State.WRONG
        owner.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        owner.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args, status, scheduled_at) VALUES "
            "('default', 'mail.deliver', 0, '{}', 'todo', now() - interval '30 minutes'), "
            "('default', 'mail.deliver', 0, '{}', 'todo', now() + interval '1 day')"
        )
        assert ill(healthy)["jobs"].said == "the oldest job waits for 30 minutes"
        owner.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        owner.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        assert ill(healthy)["jobs"].said == "2 were given up"


def test_a_job_that_waits_since_it_was_asked_for_is_late_too(healthy: Settings):
    with as_owner(healthy) as owner:
        owner.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args) VALUES ('default', 'x', 0, '{}')"
        )
        assert ill(healthy) == {}
        owner.execute("UPDATE procrastinate_events SET at = at - interval '1 hour'")
        assert ill(healthy)["jobs"].said == "the oldest job waits for 60 minutes"


def test_entries_without_a_seal_and_a_trail_that_was_cut_are_wrong(
    healthy: Settings, live_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(of_database, "SEALING_SECONDS", 0)
    with Session(live_engine) as session:
        audit.record(
            session, system_actor("test"), "room:open", ("rooms", "1"), at=datetime.now(UTC) - timedelta(hours=1)
        )
        session.commit()
        assert ill(healthy)["trail"].state is State.WRONG
        assert ill(healthy, runs=False)["trail"].state is State.WARNING
        sealing.seal(session, at=SEVEN)
        session.commit()
    assert ill(healthy) == {}
    folder = BackupFolder(tmp_path / "backups")
    manifest = back_up(healthy, folder, hours=1).manifest
    note_backup(healthy.portal_home, note_of(folder, manifest))
    assert ill(healthy) == {}
    with as_owner(healthy) as owner:
        owner.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
        owner.execute("DELETE FROM audit_seals")
        owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        owner.execute("TRUNCATE audit_seals, audit_entries CASCADE")
    cut = ill(healthy)["trail"]
    assert cut.to_do == f"type: portal audit verify --head {manifest.contents.audit}"


def test_a_worker_that_started_a_moment_ago_may_still_seal(
    healthy: Settings, live_engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    with Session(live_engine) as session:
        audit.record(session, system_actor("test"), "room:open", ("rooms", "1"), at=SEVEN - timedelta(hours=1))
        session.commit()

        def meanwhile(_seconds: float) -> None:
            sealing.seal(session, at=SEVEN)
            session.commit()

        monkeypatch.setattr(of_database.time, "sleep", meanwhile)
        assert ill(healthy) == {}


def test_a_portal_that_signs_in_as_the_owner_of_its_tables_may_do_too_much(healthy: Settings):
    one_role = replace(healthy, database_url=healthy.migration_database_url)
    found = ill(one_role)["roles"]
    assert found.state is State.WARNING
    for words in ("it owns tables", "it may make tables", "it may change the audit trail"):
        assert words in found.said
    assert ill(replace(one_role, environment="production"))["roles"].state is State.WRONG


def test_tables_behind_the_code_say_what_to_type(healthy: Settings):
    with as_owner(healthy) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0001'")
    found = ill(healthy)["tables"]
    assert (found.state, found.to_do) == (State.WRONG, "type: portal upgrade")


def test_a_database_that_is_away_is_wrong_and_the_rest_is_still_looked_at(healthy: Settings):
    away = replace(healthy, database_url="postgresql+psycopg://portal@127.0.0.1:9/portal")
    assert {"database", "mail", "storage"} <= {finding.about for finding in examined(away)}
    assert list(ill(away)) == ["database"]


def test_clocks_that_are_apart_are_told(healthy: Settings, monkeypatch: pytest.MonkeyPatch):
    def clock(apart: float) -> State:
        monkeypatch.setattr(of_database.time, "time", lambda: datetime.now(UTC).timestamp() + apart)
        said = f"this machine and the database are {apart:.1f} s apart"
        return next(finding.state for finding in examined(healthy) if finding.said == said)

    assert clock(4) is State.WARNING
    assert clock(90) is State.WRONG
    assert clock(0) is State.OK


def test_a_clock_that_nobody_keeps_right_is_told(healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "timedatectl"
    monkeypatch.setattr(of_machine.shutil, "which", lambda _: str(program))
    for answer, told in {"no": True, "yes": False}.items():
        program.write_text(f"#!/bin/sh\necho {answer}\n")
        program.chmod(0o755)
        said = [finding.to_do for finding in examined(healthy) if finding.about == "clock"]
        assert ("type: sudo timedatectl set-ntp true" in said) == told


def test_a_backup_that_is_old_is_told(healthy: Settings):
    production = replace(healthy, environment="production")
    for hours, in_development, in_production in (
        (0, None, None),
        (30, State.WARNING, State.WARNING),
        (24 * 9, State.WARNING, State.WRONG),
    ):
        found = [ill(settings, hours=hours).get("backup") for settings in (healthy, production)]
        assert [finding and finding.state for finding in found] == [in_development, in_production], hours


def test_a_backup_that_was_never_taken_or_is_gone_is_told(healthy: Settings):
    note_backup(healthy.portal_home, BackupNote(NAME, SEVEN.isoformat(), "/nowhere", "0:"))
    assert ill(healthy)["backup"].to_do == "bring its disk back"
    (healthy.portal_home / "backups.json").unlink()
    assert ill(healthy)["backup"].said == "there was none of this home"
    assert ill(replace(healthy, environment="production"))["backup"].state is State.WRONG


def test_a_check_that_is_old_found_something_or_never_was_is_told(healthy: Settings):
    assert ill(healthy, hours=24) == {}
    old = ill(healthy, hours=30)["check"]
    assert (old.state, old.said) == (State.WARNING, "everything was right 31 hours ago, and nobody has asked since")
    note_check(healthy.portal_home, CheckNote(SEVEN.isoformat(), ("no_job_was_given_up",)))
    broken = ill(healthy)["check"]
    assert (broken.state, broken.said) == (State.WRONG, "1 hour ago this was broken: no_job_was_given_up")
    (healthy.portal_home / "checks.json").unlink()
    assert ill(healthy)["check"].said == "nobody has asked yet whether everything is right"


def test_a_mail_server_is_asked_without_a_message(healthy: Settings):
    with mail_server() as (inbox, address):
        answering = replace(healthy, mail_server=address, mail_encryption="none", mail_sender="Us <p@example.org>")
        assert ill(answering) == {}
        assert inbox.messages == []
        with_password = replace(answering, mail_user="us", mail_password="wrong")
        assert "lets nobody in" in ill(with_password)["mail"].said
        assert ill(replace(answering, mail_encryption="starttls"))["mail"].state is State.WRONG
    assert ill(answering)["mail"].state is State.WRONG


def test_a_store_that_cannot_be_written_is_wrong(healthy: Settings, tmp_path: Path):
    (tmp_path / "a-file").write_text("where the folder should be")
    found = ill(replace(healthy, storage_url=f"folder:{tmp_path / 'a-file'}"))
    assert found["storage"].state is State.WRONG


@pytest.mark.parametrize("missing", ["films_can_be_opened", "pages_can_be_drawn"])
def test_a_portal_that_cannot_open_videos_or_documents_says_so(
    healthy: Settings, monkeypatch: pytest.MonkeyPatch, missing: str
):
    assert ill(healthy).get("media") is None
    monkeypatch.setattr(of_machine, missing, lambda: False)
    found = ill(healthy)["media"]
    assert found.state is State.WARNING
    assert "km-portal[media]" in found.to_do


def test_an_address_at_which_nobody_or_an_ill_portal_answers_is_wrong(healthy: Settings):
    assert ill(replace(healthy, portal_url="http://127.0.0.1:9"))["portal"].state is State.WRONG
    with web_server(status=503) as port:
        found = ill(replace(healthy, portal_url=f"http://127.0.0.1:{port}"))["portal"]
    assert found.said == f"http://127.0.0.1:{port} answers 503"


def test_a_certificate_is_looked_at_as_a_browser_does(
    healthy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "90",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with web_server(context=context) as port:
        over_tls = replace(healthy, portal_url=f"https://localhost:{port}", trusted_proxies=1)

        def found(days: int) -> dict[str, Finding]:
            at = datetime.now(UTC) + timedelta(days=days)
            return {finding.about: finding for finding in examine_portal(over_tls, runs=True, at=at)}

        assert found(0)["TLS"].said.startswith("browsers refuse the certificate of localhost"), "nobody vouches for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        for days, state in {0: State.OK, 80: State.WARNING, 89: State.WRONG}.items():
            assert (found(days)["TLS"].state, found(days)["portal"].state) == (state, State.OK)


def test_settings_that_are_complete_and_yet_not_right_are_told(healthy: Settings):
    for changes, words in NOT_RIGHT:
        settings = replace(healthy, **changes)
        said = [finding.said for finding in of_settings.findings(settings) if finding.state is not State.OK]
        assert any(words in sentence for sentence in said), (words, said)
    assert [finding.state for finding in of_settings.findings(healthy)] == [State.OK]


NOT_RIGHT: list[tuple[dict[str, Any], str]] = [
    ({"portal_url": "http://portal.example.org"}, "PORTAL_ENVIRONMENT is test, but people open the portal"),
    ({"portal_url": "https://localhost:9"}, "whoever comes through the proxy has the proxy's address"),
    ({"trusted_proxies": 40}, "visitors may invent their address"),
    ({"environment": "production", "portal_url": "http://localhost"}, "PORTAL_URL must start with https://"),
    ({"environment": "production"}, "LIMITS_FACTOR is 1000"),
    ({"mail_server": "127.0.0.1:9"}, "MAIL_SENDER is at localhost"),
]


def doctor(settings: Settings, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {
        "PATH": os.environ["PATH"],
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_URL": settings.portal_url,
        "PORTAL_HOME": str(settings.portal_home),
        "DATABASE_URL": settings.database_url,
    }
    command = [*PORTAL, "doctor", *arguments]
    return subprocess.run(command, cwd=ROOT, env=own | environ, capture_output=True, text=True, check=False)


def test_the_command_ends_with_one_only_when_something_is_wrong(healthy: Settings):
    done = doctor(healthy, "--json")
    assert done.returncode == 0, done.stdout
    found = {finding["about"]: finding for finding in json.loads(done.stdout)}
    assert found["database"]["state"] == "ok"
    assert found["trail"]["state"] == "ok"

    done = doctor(healthy, PORTAL_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "wrong    portal    http://127.0.0.1:9 does not answer" in done.stdout
    assert ". To do: " in done.stdout


def test_settings_that_cannot_be_read_are_findings_too(healthy: Settings):
    done = doctor(healthy, PORTAL_ENVIRONMENT="production")
    assert done.returncode == 1
    assert "wrong    settings  SECRET_KEY is missing or weak" in done.stdout
