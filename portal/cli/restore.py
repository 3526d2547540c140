"""`portal restore`: a backup in an empty home, every row and every byte compared with what was backed up."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from portal.adapters.storage import storage_from
from portal.cli.database import alembic_config
from portal.cli.home import RESTORING, Home
from portal.cli.kept import (
    ADDRESS,
    DATABASE,
    HOME,
    environment_of,
    has_database_of_its_own,
    in_one_line_each,
    opened,
    with_database,
)
from portal.cli.tables import state_of_tables
from portal.cli.terminal import RunError, say
from portal.embedded import Cluster
from portal.keeping import restore as keeping
from portal.keeping.backup import settings_without_secrets, trace_of_secrets
from portal.keeping.contents import plain
from portal.keeping.folder import BackupFolder, Manifest
from portal.keeping.notes import note_backup, note_of
from portal.settings import Settings

OF_THIS_MACHINE = frozenset({"PORTAL_HOME", "DATABASE_URL", "MIGRATION_DATABASE_URL", "PORTAL_URL"})


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--at", "name", metavar="NAME", help="A backup of DIR, such as 2026-11-27T070000Z; else the newest.")
@HOME
def restore(folder: Path, name: str | None, home: Path) -> None:
    """Bring a backup of DIR into an empty home, or into the empty database and storage that the settings name."""
    began = time.monotonic()
    with in_one_line_each():
        backups = BackupFolder(folder)
        say("Reading the backup")
        manifest = backups.manifest(backups.chosen(name))
        with _empty_portal(Home(home)) as settings:
            fill(settings, backups, manifest)
            note_backup(settings.portal_home, note_of(backups, manifest))
            _tell_what_differs(settings, backups, manifest)
        say(f"Backup {manifest.name} is restored and compared, {time.monotonic() - began:.1f} s.")
        say(_what_to_type(home))


def fill(settings: Settings, backups: BackupFolder, manifest: Manifest) -> None:
    """Fill the empty database and storage of these settings; files of a restore that fails are removed again."""
    storage, owner_url = storage_from(settings), settings.migration_database_url or settings.database_url
    keeping.check_fits(manifest, owner_url)
    keeping.check_holds_no_files(storage)
    try:
        keeping.restore_files(backups, manifest, storage, say)
        fill_database(settings, backups, manifest)
        if ended := keeping.end_open_uploads(settings):
            say(f"{ended} uploads were under way and are ended: their owners choose those files again.")
    except BaseException:
        keeping.take_back_files(backups, manifest, storage)
        raise
    if manifest.secrets != trace_of_secrets(settings):
        keeping.end_everybodys_sessions(settings)
        say("The secrets are new: everybody signs in again.")


def fill_database(settings: Settings, backups: BackupFolder, manifest: Manifest) -> None:
    """Fill the empty database of these settings, bring it to this version, and verify its trail."""
    keeping.restore_database(backups, manifest, settings.migration_database_url or settings.database_url, say)
    say("Bringing the tables up to date")
    migrate(settings)
    found = keeping.verify_trail(settings, manifest)
    say(f"The trail is whole up to its head {found.sealed}:{found.head}")


def migrate(settings: Settings) -> None:
    """Run the migrations that are missing, and grant the portal's role its rights."""
    from alembic import command

    command.upgrade(alembic_config(settings), "head")


@contextmanager
def _empty_portal(home: Home) -> Iterator[Settings]:
    """Settings of a portal whose database is empty: the one of this terminal, or a new one in the home."""
    if has_database_of_its_own():
        yield Settings.from_env(environment_of(home))
        return
    _check_empty(home)
    with opened(home, "a-restore"):
        mark = home.folder / RESTORING
        mark.touch()
        cluster, made = Cluster(home.database), False
        try:
            say("Making the database")
            with cluster:
                made = True
                cluster.create_database(DATABASE)
                environ = with_database(home.environment(ADDRESS), cluster.access)
                settings = Settings.from_env(environ)
                yield settings
                home.tables = state_of_tables(plain(settings.migration_database_url))
        except BaseException:
            if made:  # else there may be an older one elsewhere, which a start sets aside
                shutil.rmtree(cluster.data, ignore_errors=True)
                shutil.rmtree(home.database, ignore_errors=True)
            raise
        finally:
            mark.unlink()


def _check_empty(home: Home) -> None:
    for folder in (home.database, home.folder / "files"):
        if any(path.is_file() for path in folder.rglob("*")):
            raise RunError(
                f"There is a portal in {home.folder} already ({folder.name}/). A restore needs an empty home. "
                f"Type: mv {home.folder} {home.folder}.before"
            )


def _tell_what_differs(settings: Settings, backups: BackupFolder, manifest: Manifest) -> None:
    """Name the settings that were others when the backup was taken; the operator sets them, not a backup."""
    here = settings_without_secrets(settings)
    with suppress(OSError, ValueError):
        then = json.loads(backups.part(manifest.name, "settings.json").read_text())
        for name, value in then.items():
            if name in here and name not in OF_THIS_MACHINE and value != here[name]:
                say(f"{name} was {value or 'not set'}, here it is {here[name] or 'not set'}")


def _what_to_type(home: Path) -> str:
    if has_database_of_its_own():
        return "Now start the web server and the job worker (portal serve, portal worker), then type: portal doctor"
    elsewhere = "" if home.absolute() == Path("var").absolute() else f" PORTAL_HOME={home.absolute()}"
    return f"Now type: make run{elsewhere}"
