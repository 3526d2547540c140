"""A backup: the database as it was at one moment, and the bytes of every file it speaks of, while the portal runs.

The database first, then the files: bytes never change in place and are erased a day after their row let them go, so
that every row of the dump finds its bytes. A file that is missing or not what was handed in ends the backup.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from portal.adapters.storage import FolderStorage, Storage, StorageError, storage_from
from portal.keeping.contents import Contents, WantedFile, contents, snapshot, wanted_files
from portal.keeping.errors import KeepingError
from portal.keeping.folder import BackupFolder, Manifest, name_for, sha256_of, write, write_manifest
from portal.keeping.programs import Programs, programs_for, server_major
from portal.keeping.progress import Progress
from portal.settings import Settings, variable_name

COPIED_AT_ONCE = 4
NAMED = 5  # files that are wrong, before the rest is a number
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Taken:
    """A backup that came to its end."""

    manifest: Manifest
    copied: int
    """How many files were not in the folder before."""


def take_backup(
    settings: Settings, folder: BackupFolder, *, at: datetime, tell: Tell, cluster: int | None = None
) -> Taken:
    """Write a backup of the portal of these settings, and return what is in it. All or nothing has its name."""
    owner_url = settings.migration_database_url or settings.database_url
    programs, storage, name = programs_for(owner_url), storage_from(settings), name_for(at)
    _check_apart(settings, storage, folder)
    with folder.locked():
        if name in folder.names():
            raise KeepingError(f"There is a backup {name} already. Try again in a second")
        with folder.new(name) as place:
            tell("Dumping the database")
            held, wanted = _dump(owner_url, programs, place)
            missing = [file for file in wanted if not folder.has(file)]
            _check_room(folder, missing)
            _copy(storage, folder, missing, tell)
            write(place / "files.sha256", "".join(f"{file.sha256}  {file.key}\n" for file in wanted))
            write(place / "settings.json", json.dumps(settings_without_secrets(settings), indent=1) + "\n")
            manifest = Manifest(
                name=name,
                taken_at=at.astimezone(UTC).isoformat(timespec="seconds"),
                portal_version=version("km-portal"),
                server_major=server_major(owner_url),
                programs_major=programs.major,
                contents=held,
                files=len(wanted),
                bytes_of_files=sum(file.size for file in wanted),
                sums={part: sha256_of(place / part) for part in ("database.dump", "files.sha256", "settings.json")},
                secrets=trace_of_secrets(settings),
                cluster=cluster,
            )
            write_manifest(place, manifest)
    return Taken(manifest, copied=len(missing))


def settings_without_secrets(settings: Settings) -> dict[str, str]:
    """Return every setting as its text; of a secret only whether it is set."""
    return {
        variable_name(setting.name): _shown(getattr(settings, setting.name), secret=setting.metadata["secret"])
        for setting in fields(settings)
    }


def trace_of_secrets(settings: Settings) -> str:
    """Return what tells whether two portals sign with the same secrets, slowly enough that nobody guesses them."""
    signing = "\n".join((settings.signing_keys[0], settings.token_keys[0])).encode()
    return hashlib.scrypt(signing, salt=b"portal backup", n=2**14, r=8, p=1, dklen=16).hex()


def _check_apart(settings: Settings, storage: Storage, folder: BackupFolder) -> None:
    """Refuse a folder in which the portal itself keeps files: neither would tell its own from the other's."""
    place, kept = folder.folder.resolve(), [settings.portal_home.resolve() / "files"]
    if isinstance(storage, FolderStorage):
        kept.append(storage.folder.resolve())
    if place == settings.portal_home.resolve() or any(
        place.is_relative_to(files) or files.is_relative_to(folder.files.resolve()) for files in kept
    ):
        raise KeepingError(f"The portal keeps its own files in {folder.folder}. Choose another folder, on another disk")


def _dump(owner_url: str, programs: Programs, place: Path) -> tuple[Contents, list[WantedFile]]:
    """Dump one moment of the database, and return what was in it at that moment."""
    with snapshot(owner_url) as moment:
        row = moment.execute("SELECT pg_export_snapshot()").fetchone()
        target = place / "database.dump"
        programs.dump(owner_url, row[0] if row else "", target)
        target.chmod(0o600)
        return contents(moment), wanted_files(moment)


def _check_room(folder: BackupFolder, missing: list[WantedFile]) -> None:
    needed, free = sum(file.size for file in missing), shutil.disk_usage(folder.folder).free
    if needed > free:
        raise KeepingError(
            f"The disk of {folder.folder} is too small: {needed // 1_000_000:,} MB of files are to be copied, "
            f"{free // 1_000_000:,} MB are free. Choose a folder on another disk, or remove old backups (--keep)"
        )


def _copy(storage: Storage, folder: BackupFolder, missing: list[WantedFile], tell: Tell) -> None:
    progress = Progress("Copying files", len(missing), tell)
    wrong: list[str] = []
    with ThreadPoolExecutor(COPIED_AT_ONCE) as pool:
        copies = {pool.submit(_copy_one, storage, folder, file): file for file in missing}
        try:
            for copy in as_completed(copies):
                if problem := copy.result():
                    wrong.append(problem)
                progress.done(copies[copy].size)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a full disk, or Ctrl-C: the others need not begin
            raise
    if wrong:
        raise KeepingError(
            f"Not every file is whole, so there is no backup: {_list(sorted(wrong))}. "
            "Bring them back from an earlier backup (its folder files/ has them by the same key), and try again"
        )


def _copy_one(storage: Storage, folder: BackupFolder, file: WantedFile) -> str | None:
    """Copy one file, and return what is wrong with it, if anything."""
    try:
        folder.take_in(file, storage.open(file.key))
    except (StorageError, ValueError) as error:
        return f"{file.key}: {error}"
    return None


def _list(said: Iterable[str]) -> str:
    first, rest = list(said)[:NAMED], len(list(said)) - NAMED
    return "; ".join(first) + (f"; and {rest} more" if rest > 0 else "")


def _shown(value: Any, *, secret: bool) -> str:
    if secret:
        return "set" if value else "not set"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
