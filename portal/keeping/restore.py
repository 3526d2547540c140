"""A restore: the bytes of every file and every row of a backup, each compared with what the backup says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import psycopg

from portal import db
from portal.adapters.storage import Storage
from portal.domain.accounts import sessions
from portal.domain.audit import sealing
from portal.domain.clock import now
from portal.domain.files import uploads
from portal.jobs import hand_ins
from portal.keeping.backup import COPIED_AT_ONCE, Tell
from portal.keeping.contents import contents, differences, is_empty, plain, snapshot
from portal.keeping.errors import KeepingError
from portal.keeping.folder import CHUNK, BackupFolder, Manifest
from portal.keeping.programs import programs_for, server_major
from portal.keeping.progress import Progress
from portal.keeping.vital_signs import migrations_known
from portal.settings import Settings


def check_fits(manifest: Manifest, owner_url: str) -> None:
    """Refuse a backup of a newer portal or a newer PostgreSQL, and a database that holds something."""
    if manifest.contents.migration not in migrations_known():
        raise KeepingError(
            f"The backup was made by a newer version of the portal ({manifest.portal_version}, its tables are at "
            f"{manifest.contents.migration}). Update first: git pull"
        )
    server = server_major(owner_url)
    if manifest.server_major > server:
        raise KeepingError(
            f"The backup is of PostgreSQL {manifest.server_major}, this server is {server}. "
            f"Restore it on PostgreSQL {manifest.server_major} or newer"
        )
    with snapshot(owner_url) as moment:
        if not is_empty(moment):
            raise KeepingError("The database has tables already. A restore needs an empty one: CREATE DATABASE …")


def check_holds_no_files(storage: Storage) -> None:
    """Refuse a store that holds files, which a restore would mix with others."""
    if next(iter(storage.every_key()), None) is not None:
        raise KeepingError(
            "There are files already where STORAGE_URL or the home keeps them. A restore needs an empty place"
        )


def restore_files(folder: BackupFolder, manifest: Manifest, storage: Storage, tell: Tell) -> None:
    """Bring every file back, and compare its bytes with what was handed in."""
    wanted = list(folder.wanted(manifest.name))
    progress = Progress("Copying files", len(wanted), tell)
    with ThreadPoolExecutor(COPIED_AT_ONCE) as pool:
        copies = [pool.submit(_restore_one, folder, storage, key, sha256) for key, sha256 in wanted]
        try:
            for copy in as_completed(copies):
                progress.done(copy.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def take_back_files(folder: BackupFolder, manifest: Manifest, storage: Storage) -> None:
    """Remove what a restore that failed has brought."""
    for key, _ in folder.wanted(manifest.name):
        storage.delete(key)


def restore_database(folder: BackupFolder, manifest: Manifest, owner_url: str, tell: Tell) -> None:
    """Fill an empty database from a backup, wholly or not at all, and compare every row of every table."""
    tell("Loading the database")
    programs = programs_for(owner_url, at_least=manifest.programs_major)
    programs.load(folder.part(manifest.name, "database.dump"), owner_url)
    with psycopg.connect(plain(owner_url), autocommit=True) as connection:
        connection.execute("ANALYZE")
    tell("Comparing every row")
    with snapshot(owner_url) as moment:
        found = contents(moment)
    if said := differences(manifest.contents, found):
        raise KeepingError(f"What was restored is not what was backed up: {'; '.join(said)}")


def verify_trail(settings: Settings, manifest: Manifest) -> sealing.Verification:
    """Walk along the restored trail up to the head that the backup noted; one line where it is not whole."""
    with db.bound(settings.database_url), db.session_scope():
        head = manifest.contents.audit
        known = (head.position, head.seal) if head.position else None
        found = sealing.verify(db.current_session(), at=now(), known_head=known)
    if found.problems:
        raise KeepingError(f"The audit trail is not whole: {'; '.join(found.problems[:3])}")
    return found


def end_everybodys_sessions(settings: Settings) -> None:
    """Have everybody sign in again: who was shut out after the backup must not come back in by it."""
    with db.bound(settings.database_url), db.session_scope():
        db.perform(sessions.end_everybodys, because="restored from a backup", at=now())


def end_open_uploads(settings: Settings) -> int:
    """End the uploads that were under way or waited to be used: a backup has rows of them and no bytes.

    What was to be handed in with them is closed, and its students are told.
    """
    with db.bound(settings.database_url), db.session_scope():
        ended = db.perform(uploads.end_all_open, at=now())
        hand_ins.hand_in_what_waits(at=now())
        return ended


def _restore_one(folder: BackupFolder, storage: Storage, key: str, sha256: str) -> int:
    """Copy one file and return its size; what is not what was handed in is not kept."""
    path = folder.files / key
    summed = hashlib.sha256()
    try:
        storage.put(_chunks(path, summed), key)
    except FileNotFoundError:
        raise KeepingError(f"The file {key} is not in the backup") from None
    if summed.hexdigest() != sha256:
        storage.delete(key)
        raise KeepingError(f"The file {key} in the backup is not what was handed in: its bytes have changed")
    return path.stat().st_size


def _chunks(path: Path, summed: hashlib._Hash) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            summed.update(chunk)
            yield chunk
