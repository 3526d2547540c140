"""What the home remembers of its last backup, in `backups.json`, and of its last check, in `checks.json`.

Files and not rows: a row would be in the backup that it speaks of, and a restored portal would speak of backups and
checks of another one. The first says where this machine keeps its backups.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class CheckNote:
    """The last look at every rule that came to its end."""

    at: str
    broken: tuple[str, ...] = ()
    """Names of the rules that did not hold."""


def note_of(folder: BackupFolder, manifest: Manifest, cluster: ControlState | None = None) -> BackupNote:
    """Return what is to be remembered of a backup."""
    return BackupNote(manifest.name, manifest.taken_at, str(folder.folder), str(manifest.contents.audit), cluster)


def note_backup(home: Path, note: BackupNote) -> None:
    """Remember the last backup; the file belongs to the owner of the home."""
    _note(home, "backups.json", asdict(note))


def note_check(home: Path, note: CheckNote) -> None:
    """Remember the last check; the file belongs to the owner of the home."""
    _note(home, "checks.json", asdict(note))


def last_backup(home: Path) -> BackupNote | None:
    """Return what is remembered of the last backup; None where there was none."""
    try:
        kept = json.loads((home / "backups.json").read_text())
        cluster = kept.pop("cluster", None)
        return BackupNote(**kept, cluster=ControlState(**cluster) if cluster else None)
    except (OSError, ValueError, TypeError):
        return None


def last_check(home: Path) -> CheckNote | None:
    """Return what is remembered of the last check; None where there was none."""
    try:
        kept = json.loads((home / "checks.json").read_text())
        return CheckNote(kept["at"], tuple(kept["broken"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _note(home: Path, name: str, note: dict[str, Any]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    unfinished = home / f"{name}.new"
    write(unfinished, json.dumps(note) + "\n")
    owner = home.stat()
    if os.geteuid() == 0:
        os.chown(unfinished, owner.st_uid, owner.st_gid)
    unfinished.rename(home / name)
