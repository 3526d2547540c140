"""Files that arrive in pieces: what was acknowledged is there, and nothing is there that belongs to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from portal.jobs.sweeping import UNDER_WAY
from portal.keeping.invariants.files import problem_with_bytes
from portal.keeping.invariants.look import Found, Look

SWEPT_BY_THEN = UNDER_WAY + timedelta(hours=1)  # the sweep comes every ten minutes; one that is late is no breach


def every_receiving_upload_has_its_bytes(look: Look) -> Found:
    """Every upload under way has at least as many bytes on the disk as were acknowledged.

    Product, Submission: "acknowledged only when its bytes are durably stored". Only the order of writing keeps it:
    bytes synced, then the offset, then the answer.
    """
    rows = look.rows("SELECT id, \"offset\" FROM uploads WHERE state = 'receiving' ORDER BY id")
    wrong = []
    for row in rows:
        size = look.storage.parts.size(row.id) or 0
        if size < row.offset and _still(look, row.id, "receiving"):
            wrong.append(f"upload {row.id} has {size} bytes where {row.offset} were acknowledged")
    return Found.of(len(rows), wrong)


def every_whole_upload_has_its_bytes(look: Look) -> Found:
    """Every upload that waits to be used has its bytes in the store, with the hash that its row says.

    Product, Submission: "acknowledged only when its bytes are durably stored". A quick look compares sizes alone.
    """
    rows = look.rows("SELECT id, length AS size, sha256, storage_key FROM uploads WHERE state = 'whole' ORDER BY id")
    wrong = []
    for row in rows:
        problem = problem_with_bytes(look, row)
        if problem and _still(look, row.id, "whole"):
            wrong.append(f"upload {row.id} ({row.storage_key}): {problem}")
    return Found.of(len(rows), wrong, "sizes alone" if look.quick else "")


def every_taken_upload_is_its_file(look: Look) -> Found:
    """Every upload that was used is one file, of the same person, with the same bytes.

    Product, Submission: the receipt names "size and SHA-256 of every file". That it is one file at most is kept by
    `uq_uploads_file_id`; that the two agree only by `submit_assignment`.
    """
    return look.rule(
        "uploads WHERE state = 'taken'",
        """
        SELECT format('upload %s is not its file %s', u.id, f.id) FROM uploads u JOIN files f ON f.id = u.file_id
        WHERE u.state = 'taken' AND (u.owner_id, u.purpose, u.length, u.sha256, u.storage_key)
            IS DISTINCT FROM (f.owner_id, f.purpose, f.size, f.sha256, f.storage_key)
        """,
    )


def every_upload_is_used_for_whom_it_was_sent(look: Look) -> Found:
    """Every upload that was handed in is in the work of whoever sent it, or of whom staff sent it for.

    Product, Submission: "of an assignment by an enrolment, with members it counts for". Kept by `submit_assignment`,
    and by `keep_acknowledged`: for whom an upload is stays.
    """
    return look.rule(
        "uploads WHERE state = 'taken'",
        """
        SELECT format('upload %s is in the work of somebody else, %s', u.id, f.submission_id)
        FROM uploads u JOIN submission_files f ON f.file_id = u.file_id
        WHERE u.state = 'taken' AND NOT EXISTS (
            SELECT FROM submission_members m JOIN enrolments e ON e.id = m.enrolment_id
            WHERE m.submission_id = f.submission_id
                AND CASE WHEN u.for_id IS NULL THEN e.user_id = u.owner_id ELSE e.id = u.for_id END)
        """,
    )


def no_part_without_its_upload(look: Look) -> Found:
    """Nothing is left on the disk of an upload that is not under way any more.

    Design, Files: "a sweeper removes what was never attached". Done by the job `uploads.sweep`.
    """
    parts = list(look.storage.parts.every_name())
    under_way = _receiving(look, [name for name, _ in parts])
    wrong = [
        f"part {name} belongs to no upload under way"
        for name, changed_at in parts
        if name not in under_way and changed_at < look.at - SWEPT_BY_THEN
    ]
    return Found.of(len(parts), wrong)


def no_upload_waits_for_ever(look: Look) -> Found:
    """No upload is kept for longer than its owner was told.

    Design, Files: "a sweeper removes what was never attached". Done by the job `uploads.sweep`.
    """
    return look.rule(
        "uploads WHERE state IN ('receiving', 'whole')",
        "SELECT format('upload %s was to end at %s', id, expires_at) FROM uploads "
        "WHERE state IN ('receiving', 'whole') AND expires_at < :before",
        before=look.at - SWEPT_BY_THEN,
    )


def _receiving(look: Look, names: Sequence[str]) -> set[str]:
    rows = look.rows("SELECT id FROM uploads WHERE state = 'receiving' AND id = ANY(:names)", names=list(names))
    return {row.id for row in rows}


def _still(look: Look, name: str, state: str) -> bool:
    """Return whether an upload is still what it was: it may have gone on while we looked."""
    return bool(look.rows("SELECT FROM uploads WHERE id = :name AND state = :state", name=name, state=state))
