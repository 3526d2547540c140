"""How the portal runs: worker, jobs, disk, and what was slow or failed lately, of all its processes together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.adapters.disk import Fill, fill_of
from portal.blueprints.admin import blueprint
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.reports.running import Running, what_goes_on
from portal.domain.watch import queries
from portal.domain.watch.queries import RouteDurations
from portal.web.access import requires
from portal.web.formats import percent, plural, span_of_time
from portal.web.htmx import respond
from portal.web.uploads import the_storage

PERIODS = {"hour": ("Last hour", timedelta(hours=1)), "day": ("Last day", timedelta(days=1))}
SORTS: dict[str, tuple[str, Callable[[RouteDurations], float]]] = {
    "number": ("Answers", lambda row: row.number),
    "median": ("Median", lambda row: row.median_ms),
    "p95": ("95 % within", lambda row: row.p95_ms),
    "slowest": ("Slowest", lambda row: row.slowest_ms),
}
ROUTES_SHOWN = 20
LOOKED_BACK = timedelta(days=7)  # for slow statements and faults

SILENT_SECONDS = 60  # a worker gives a sign of life every five
LATE_SECONDS = 300  # a job that is due waits for seconds where workers keep up
UNSEALED_SECONDS = 60  # a seal follows within five


@dataclass(frozen=True)
class Trouble:
    """Something that somebody must do something about."""

    title: str
    todo: str


@blueprint.get("/system")
@requires(Permission.SEE_SYSTEM)
def system() -> ResponseReturnValue:
    """Show how the portal runs."""
    session, at = db.current_session(), now()
    period, sort = _chosen("period", PERIODS, "hour"), _chosen("sort", SORTS, "p95")
    running = what_goes_on(session, current_app.config["SETTINGS"].time_zone, at=at)
    disk = _disk()
    routes = queries.durations_by_route(session, since=at - PERIODS[period][1])
    return respond(
        "admin/system.html",
        running=running,
        disk=disk,
        troubles=_troubles(running, disk),
        late_seconds=LATE_SECONDS,
        silent_seconds=SILENT_SECONDS,
        periods=[(words, _address(name, sort), name == period) for name, (words, _) in PERIODS.items()],
        columns=_columns(period, sort),
        routes=_sorted(routes, sort)[:ROUTES_SHOWN],
        number_of_routes=len(routes),
        statements=queries.slow_statements(session, since=(at - LOOKED_BACK).date()),
        outages=queries.last_outages(session),
        faults=queries.last_faults(session, since=at - LOOKED_BACK),
    )


def _chosen(name: str, known: Mapping[str, object], otherwise: str) -> str:
    """Return what the address asks for, if it is one of what there is."""
    asked = request.args.get(name, "")
    return asked if asked in known else otherwise


def _disk() -> Fill | None:
    try:
        return fill_of(the_storage().receiving)
    except OSError:
        return None  # readiness says that the store is away


def _troubles(running: Running, disk: Fill | None) -> list[Trouble]:
    """Return what is wrong now, the gravest first."""
    found = []
    silent = running.worker_silent_seconds
    if silent is None or silent > SILENT_SECONDS:
        since = "No job worker has been seen" if silent is None else f"No job worker for {span_of_time(silent)}"
        found.append(Trouble(f"{since}: mail and reminders wait.", "Start one: portal worker, or make run."))
    elif running.oldest_job_waiting_seconds > LATE_SECONDS:
        waited = span_of_time(running.oldest_job_waiting_seconds)
        found.append(Trouble(f"A job has been due for {waited}.", "More workers do more at once: portal worker."))
    if disk and disk.filling_up:
        happens = "No video is taken." if disk.full else "At 95 % no video is taken any more."
        found.append(Trouble(f"The disk is {percent(disk.share * 100)} full.", f"{happens} Make room."))
    if running.unsealed_seconds > UNSEALED_SECONDS:
        waited = span_of_time(running.unsealed_seconds)
        found.append(Trouble(f"An entry of the trail waits for its seal for {waited}.", "The job worker seals it."))
    if waiting := [job for job in running.given_up if not job.periodic]:
        todo = "The worker's log has the reason. Mend it, then have them tried again, or let them go."
        found.append(Trouble(f"{plural(len(waiting), 'job')} given up.", todo))
    return found


def _columns(period: str, sort: str) -> list[Any]:
    heads = [
        {"label": label, "kind": "number", "sort": _address(period, name), "order": "desc" if name == sort else None}
        for name, (label, _) in SORTS.items()
    ]
    return ["Route", *heads]


def _sorted(routes: list[RouteDurations], sort: str) -> list[RouteDurations]:
    return sorted(routes, key=lambda row: (-SORTS[sort][1](row), row.route, row.method))


def _address(period: str, sort: str) -> str:
    return url_for("admin.system", period=period, sort=sort, _anchor="routes")
