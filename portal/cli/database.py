"""`portal db`: the tables, as the role that owns them, by Flask-Migrate.

The portal itself never loads what migrations need: it may not change tables, and starts sooner without.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from portal.cli.checkout import ROOT
from portal.cli.settings import settings_or_exit

if TYPE_CHECKING:
    from alembic.config import Config
    from flask import Flask

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


def migrations_app(settings: Settings | None = None) -> Flask:
    """Return an application that knows the tables and nothing else.

    For `flask --app portal.cli.database:migrations_app db ...`, to write migrations with.
    """
    from flask import Flask
    from flask_migrate import Migrate
    from flask_sqlalchemy import SQLAlchemy

    from portal.models import metadata

    settings = settings or settings_or_exit()
    sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    app = Flask("portal", root_path=str(ROOT))
    app.config.update(
        SETTINGS=settings, SQLALCHEMY_DATABASE_URI=settings.migration_database_url or settings.database_url
    )
    Migrate(app, SQLAlchemy(app, metadata=metadata), directory=str(ROOT / "migrations"))
    return app


def alembic_config(settings: Settings) -> Config:
    """Return what Alembic needs to work on the database of these settings."""
    app = migrations_app(settings)
    with app.app_context():
        config: Config = app.extensions["migrate"].migrate.get_config()
    config.attributes["settings"] = settings
    return config
