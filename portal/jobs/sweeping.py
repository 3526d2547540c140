"""Removing what has served its time: unattached files, old sessions, tokens, counters and marks."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from portal import db
from portal.adapters.storage import Storage
from portal.domain.files import operations as files

BATCH = 5_000  # rows of one transaction, so that nobody waits behind a sweep

# What may go: the table, and when a row of it has served its time.
SWEPT = {
    "limit_counters": ("expires_at < :before", timedelta()),
    "cache_entries": ("expires_at < :before", timedelta()),
    "idempotent_requests": ("created_at < :before", timedelta(days=1)),
    "sign_in_throttles": (
        "(blocked_until IS NULL OR blocked_until < :before) AND NOT :before <= ANY(failed_at)",
        timedelta(days=1),
    ),
    "single_use_tokens": ("expires_at < :before", timedelta(days=30)),
    "refresh_tokens": ("expires_at < :before", timedelta(days=30)),
    "sessions": ("least(expires_at, ended_at) < :before", timedelta(days=90)),
    "devices": (
        "last_used_at < :before AND NOT EXISTS (SELECT FROM sessions WHERE sessions.device_id = devices.id)",
        timedelta(days=400),
    ),
    "job_marks": ("done_at < :before", timedelta(days=90)),
}


def sweep_rows(*, at: datetime) -> None:
    """Delete the rows that have served their time, table by table."""
    with db.session_scope():
        for table, (condition, age) in SWEPT.items():
            _sweep(table, condition, before=at - age)


def sweep_files(storage: Storage, *, at: datetime) -> None:
    """Erase files that were never attached to anything, those that were detached, and bytes that got no row."""
    with db.session_scope() as session:
        for key in db.perform(files.give_up_unattached, at=at):
            storage.delete(key)
        files.erase_ownerless(session, storage, at=at)


def _sweep(table: str, condition: str, *, before: datetime) -> None:
    statement = text(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - the words above, nothing from outside
        f"SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH} FOR UPDATE SKIP LOCKED))"
    )
    deleted = BATCH
    while deleted == BATCH:
        with db.transaction() as session:
            deleted = session.execute(statement, {"before": before}).rowcount  # type: ignore[attr-defined]
