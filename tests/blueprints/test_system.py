"""What was slow or failed is on the page of whoever runs the portal, from all its processes, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from selectolax.parser import HTMLParser
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from portal import db
from portal.domain.permissions import Duty
from portal.domain.watch import tally
from portal.settings import Settings
from portal.web import logs
from tests.cast import gather_cast
from tests.factories import make_session, make_user
from tests.web.probes import app_with

ROOT = Path(__file__).resolve().parents[2]
PAGE = "/admin/system"


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    def slow(probes) -> None:
        from portal.web.access import public

        @probes.get("/probe/slow/<name>")
        @public
        def slow(name: str) -> str:
            db.current_session().execute(text("SELECT pg_sleep(0.03), :name"), {"name": name})
            return "<!doctype html><html lang=en><title>Probe</title><p>At last</p></html>"

    return app_with(settings, slow)


def rows_of(browser, section: str, address: str = PAGE) -> list[str]:
    """Return the rows of one section of the page, as text."""
    answer = browser.get(address)
    assert answer.status_code == 200
    return [row.text(separator=" ") for row in HTMLParser(answer.text).css(f"#{section} tbody tr")]


def test_a_slow_route_shows_up_with_its_statement_and_without_what_was_asked_for(
    cast, sign_in, client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logs, "SLOW_STATEMENT_MS", 20)
    admin = sign_in(cast.efua)
    for _ in range(3):
        client.get("/probe/slow/ama-mensah")
    assert rows_of(admin, "statements") == []
    tally.write_down()
    (statement,) = (row for row in rows_of(admin, "statements") if "pg_sleep" in row)  # others may be slow by chance
    assert "/probe/slow/<name>" in statement
    assert "SELECT pg_sleep(...), ?" in statement
    (route,) = (row for row in rows_of(admin, "routes") if "/probe/slow/<name>" in row)
    assert route.split()[:3] == ["GET", "/probe/slow/<name>", "3"]
    assert "ama-mensah" not in admin.get(PAGE).text


def test_the_slowest_route_stands_first_and_the_order_can_be_chosen(cast, sign_in):
    for route, times, milliseconds in (("/quick", 9, 5), ("/slow", 1, 4_000)):
        for _ in range(times):
            tally.note_duration("GET", route, milliseconds)
    tally.write_down()
    admin = sign_in(cast.efua)
    assert "/slow" in rows_of(admin, "routes")[0]
    assert "4.0\N{NO-BREAK SPACE}s" in rows_of(admin, "routes")[0]
    assert "/quick" in rows_of(admin, "routes", f"{PAGE}?sort=number&period=day")[0]
    assert admin.get(f"{PAGE}?sort=nonsense&period=for-ever").status_code == 200


def test_an_hour_ago_is_in_the_day_and_not_in_the_hour(cast, sign_in, world: Session):
    tally.note_duration("GET", "/earlier", 5)
    tally.write_down()
    world.execute(text("UPDATE timings SET span = span - interval '3 hours'"))
    world.commit()
    admin = sign_in(cast.efua)
    assert not [row for row in rows_of(admin, "routes") if "/earlier" in row]
    assert [row for row in rows_of(admin, "routes", f"{PAGE}?period=day") if "/earlier" in row]


def test_an_error_is_found_by_the_number_that_its_page_showed(cast, sign_in, client):
    answer = client.get("/probe/fault")
    client.get("/probe/fault")
    tally.write_down()
    (error,) = rows_of(sign_in(cast.efua), "errors")
    assert "RuntimeError" in error
    assert "/probe/fault" in error
    assert " 2 " in f" {' '.join(error.split())} "
    assert answer.headers["X-Request-ID"] not in error  # the last one's stands there
    assert "private" not in error  # the words of an exception may hold what somebody typed


def test_a_database_that_was_away_is_among_the_errors_and_a_refusal_is_not(cast, sign_in, client):
    client.get("/probe/database-away")
    client.get("/probe/refusal/conflict")
    client.get("/nowhere")
    tally.write_down()
    (error,) = rows_of(sign_in(cast.efua), "errors")
    assert "OperationalError" in error


def test_only_an_admin_with_the_duty_system_sees_it(world: Session, cast, sign_in, client):
    director = make_user(world, "admin", duties=[Duty.DIRECTOR, Duty.REGISTRAR])
    world.commit()
    assert client.get(PAGE).status_code == 303
    for person in (cast.ama, cast.kofi, director):
        browser = sign_in(person)
        assert browser.get(PAGE).status_code == 403
        assert PAGE not in browser.get("/account").text
    assert f'href="{PAGE}"' in sign_in(cast.efua).get("/admin/").text


def test_what_is_wrong_is_said_first(cast, sign_in, world: Session):
    admin = sign_in(cast.efua)
    assert "No job worker has been seen" in admin.get(PAGE).text
    at = datetime.now(UTC)
    world.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (:at)"), {"at": at})
    world.commit()
    assert "Everything that is watched is as it should be" in admin.get(PAGE).text
    world.execute(
        text("INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at) VALUES ('default', 'x', :at)"),
        {"at": at - timedelta(minutes=20)},
    )
    world.commit()
    assert "A job has been due for 20\N{NO-BREAK SPACE}min" in admin.get(PAGE).text


def test_a_request_writes_nothing_down_before_the_time_has_come(client, count_queries, monkeypatch):
    client.get("/probe/page")
    with count_queries() as ordinary:
        client.get("/probe/page").close()
    monkeypatch.setattr(tally, "WRITE_EVERY_SECONDS", 0.0)
    with count_queries() as due:
        client.get("/probe/page").close()
    assert len(due) == len(ordinary) + 1
    assert "INSERT INTO timings" in due.statements[-1]


def test_what_could_not_be_written_is_written_later(client, world: Session, monkeypatch: pytest.MonkeyPatch):
    from sqlalchemy.exc import OperationalError

    client.get("/probe/page")

    def away(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(tally, "write", away)
        tally.write_down()
    client.get("/probe/page")
    tally.write_down()
    assert world.scalar(text("SELECT sum(number) FROM timings WHERE route = '/probe/page'")) == 2


def test_what_several_processes_note_is_added_up(live_settings: Settings, live_engine: Engine):
    note = (
        "from portal import db; from portal.domain.watch import tally;"
        "from portal.settings import Settings;"
        "db.bind(db.make_engine(Settings.from_env().database_url));"
        "[tally.note_duration('GET', '/shared', ms) for ms in (5, 5, 900)];"
        "tally.note_slow_statement('SELECT shared', 900, route='/shared');"
        "tally.write_down()"
    )
    environ = os.environ | {"PORTAL_ENVIRONMENT": "test", "DATABASE_URL": live_settings.database_url}
    processes = [subprocess.Popen([sys.executable, "-c", note], cwd=ROOT, env=environ) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with Session(live_engine, expire_on_commit=False) as session:
        token, _ = make_session(session, gather_cast(session).efua)
        session.commit()
    portal = app_with(live_settings)
    browser = portal.test_client()
    browser.set_cookie("portal", token)
    (route,) = (row for row in rows_of(browser, "routes") if "/shared" in row)
    assert route.split()[:3] == ["GET", "/shared", "9"]
    (statement,) = rows_of(browser, "statements")
    assert " 3 " in f" {' '.join(statement.split())} "
    db.close_session()
    portal.extensions["engine"].dispose()


def given_up_job(world: Session, *, periodic: bool = False) -> int:
    job = world.execute(
        text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, queueing_lock) "
            "VALUES ('default', 'mail.deliver', 'failed', 60, :lock) RETURNING id"
        ),
        {"lock": "mail.deliver" if periodic else None},
    ).scalar_one()
    world.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())"))
    world.commit()
    return int(job)


def test_a_job_that_was_given_up_is_there_until_an_admin_has_it_tried_again(cast, sign_in, world: Session):
    job = given_up_job(world)
    admin = sign_in(cast.efua)
    page = admin.get(PAGE)
    assert "1 job given up." in page.text
    (row,) = rows_of(admin, "given-up")
    assert "Mail of notifications" in row
    actions = [form.attributes["action"] for form in HTMLParser(page.text).css("#given-up form")]
    assert actions == [f"{PAGE}/jobs/{job}/retry", f"{PAGE}/jobs/{job}/dismissal"]
    done = admin.post(actions[0], follow_redirects=True)
    assert "tried again within seconds" in done.text
    assert rows_of(admin, "given-up") == []
    assert "1 job given up." not in done.text


def test_a_job_that_an_admin_lets_go_is_asked_about_first_and_then_gone(cast, sign_in, world: Session):
    job = given_up_job(world)
    admin = sign_in(cast.efua)
    form = HTMLParser(admin.get(PAGE).text).css_first('#given-up form[action$="/dismissal"]')
    assert form.attributes["data-confirm"] == f"Let job {job} go?"
    assert "let go" in admin.post(form.attributes["action"], follow_redirects=True).text
    assert rows_of(admin, "given-up") == []
    assert "Everything that is watched is as it should be" in admin.get(PAGE).text
    again = admin.post(form.attributes["action"], follow_redirects=True)
    assert "Somebody may have seen to it already" in again.text


def test_a_periodic_job_that_failed_is_no_trouble_and_offers_no_second_try(cast, sign_in, world: Session):
    given_up_job(world, periodic=True)
    page = sign_in(cast.efua).get(PAGE).text
    assert "Everything that is watched is as it should be" in page
    assert "Let it go" in page
    assert "Try again" not in page
