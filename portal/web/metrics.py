"""Figures of this portal for Prometheus: requests, their time, what is in progress, the database's connections.

Where `PROMETHEUS_MULTIPROC_DIR` is set, as behind gunicorn, the figures of all workers are added up.
"""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from portal import db

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time until an answer began",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_PROGRESS = Gauge("http_requests_in_progress", "Requests being answered", multiprocess_mode="livesum")
CONNECTIONS_IN_USE = Gauge(
    "db_connections_in_use", "Connections taken out of the pools when last looked at", multiprocess_mode="livesum"
)
POOL_LIMIT = Gauge("db_pool_size", "Connections the pools may hold together", multiprocess_mode="livesum")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def register(app: Flask) -> None:
    """Count every request of this app."""
    app.before_request(_begin)
    app.after_request(_count)
    app.teardown_request(_end)


def exposition() -> bytes:
    """Return all figures as Prometheus reads them."""
    look_at_connections()
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # says no type of what it takes
    return generate_latest(registry)


def look_at_connections() -> None:
    """Note how many connections this process holds; counting each as it comes and goes would make them wait in line."""
    CONNECTIONS_IN_USE.set(db.connections_in_use())
    POOL_LIMIT.set(db.POOL_SIZE)


def _begin() -> None:
    g.begun_at = time.perf_counter()
    IN_PROGRESS.inc()


def _count(response: Response) -> Response:
    method = request.method if request.method in METHODS else "other"
    route = request.url_rule.rule if request.url_rule else "none"  # never the address: anyone may invent many
    REQUESTS.labels(method, route, str(response.status_code)).inc()
    if "begun_at" in g:
        DURATION.labels(method, route).observe(time.perf_counter() - g.begun_at)
    return response


def _end(_error: BaseException | None) -> None:
    if g.pop("begun_at", None) is not None:
        IN_PROGRESS.dec()
