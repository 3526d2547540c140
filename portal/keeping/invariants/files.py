"""Files: rows that have their bytes, and bytes that have their row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from portal.adapters.storage import StorageError
from portal.domain.files.operations import ERASE_AGAIN_HOURS, UNATTACHED_HOURS
from portal.keeping.invariants.look import Found, Look

BATCH = 500
SWEEP_HOURS = 2  # the sweep comes once an hour; twice that, so that one which is late is no breach
UNATTACHED = timedelta(hours=UNATTACHED_HOURS + SWEEP_HOURS)
ERASED = timedelta(hours=ERASE_AGAIN_HOURS + SWEEP_HOURS)
NOBODY = UUID(int=0)


def every_receipt_has_its_files(look: Look) -> Found:
    """Every file that a receipt, a material or a brief names is attached, and to that alone.

    Product, Submission: the receipt names "size and SHA-256 of every file". Only `files.attach` keeps the state; that
    a file is of one thing is kept by unique keys within each kind of thing.
    """
    return look.rule(
        "(SELECT file_id FROM submission_files UNION ALL SELECT file_id FROM materials WHERE file_id IS NOT NULL "
        "UNION ALL SELECT file_id FROM attachments) AS f",
        """
        SELECT format('file %s of submission %s is %s', f.id, l.submission_id, f.state)
        FROM submission_files l JOIN files f ON f.id = l.file_id WHERE f.state <> 'attached'
        UNION ALL
        SELECT format('file %s of material %s is %s', f.id, m.id, f.state)
        FROM materials m JOIN files f ON f.id = m.file_id WHERE f.state <> 'attached'
        UNION ALL
        SELECT format('file %s of attachment %s is %s', f.id, a.id, f.state)
        FROM attachments a JOIN files f ON f.id = a.file_id WHERE f.state <> 'attached'
        UNION ALL
        SELECT format('file %s is of submission %s and of material %s', l.file_id, l.submission_id, m.id)
        FROM submission_files l JOIN materials m ON m.file_id = l.file_id
        UNION ALL
        SELECT format('file %s is of attachment %s and of something else', a.file_id, a.id)
        FROM attachments a WHERE EXISTS (SELECT FROM submission_files l WHERE l.file_id = a.file_id)
            OR EXISTS (SELECT FROM materials m WHERE m.file_id = a.file_id)
        """,
    )


def every_attached_file_belongs_to_something(look: Look) -> Found:
    """Every attached file belongs to a submission, a material or a brief, is a copy of one that does, or says a note.

    Design, Files: "a file has no URL of its own: it is served by a route of the thing it is attached to".
    """
    return look.rule(
        "files WHERE state = 'attached'",
        """
        SELECT format('file %s is attached to nothing', f.id) FROM files f
        WHERE f.state = 'attached' AND NOT EXISTS (SELECT FROM submission_files l WHERE l.file_id = f.id)
            AND NOT EXISTS (SELECT FROM materials m WHERE m.file_id = f.id)
            AND NOT EXISTS (SELECT FROM attachments a WHERE a.file_id = f.id)
            AND NOT EXISTS (SELECT FROM file_copies c WHERE c.copy_id = f.id)
            AND NOT EXISTS (SELECT FROM file_pages p WHERE p.copy_id = f.id)
            AND NOT EXISTS (SELECT FROM review_notes n WHERE n.voice_id = f.id)
        """,
    )


def every_attached_file_has_its_bytes(look: Look) -> Found:
    """Every attached file has its bytes in the store, of the size and with the hash that its row says.

    Product, Submission: "acknowledged only when its bytes are durably stored". A quick look compares sizes alone.
    """
    looked_at, wrong = 0, []
    for file in _attached(look):
        looked_at += 1
        problem = problem_with_bytes(look, file)
        if problem and _still_attached(look, file.id):
            wrong.append(f"file {file.id} ({file.storage_key}): {problem}")
    return Found.of(looked_at, wrong, "sizes alone" if look.quick else "")


def _attached(look: Look) -> Iterator[Row[*tuple[Any, ...]]]:
    """Return attached files, a batch at a time; no connection is held while their bytes are read."""
    after = NOBODY
    while True:
        batch = look.rows(
            "SELECT id, size, sha256, storage_key FROM files WHERE state = 'attached' AND id > :after "
            "ORDER BY id LIMIT :batch",
            after=after,
            batch=BATCH,
        )
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].id


def problem_with_bytes(look: Look, file: Row[*tuple[Any, ...]]) -> str:
    """Return what is wrong with the bytes of a row that says their key, size and SHA-256, or an empty text."""
    try:
        size = look.storage.size(file.storage_key)
        if size is None:
            return "its bytes are missing"
        if size != file.size:
            return f"{size} bytes where its row says {file.size}"
        return "" if look.quick else _problem_with_hash(look, file)
    except (OSError, StorageError, ValueError) as error:
        return f"its bytes cannot be read: {error}"


def _problem_with_hash(look: Look, file: Row[*tuple[Any, ...]]) -> str:
    digest = hashlib.sha256()
    for chunk in look.storage.open(file.storage_key):
        digest.update(chunk)
    return "" if digest.hexdigest() == file.sha256 else "its bytes have another SHA-256 than its row says"


def _still_attached(look: Look, file_id: UUID) -> bool:
    """Return whether a file is still wanted: it may have been let go while we looked."""
    return bool(look.rows("SELECT FROM files WHERE id = :id AND state = 'attached'", id=file_id))


def no_bytes_without_a_row(look: Look) -> Found:
    """Nothing is kept in the store, or still arriving, that belongs to no row and that the sweep should have erased.

    Design, Files: "a sweeper removes what was never attached". Younger bytes belong to a hand-in that is under way.
    """
    looked_at, wrong = 0, []
    keys = look.storage.every_key()
    while batch := list(islice(keys, BATCH)):
        looked_at += len(batch)
        wrong += _orphans(look, batch)
    wrong += [
        f"{file.name} began to arrive long ago and never ended"
        for file in look.storage.receiving.iterdir()
        if _changed_before(file, look.at - UNATTACHED)
    ]
    return Found.of(looked_at, wrong)


def _changed_before(file: Path, moment: datetime) -> bool:
    """Return whether a file lies untouched since then; one that has arrived while we looked is not there any more."""
    try:
        return file.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


def _orphans(look: Look, batch: Sequence[tuple[str, datetime]]) -> list[str]:
    rows = look.rows(
        "SELECT storage_key, state = 'deleted' AND deleted_at < :before AS erased FROM files "
        "WHERE storage_key = ANY(:keys) "
        "UNION ALL SELECT storage_key, false FROM uploads WHERE storage_key = ANY(:keys) AND state = 'whole'",
        keys=[key for key, _ in batch],
        before=look.at - ERASED,
    )
    erased = {row.storage_key: row.erased for row in rows}
    found = []
    for key, kept_at in batch:
        if key not in erased and kept_at < look.at - UNATTACHED:
            found.append(f"{key} has no row")
        elif erased.get(key):
            found.append(f"{key} was deleted and is still there")
    return found


def no_file_waits_for_ever(look: Look) -> Found:
    """No file waits to be attached for longer than a day, or than a pending hand-in wants it.

    Design, Files: "a sweeper removes what was never attached". Done by the job `files.sweep`.
    """
    return look.rule(
        "files WHERE state IN ('receiving', 'stored')",
        "SELECT format('file %s waits since %s', id, stored_at) FROM files "
        "WHERE state IN ('receiving', 'stored') AND greatest(stored_at, wanted_until) < :before",
        before=look.at - UNATTACHED,
    )
