"""What goes on in the portal, as metrics: read from rows when Prometheus asks, beside what every process counts.

Names follow Prometheus: a unit at the end, `_total` for what only grows. What cannot be known, because the database
is away, is left out rather than told as nought.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from portal.adapters.disk import Fill
from portal.domain.reports.running import Running


@dataclass(frozen=True, eq=False)  # the library asks for its identity
class Snapshot(Collector):
    """All that is known at one moment."""

    fit: Mapping[str, bool]
    """Of each check of readiness, whether it found the portal fit to serve."""
    running: Running | None
    """None where the database cannot be asked."""
    disk: Fill | None
    last_backup_at: datetime | None

    def collect(self) -> Iterator[Metric]:
        """Return the families of metrics."""
        yield _gauge("portal_ready", "Whether the portal can serve", float(all(self.fit.values())))
        yield _gauges("portal_check_ok", "Whether a check of readiness passed", "check", self.fit)
        if self.disk:
            yield _gauge("portal_disk_used_ratio", "Used share of the disk that files arrive on", self.disk.share)
            yield _gauge("portal_disk_free_bytes", "Free bytes of the disk that files arrive on", self.disk.free_bytes)
        if self.last_backup_at:
            taken_at = self.last_backup_at.timestamp()
            yield _gauge("portal_last_backup_timestamp_seconds", "When the last whole backup was taken", taken_at)
        if self.running:
            yield from _of_people_and_work(self.running)
            yield from _of_the_machinery(self.running)


def exposition(snapshot: Snapshot) -> bytes:
    """Return a snapshot as Prometheus reads it."""
    registry = CollectorRegistry()
    registry.register(snapshot)
    return generate_latest(registry)


def last_backup_at(home: Path) -> datetime | None:
    """Return when the last backup was taken that the home knows of; None where there was none."""
    try:
        return datetime.fromisoformat(json.loads((home / "backups.json").read_text())["taken_at"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _of_people_and_work(running: Running) -> Iterable[Metric]:
    yield _gauges("portal_people", "People who may sign in", "role", running.people)
    yield _gauges("portal_enrolments", "Enrolments by state", "state", running.enrolments)
    yield CounterMetricFamily("portal_submissions_total", "Submissions handed in", value=running.submissions)
    yield _gauge("portal_submissions_today", "Submissions handed in today", running.submissions_today)
    yield _gauge("portal_marks_waiting", "Submissions that wait for a mark", running.marks_waiting)
    yield _gauge(
        "portal_marks_waiting_oldest_seconds", "How long the first of them waits", running.oldest_mark_waiting_seconds
    )
    yield _gauges("portal_live_classes_today", "Live classes that begin today", "state", running.classes_today)
    yield _gauges(
        "portal_sign_ins_refused_recently",
        "Refused sign-ins, waits and codes in the last five minutes",
        "kind",
        running.sign_ins_refused,
    )


def _of_the_machinery(running: Running) -> Iterable[Metric]:
    yield _gauges("portal_jobs", "Jobs by state", "state", running.jobs)
    yield _gauge(
        "portal_jobs_due_oldest_seconds", "How long the first job due waits", running.oldest_job_waiting_seconds
    )
    yield _gauges(
        "portal_mail_jobs", "Jobs of mail that failed and are retried, or were given up", "state", running.mail
    )
    if running.worker_silent_seconds is not None:
        yield _gauge("portal_worker_silent_seconds", "Since a job worker was seen", running.worker_silent_seconds)
    yield _gauge("portal_stored_files_bytes", "Bytes of all files that are kept", running.files_bytes)
    yield _gauge("portal_database_size_bytes", "Size of the database", running.database_bytes)
    yield _gauge("portal_slow_statements_today", "Statements over half a second today", running.slow_statements_today)
    yield _gauge("portal_audit_unsealed_seconds", "How long the first unsealed entry waits", running.unsealed_seconds)
    if running.last_seal_at:
        sealed_at = running.last_seal_at.timestamp()
        yield _gauge("portal_audit_last_seal_timestamp_seconds", "When the trail was last sealed", sealed_at)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for word, value in values.items():
        family.add_metric([word], float(value))
    return family
