"""`portal upgrade`: a backup, then the migrations; and PostgreSQL's next major version by dump and restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from portal.cli.backup import back_up
from portal.cli.home import Home
from portal.cli.kept import (
    ADDRESS,
    DATABASE,
    HOME,
    has_database_of_its_own,
    in_one_line_each,
    kept_portal,
    opened,
    with_database,
)
from portal.cli.restore import fill_database, migrate
from portal.cli.tables import state_of_tables
from portal.cli.terminal import RunError, say
from portal.embedded import Cluster, control_state
from portal.keeping.contents import migration_of, plain
from portal.keeping.errors import KeepingError
from portal.keeping.folder import BackupFolder, Manifest
from portal.keeping.notes import last_backup
from portal.settings import Settings


@click.command()
@click.option(
    "--backup", "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Where the backup goes; a folder `backups` in the home where absent.",
)  # fmt: skip
@HOME
def upgrade(folder: Path | None, home: Path) -> None:
    """Back up, then bring the database to this version of the portal, PostgreSQL's own version included."""
    with in_one_line_each():
        cluster = Cluster(Home(home).database)
        if not has_database_of_its_own() and cluster.exists and cluster.major != cluster.programs_major:
            change_major(Home(home), cluster, folder)
        else:
            _migrate_after_backup(home, BackupFolder(folder or home / "backups"))
    say("Now start the portal again: make run, or portal serve and portal worker.")


def change_major(home: Home, cluster: Cluster, folder: Path | None) -> None:
    """Fill a cluster of our PostgreSQL from the last backup and put it in the place of the old one, which is kept.

    Only from a backup after which nothing was written: the old programs are gone, so that none can be made now.
    """
    with opened(home, "an-upgrade"):
        backups, manifest = _backup_of_all(home, cluster, folder)
        say(f"PostgreSQL {cluster.major} becomes {cluster.programs_major}, from the backup {manifest.name}")
        replacement = cluster.beside()
        try:
            with replacement:
                replacement.create_database(DATABASE)
                settings = Settings.from_env(with_database(home.environment(ADDRESS), replacement.access))
                fill_database(settings, backups, manifest)
                home.tables = state_of_tables(plain(settings.migration_database_url))
        except BaseException:
            shutil.rmtree(replacement.data, ignore_errors=True)
            shutil.rmtree(replacement.folder, ignore_errors=True)
            raise
        kept = cluster.replace_with(replacement)
    say(f"The former cluster is kept. When all is well, type: rm -r {kept}")


def _backup_of_all(home: Home, cluster: Cluster, folder: Path | None) -> tuple[BackupFolder, Manifest]:
    """Return the last backup, if it was taken after the last write; one line that says how to make one otherwise."""
    last = last_backup(home.folder)
    if last is None or last.cluster != control_state(cluster.data):
        raise RunError(
            f"The database was written by PostgreSQL {cluster.major}, this version of the portal brings "
            f"{cluster.programs_major}, and there is no backup after the last write. Make one with the former version, "
            f"stopped: git checkout ORIG_HEAD && python3 tools/set_up.py && .venv/bin/portal backup DIR; then come "
            f"back: git checkout - && python3 tools/set_up.py && .venv/bin/portal upgrade"
        )
    backups = BackupFolder(folder or Path(last.folder))
    return backups, backups.manifest(backups.chosen(last.name))


def _migrate_after_backup(home: Path, backups: BackupFolder) -> None:
    taken = back_up(home, backups).manifest
    with kept_portal(home) as portal:
        owner_url = portal.settings.migration_database_url or portal.settings.database_url
        say("Bringing the tables up to date")
        try:
            migrate(portal.settings)
        except (SQLAlchemyError, psycopg.Error) as error:
            raise KeepingError(_way_back(home, backups, taken, _migration_at(owner_url), error)) from None
        if portal.embedded:
            portal.home.tables = state_of_tables(plain(owner_url))
        say(f"The tables are at migration {_migration_at(owner_url)}; they were at {taken.contents.migration}")


def _way_back(home: Path, backups: BackupFolder, taken: Manifest, now_at: str | None, error: Exception) -> str:
    """Return what happened to the tables, and how to go on with the former version."""
    why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    begun = f"The migration after {now_at} failed, and was undone: {why}."
    former = "git checkout ORIG_HEAD && make run"
    if now_at == taken.contents.migration:
        return f"{begun} No table has changed. To go on with the former version, type: {former}"
    bring_back = f"portal restore {backups.folder} --at {taken.name}"
    aside = "an empty database" if has_database_of_its_own() else f"an empty home: mv {home} {home}.failed"
    return (
        f"{begun} The tables were at {taken.contents.migration} before. To go back, bring the backup into {aside}, "
        f"then type: git checkout ORIG_HEAD && {bring_back}"
    )


def _migration_at(owner_url: str) -> str | None:
    with psycopg.connect(plain(owner_url)) as connection:
        return migration_of(connection)
