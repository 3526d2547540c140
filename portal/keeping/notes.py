"""What the home remembers of its last backup, in `backups.json`.

A file and not a row: a row would be in the backup that it speaks of, and a restored portal would speak of backups
of another one. It says where this machine keeps its backups.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.embedded import ControlState
from portal.keeping.folder import BackupFolder, Manifest, write


@dataclass(frozen=True)
class BackupNote:
    """The last backup of a home that came to its end."""

    name: str
    taken_at: str
    folder: str
    audit_head: str
    cluster: ControlState | None = None
    """Where the embedded cluster stood when it was stopped right after; None while the portal ran on."""


def note_of(folder: BackupFolder, manifest: Manifest, cluster: ControlState | None = None) -> BackupNote:
    """Return what is to be remembered of a backup."""
    return BackupNote(manifest.name, manifest.taken_at, str(folder.folder), str(manifest.contents.audit), cluster)


def note_backup(home: Path, note: BackupNote) -> None:
    """Remember the last backup; the file belongs to the owner of the home."""
    home.mkdir(parents=True, exist_ok=True)
    unfinished = home / "backups.json.new"
    write(unfinished, json.dumps(asdict(note)) + "\n")
    owner = home.stat()
    if os.geteuid() == 0:
        os.chown(unfinished, owner.st_uid, owner.st_gid)
    unfinished.rename(home / "backups.json")


def last_backup(home: Path) -> BackupNote | None:
    """Return what is remembered of the last backup; None where there was none."""
    try:
        kept = json.loads((home / "backups.json").read_text())
        cluster = kept.pop("cluster", None)
        return BackupNote(**kept, cluster=ControlState(**cluster) if cluster else None)
    except (OSError, ValueError, TypeError):
        return None
