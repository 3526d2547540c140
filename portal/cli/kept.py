"""The portal of a home or of this machine's settings, for commands that keep it: running or stopped, theirs or ours."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy.orm import Session

from portal.cli.home import Home
from portal.cli.terminal import RunError, in_one_line
from portal.db import bound, session_scope, transaction
from portal.domain.errors import DomainError
from portal.embedded import Cluster, ClusterAccess, EmbeddedError
from portal.keeping.errors import KeepingError
from portal.settings import Settings, SettingsError

DATABASE = "portal"  # its name in an embedded cluster
ADDRESS = "http://127.0.0.1:8000"  # where it would run
SECONDS_TO_ANSWER = 30  # a portal that starts now

HOME = click.option(
    "--home", envvar="PORTAL_HOME", default="var", show_default=True, type=click.Path(path_type=Path),
    help="Folder of everything that is kept (PORTAL_HOME).",
)  # fmt: skip


@dataclass(frozen=True)
class KeptPortal:
    """A portal whose database answers."""

    home: Home
    settings: Settings
    cluster: Cluster | None
    """The embedded database where it is ours for this time; None where the portal runs, or has one of its own."""
    embedded: bool
    runs: bool
    """Whether web server and worker should be there."""


@contextmanager
def kept_portal(folder: Path, *, programs: Path | None = None) -> Iterator[KeptPortal]:
    """The portal kept in a folder: its database is found where it runs, or started for the length of the block."""
    home = Home(folder)
    if has_database_of_its_own():
        environ = environment_of(home)
        yield KeptPortal(home, Settings.from_env(environ), None, embedded=False, runs=True)
    elif holder := home.holder():
        runs = holder[1].startswith("http")  # another command may hold it, too
        environ = with_database(home.environment(holder[1] if runs else ADDRESS), _running(home))
        yield KeptPortal(home, Settings.from_env(environ), None, embedded=True, runs=runs)
    else:
        folder = check_made(home)
        with opened(home, "a-command"), Cluster(folder, programs=programs) as cluster:
            environ = with_database(home.environment(ADDRESS), cluster.access)
            yield KeptPortal(home, Settings.from_env(environ), cluster, embedded=True, runs=False)


@contextmanager
def opened(home: Home, what: str) -> Iterator[Home]:
    """Hold the home for the length of the block, so that nobody runs the portal in it meanwhile."""
    home.open(what)
    try:
        yield home
    finally:
        home.close()


@contextmanager
def in_one_line_each() -> Iterator[None]:
    """End with one line for the person at the terminal, whatever keeps a command from its end."""
    try:
        yield
    except (RunError, EmbeddedError, SettingsError, KeepingError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(in_one_line(error)) from None


@contextmanager
def in_one_transaction(home: Path) -> Iterator[tuple[Session, Settings]]:
    """A transaction of this command; what the institute's rules refuse is one line and exit code 1."""
    with in_one_line_each(), kept_portal(home) as portal, bound(portal.settings.database_url):
        try:
            with session_scope(), transaction() as session:
                yield session, portal.settings
        except DomainError as error:
            raise click.ClickException(" ".join(dict.fromkeys([error.message, *error.fields.values()]))) from error


def has_database_of_its_own() -> bool:
    return "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ


def environment_of(home: Home) -> dict[str, str]:
    """Return this terminal's settings; a home of `make run` brings what it has, a server has all of its own."""
    if (home.folder / "secrets.json").exists():
        return home.environment(ADDRESS)
    return dict(os.environ) | {"PORTAL_HOME": str(home.folder)}


def check_made(home: Home) -> Path:
    """Return the folder of the embedded database, or say that there is none."""
    if not (home.database / "access.json").exists():
        raise RunError(f"There is no portal in {home.folder}. Set PORTAL_HOME to its home, or DATABASE_URL")
    return home.database


def _running(home: Home) -> ClusterAccess:
    """Return the access to a database that somebody else runs, once it answers."""
    end = time.monotonic() + SECONDS_TO_ANSWER
    while True:
        access = ClusterAccess.from_text((check_made(home) / "access.json").read_text())
        if access.is_answering():
            return access
        if time.monotonic() > end:
            raise RunError(f"The portal in {home.folder} is starting or stopping. Try again in a minute")
        time.sleep(0.2)


def with_database(environ: dict[str, str], access: ClusterAccess) -> dict[str, str]:
    return environ | {
        "DATABASE_URL": access.portal_url(DATABASE),
        "MIGRATION_DATABASE_URL": access.owner_url(DATABASE),
    }
