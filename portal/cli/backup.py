"""`portal backup`: the database and every file, at one moment, while the portal runs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from portal.cli.kept import HOME, KeptPortal, in_one_line_each, kept_portal
from portal.cli.terminal import say
from portal.embedded import control_state
from portal.keeping.backup import Taken, take_backup
from portal.keeping.folder import BackupFolder
from portal.keeping.notes import note_backup, note_of


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), help="Keep so many of the newest backups, and remove older ones.")
@HOME
def backup(folder: Path, keep: int | None, home: Path) -> None:
    """Write a backup into DIR: all of the database, and the files that are not there yet. The portal may run."""
    with in_one_line_each():
        back_up(home, BackupFolder(folder))
        if keep:
            _keep(BackupFolder(folder), keep)


def back_up(home: Path, folder: BackupFolder, programs: Path | None = None) -> Taken:
    """Take a backup of the portal of a home, remember it there, and say what is in it."""
    began = time.monotonic()
    with kept_portal(home, programs=programs) as portal:
        taken = take_backup(portal.settings, folder, at=datetime.now(UTC), tell=say, cluster=_system(portal))
    # Where PostgreSQL was ours it has stopped by now: what it says of itself shows later that nothing ran since.
    stood = control_state(portal.cluster.data) if portal.cluster else None
    manifest = taken.manifest
    note_backup(portal.settings.portal_home, note_of(folder, manifest, stood))
    say(
        f"Backup {manifest.name} in {folder.folder}: "
        f"{sum(table.rows for table in manifest.contents.tables.values()):,} rows, "
        f"{manifest.files:,} files ({taken.copied:,} new), {time.monotonic() - began:.1f} s"
    )
    say(f"Head of the trail {manifest.contents.audit}")
    return taken


def _keep(folder: BackupFolder, number: int) -> None:
    with folder.locked():
        for name in folder.keep_newest(number):
            say(f"Removed {name}")


def _system(portal: KeptPortal) -> int | None:
    """Return the identity of the embedded cluster, where it is ours to ask."""
    return control_state(portal.cluster.data).system if portal.cluster else None
