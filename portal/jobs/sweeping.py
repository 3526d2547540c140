"""Removing what has served its time: how long everything is kept, and the jobs that see to it.

`SWEPT` and `KEPT` name every table of the portal between them; docs/operations.md shows both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from portal import db
from portal.adapters.mailer import forget_kept_mail
from portal.adapters.storage import Storage
from portal.domain.files import copies, uploads
from portal.domain.files import operations as files
from portal.settings import Settings

BATCH = 5_000  # rows of one transaction, so that nobody waits behind a sweep
UNDER_WAY = timedelta(hours=1)
"""Bytes and rows of an upload that are younger may belong to a request that is at work."""
MAIL_KEPT = timedelta(days=90)
"""Of the messages in the folder of a portal without a mail server."""


@dataclass(frozen=True)
class Swept:
    """Rows that go by themselves."""

    what: str
    condition: str
    """True of a row that has served its time; `:before` is the moment `age` ago."""
    age: timedelta = timedelta()
    nightly: bool = False
    """Looked for once a night, because it reads the whole table; else every ten minutes."""


SWEPT = {
    "upload_leases": Swept(
        "Who is writing to an upload, some seconds after the last sign of life",
        "expires_at < :before",
        timedelta(days=1),
    ),
    "uploads": Swept(
        "Uploads that were handed in or ended; the files they became stay",
        "state IN ('taken', 'ended') AND closed_at < :before "
        "AND NOT EXISTS (SELECT FROM upload_leases WHERE upload_leases.upload_id = uploads.id)",
        timedelta(days=30),
    ),
    "pending_hand_ins": Swept(
        "Work that was to hand itself in, after it did or could not",
        "state <> 'waiting' AND closed_at < :before",
        timedelta(days=30),
    ),
    "limit_counters": Swept("Counts of requests, until their window ends", "expires_at < :before"),
    "cache_entries": Swept("Figures kept for a minute, and forms kept for two hours", "expires_at < :before"),
    "idempotent_requests": Swept("Answers to repeated calls of the API", "created_at < :before", timedelta(days=1)),
    "done_acts": Swept("What forms and calls have done, to know a repeat", "done_at < :before", timedelta(days=1)),
    "sign_in_throttles": Swept(
        "Wrong passwords that still count",
        "(blocked_until IS NULL OR blocked_until < :before) AND NOT :before <= ANY(failed_at)",
        timedelta(days=1),
    ),
    "timings": Swept("How long routes and jobs took", "span < :before", timedelta(days=2)),
    "slow_statements": Swept("Slow statements, without values", "last_at < :before", timedelta(days=30)),
    "outages": Swept("Times in which the portal was away", "until < :before", timedelta(days=730), nightly=True),
    "faults": Swept("Errors: their kind and place, without words", "at < :before", timedelta(days=30)),
    "single_use_tokens": Swept(
        "Secrets of invitations and resets, after they expired", "expires_at < :before", timedelta(days=30)
    ),
    "refresh_tokens": Swept("Sign-ins of the API, after they expired", "expires_at < :before", timedelta(days=30)),
    "sessions": Swept("Sessions, after their end", "least(expires_at, ended_at) < :before", timedelta(days=90)),
    "job_marks": Swept("Marks of jobs that are done", "done_at < :before", timedelta(days=90)),
    "security_events": Swept("Security events", "at < :before", timedelta(days=365)),
    "devices": Swept(
        "Browsers that a person has signed in with, since the last time",
        "last_used_at < :before AND NOT EXISTS (SELECT FROM sessions WHERE sessions.device_id = devices.id)",
        timedelta(days=400),
        nightly=True,
    ),
    "notifications": Swept("Notifications that were read", "read_at < :before", timedelta(days=730), nightly=True),
}

KEPT = {
    "audit_entries": "At least six years; nothing erases any, and a trigger refuses it even to the owner of the table",
    "audit_seals": "As the entries they chain",
    "audit_details": "Until they are erased on request; the entry and its seal stay",
    "users": "As long as anything refers to the person; people are deactivated, never deleted",
    "courses modules intakes intake_trainers rooms seats": "As long as an enrolment refers to them",
    "enrolments": "As long as the institute must be able to confirm one",
    "materials assignments live_classes": "With their intake",
    "attachments": "With their assignment; until work is handed in their trainer may remove them",
    "submissions submission_members submission_files submission_links grades": "What was handed in and its marks stand",
    "assignment_groups group_members": "With the assignment they were formed for",
    "extensions extended_dates": "With the work they were asked for",
    "grade_levels grade_questions": "As the marks they belong to",
    "quizzes quiz_questions quiz_options": "With their assignment",
    "quiz_attempts quiz_answers quiz_chosen_options": "As what was handed in",
    "rubrics rubric_versions rubric_criteria rubric_levels": "As long as work was, or may be, marked by them",
    "feedback_phrases": "Until their trainer removes them",
    "marking_drafts": "Until the work is marked",
    "review_notes review_replies": "As long as the work they are about",
    "note_drafts": "Until the note is put there",
    "upload_minutes": "As long as the upload",
    "pending_uploads pending_files": "As long as the hand-in that waits for them",
    "file_facts file_copies file_pages": "As long as the file they tell of",
    "files": "With what they are attached to; bytes that were never attached go after a day",
    "beats": "One row: the last sign of life of the web",
    "number_series": "For ever: no number is given twice",
}
"""Tables of which no row goes by itself, and for how long they are kept."""


def sweep_rows(*, at: datetime, nightly: bool = False) -> None:
    """Delete the rows that have served their time, table by table: the nightly ones, or all others."""
    with db.session_scope():
        for table, swept in SWEPT.items():
            if swept.nightly == nightly:
                _sweep(table, swept.condition, before=at - swept.age)


def sweep_mail(settings: Settings, *, at: datetime) -> None:
    """Erase old messages from the folder into which mail is written where no mail server is set."""
    forget_kept_mail(settings, before=at - MAIL_KEPT)


def sweep_files(storage: Storage, *, at: datetime) -> None:
    """Erase files that were never attached to anything, those that were detached, and bytes that got no row."""
    with db.session_scope() as session:
        db.perform(copies.let_go_copies, at=at)
        for key in db.perform(files.give_up_unattached, at=at):
            storage.delete(key)
        files.erase_ownerless(session, storage, at=at)


def sweep_uploads(storage: Storage, *, at: datetime) -> None:
    """End uploads that nobody went on with and those whose bytes are gone; erase bytes that belong to none."""
    with db.session_scope() as session:
        while ended := db.perform(uploads.end_expired, at=at):
            for upload in ended:
                storage.parts.remove(upload.id)
                if upload.storage_key is not None:
                    storage.delete(upload.storage_key)
        for name, offset, last_received_at in uploads.receiving(session):
            if last_received_at < at - UNDER_WAY and (storage.parts.size(name) or 0) < offset:
                db.perform(uploads.end_lost, name, offset, at=at)
        parts = list(storage.parts.every_name())
        under_way = {name for name, _, _ in uploads.receiving(session)}
        for name, changed_at in parts:
            if name not in under_way and changed_at < at - UNDER_WAY:
                storage.parts.remove(name)


def _sweep(table: str, condition: str, *, before: datetime) -> None:
    statement = text(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - the words above, nothing from outside
        f"SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH} FOR UPDATE SKIP LOCKED))"
    )
    deleted = BATCH
    while deleted == BATCH:
        with db.transaction() as session:
            deleted = session.connection().execute(statement, {"before": before}).rowcount
