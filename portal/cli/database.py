"""`portal db`: the tables, as the role that owns them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from portal.cli.checkout import ROOT
from portal.cli.settings import settings_or_exit

if TYPE_CHECKING:
    from alembic.config import Config

    from portal.settings import Settings


@click.group(name="db")
def database() -> None:
    """Bring the tables up to date, or check them."""


@database.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the tables up to date. Needs MIGRATION_DATABASE_URL where the portal's own role may not change them."""
    from alembic import command

    command.upgrade(alembic_config(settings_or_exit()), revision)


@database.command()
def check() -> None:
    """Say whether the tables are what the code expects; ends with 1 where they are not."""
    from alembic import command
    from alembic.util import CommandError

    try:
        command.check(alembic_config(settings_or_exit()))
    except CommandError as error:
        raise click.ClickException(str(error)) from None


def alembic_config(settings: Settings) -> Config:
    """Return what Alembic needs to work on the database of these settings."""
    from alembic.config import Config

    config = Config(ROOT / "migrations" / "alembic.ini", attributes={"settings": settings})
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("prepend_sys_path", str(ROOT))
    return config
