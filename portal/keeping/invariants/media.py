"""Small copies: each of one file that is there, and none missing of what the portal says it has read."""

from __future__ import annotations

from datetime import timedelta

from portal.keeping.invariants.look import Found, Look

SWEPT_BY_THEN = timedelta(hours=2)  # the sweep comes once an hour; twice that, so that one which is late is no breach


def every_copy_is_of_its_file(look: Look) -> Found:
    """Every copy that is kept was made of one file that is kept, and belongs to the same person.

    Design, Files: "a file has no URL of its own: it is served by a route of the thing it is attached to". A page of a
    document is a copy, too. That a copy is of one file is kept by `uq_file_copies_copy_id` and `uq_file_pages_copy_id`;
    the rest only by `write_down_copies`, `write_down_pages` and `let_go_copies`. A copy of a file that was let go has
    until the next sweep.
    """
    return look.rule(
        "files WHERE purpose = 'copy' AND state <> 'deleted'",
        """
        WITH made AS (SELECT file_id, copy_id FROM file_copies UNION ALL SELECT file_id, copy_id FROM file_pages)
        SELECT format('copy %s is of no file', f.id) FROM files f
        WHERE f.purpose = 'copy' AND f.state <> 'deleted'
            AND NOT EXISTS (SELECT FROM made c WHERE c.copy_id = f.id)
        UNION ALL
        SELECT format('copy %s of file %s is a file of %s', c.copy_id, c.file_id, f.purpose)
        FROM made c JOIN files f ON f.id = c.copy_id WHERE f.purpose <> 'copy'
        UNION ALL
        SELECT format('copy %s is not of the person whose file %s it was made of', c.copy_id, c.file_id)
        FROM made c JOIN files f ON f.id = c.copy_id JOIN files o ON o.id = c.file_id
        WHERE f.owner_id <> o.owner_id
        UNION ALL
        SELECT format('copy %s is there, its file %s is not', c.copy_id, c.file_id)
        FROM made c JOIN files f ON f.id = c.copy_id JOIN files o ON o.id = c.file_id
        WHERE f.state = 'attached' AND o.state = 'deleted' AND o.deleted_at < :swept
        """,
        swept=look.at - SWEPT_BY_THEN,
    )


def every_file_that_was_read_has_its_copies(look: Look) -> Found:
    """Every file that the portal has read has a copy that is there, and none that it has not read has one.

    Design, Jobs: "delivery is at least once: every job has a unique key and a done-mark". Done mark and copies are one
    transaction of `write_down_copies`.
    """
    return look.rule(
        "file_facts",
        """
        WITH made AS (SELECT file_id, copy_id FROM file_copies UNION ALL SELECT file_id, copy_id FROM file_pages)
        SELECT format('file %s was read and has no copy', r.file_id)
        FROM file_facts r JOIN files o ON o.id = r.file_id
        WHERE r.state = 'ready' AND o.state = 'attached' AND NOT EXISTS (
            SELECT FROM made c JOIN files f ON f.id = c.copy_id
            WHERE c.file_id = r.file_id AND f.state = 'attached')
        UNION ALL
        SELECT format('file %s has a copy and was not read', c.file_id) FROM made c
        WHERE NOT EXISTS (SELECT FROM file_facts r WHERE r.file_id = c.file_id AND r.state = 'ready')
        """,
    )
