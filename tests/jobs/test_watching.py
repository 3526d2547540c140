"""How jobs go is noted by the worker, beside what the web notes of its routes."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from portal.domain.watch import tally
from portal.outbox import enqueue
from portal.settings import Settings
from tests.jobs.worker_process import wait_until, worker


def found(engine: Engine, statement: str) -> list[tuple]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_a_worker_notes_which_jobs_failed_and_how_long_all_took(live_settings: Settings, live_engine: Engine) -> None:
    with Session(live_engine) as session:
        enqueue(session, "materials.announce", key="broken", material_id="no id of a material, but Ama's name")
        session.commit()
    with worker(live_settings):
        wait_until(lambda: found(live_engine, "SELECT 1 FROM faults"), 20, "the fault is written down")
        lasted = "SELECT 1 FROM timings WHERE route = 'materials.announce'"
        wait_until(lambda: found(live_engine, lasted), 20, "so is how long it took")
    ((kind, route, error, source, reference),) = found(
        live_engine, "SELECT kind, route, error, source, reference FROM faults"
    )
    assert (kind, route, error) == ("job", "materials.announce", "ValueError")
    assert source.startswith("portal.jobs.materials:")
    assert reference.isdigit()
    assert ("JOB", "materials.announce", 1) in found(
        live_engine, "SELECT method, route, sum(number) FROM timings GROUP BY method, route"
    )


def test_a_slow_statement_of_a_job_carries_its_name(live_engine: Engine) -> None:
    with tally.at_work_on("mail.deliver"):
        tally.note_slow_statement("SELECT 1", 900)
    tally.note_slow_statement("SELECT 1", 700, route="/admin/")
    tally.write_down()
    noted = found(live_engine, "SELECT route, statement, slowest_ms FROM slow_statements ORDER BY slowest_ms")
    assert noted == [("/admin/", "SELECT ?", 700), ("mail.deliver", "SELECT ?", 900)]
