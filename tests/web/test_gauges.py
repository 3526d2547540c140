"""What goes on in the portal, as Prometheus reads it: true when the database answers, and never a failed scrape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.models import SecurityEvent
from portal.domain.assignments.models import Submission
from portal.domain.audit import operations as audit
from portal.domain.audit import sealing
from portal.domain.permissions import system_actor
from portal.settings import Settings
from portal.web.extensions import engine_of
from tests.cast import gather_cast
from tests.factories import add, make_assignment, make_live_class, now
from tests.web.probes import app_with

TOKEN = "a-token-for-the-collector"
Figures = dict[str, float]


def figures(app: Flask) -> Figures:
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        sample.name + ",".join(f"{{{name}={value}}}" for name, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith("portal_")
    }


@pytest.fixture
def app(live_settings: Settings, live_engine: Engine) -> Iterator[Flask]:
    app = app_with(replace(live_settings, metrics_token=TOKEN))
    yield app
    db.close_session()
    engine_of(app).dispose()


def test_an_empty_portal_tells_noughts_and_not_nothing(app: Flask) -> None:
    found = figures(app)
    assert found["portal_ready"] == found["portal_check_ok{check=database}"] == 1
    for name in (
        "portal_people{role=student}",
        "portal_enrolments{state=suspended}",
        "portal_submissions_total",
        "portal_marks_waiting",
        "portal_marks_waiting_oldest_seconds",
        "portal_live_classes_today{state=live}",
        "portal_jobs{state=given_up}",
        "portal_mail_jobs{state=retrying}",
        "portal_audit_unsealed_seconds",
        "portal_sign_ins_refused_recently{kind=sign-in-failed}",
        "portal_stored_files_bytes",
    ):
        assert found[name] == 0, name
    assert found["portal_database_size_bytes"] > 1_000_000
    assert 0 < found["portal_disk_used_ratio"] < 1
    assert "portal_worker_silent_seconds" not in found
    assert "portal_last_backup_timestamp_seconds" not in found


def test_people_and_work_are_counted(app: Flask, live_engine: Engine) -> None:
    with Session(live_engine) as session:
        cast = gather_cast(session)
        cast.other_enrolment.state = "suspended"
        assignment = make_assignment(session, cast.intake, cast.kofi)
        for attempt, age in ((1, timedelta(days=9)), (2, timedelta(days=8))):
            handed_in_at = now() - age
            add(
                session,
                Submission(
                    assignment_id=assignment.id, enrolment_id=cast.enrolment.id, attempt=attempt, state="submitted",
                    number=f"S26-{attempt}", code="A", begun_at=handed_in_at, submitted_at=handed_in_at,
                ),
            )  # fmt: skip
        make_live_class(session, cast.intake, cast.kofi, starts_at=now())
        make_live_class(session, cast.intake, cast.kofi, starts_at=now() + timedelta(days=3))
        for minutes in (1, 2, 30):
            at = now() - timedelta(minutes=minutes)
            session.add(SecurityEvent(at=at, kind="sign-in-failed", address="192.0.2.1"))
        session.commit()
    found = figures(app)
    assert found["portal_people{role=student}"] == 2  # Kojo has been deactivated
    assert found["portal_people{role=trainer}"] == 2
    assert found["portal_enrolments{state=active}"] == found["portal_enrolments{state=suspended}"] == 1
    assert found["portal_submissions_total"] == 2
    assert found["portal_submissions_today"] == 0
    assert found["portal_marks_waiting"] == 1  # the second attempt replaced the first
    assert 8 * 86_400 <= found["portal_marks_waiting_oldest_seconds"] < 8 * 86_400 + 60
    assert found["portal_live_classes_today{state=scheduled}"] == 1
    assert found["portal_sign_ins_refused_recently{kind=sign-in-failed}"] == 2


def test_jobs_are_counted_by_what_they_wait_for(app: Flask, live_engine: Engine) -> None:
    jobs = (
        ("mail.deliver", "todo", 0, None),
        ("mail.deliver", "todo", 0, "now() - interval '10 minutes'"),
        ("mail.deliver", "todo", 0, "now() + interval '8 hours'"),
        ("mail.deliver", "todo", 3, "now() + interval '2 minutes'"),
        ("mail.deliver", "failed", 60, None),
        ("materials.announce", "failed", 60, None),
        ("materials.announce", "doing", 1, None),
    )
    with Session(live_engine) as session:
        for name, status, attempts, moment in jobs:
            session.execute(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, scheduled_at) "
                    f"VALUES ('default', '{name}', '{status}', {attempts}, {moment or 'NULL'})"
                )
            )
        session.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '7 min')"))
        session.commit()
    found = figures(app)
    states = {"waiting": 2, "later": 1, "retrying": 1, "running": 1, "given_up": 2}
    assert {state: found[f"portal_jobs{{state={state}}}"] for state in states} == states
    assert (found["portal_mail_jobs{state=retrying}"], found["portal_mail_jobs{state=given_up}"]) == (1, 1)
    assert 600 <= found["portal_jobs_due_oldest_seconds"] < 660
    assert 420 <= found["portal_worker_silent_seconds"] < 480


def test_an_entry_without_its_seal_is_told_and_so_is_the_last_seal(app: Flask, live_engine: Engine) -> None:
    with Session(live_engine) as session:
        audit.record(session, system_actor("test"), "room:open", ("rooms", "1"), at=now() - timedelta(minutes=3))
        session.commit()
    assert 180 <= figures(app)["portal_audit_unsealed_seconds"] < 240
    sealed_at = now()
    with Session(live_engine) as session:
        sealing.seal(session, at=sealed_at)
        session.commit()
    found = figures(app)
    assert found["portal_audit_unsealed_seconds"] == 0
    assert abs(found["portal_audit_last_seal_timestamp_seconds"] - sealed_at.timestamp()) < 1


def test_where_the_database_is_away_the_scrape_says_so_and_tells_the_rest(settings: Settings) -> None:
    nowhere = "postgresql+psycopg://portal@127.0.0.1:9/portal"
    away = app_with(replace(settings, metrics_token=TOKEN, database_url=nowhere))
    found = figures(away)
    assert found["portal_ready"] == found["portal_check_ok{check=database}"] == 0
    assert found["portal_check_ok{check=storage}"] == 1
    assert found["portal_disk_free_bytes"] > 0
    assert not [name for name in found if name.startswith(("portal_people", "portal_jobs", "portal_marks"))]
    answer = away.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert "http_requests_total" in answer.text


def test_a_database_of_an_older_version_fails_no_scrape(app: Flask, cluster, live_database: str) -> None:
    with psycopg.connect(cluster.owner_url(live_database), autocommit=True) as owner:
        owner.execute("ALTER TABLE timings RENAME TO timings_then")
        owner.execute("ALTER TABLE slow_statements RENAME TO slow_statements_then")
    assert "portal_people{role=student}" not in figures(app)
