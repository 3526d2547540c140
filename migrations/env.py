"""Runs migrations as the role that owns the tables, then grants the portal's role what it needs and no more."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import Connection, make_url

from migrations.grants import grant_portal_role
from portal.models import metadata
from portal.settings import Settings

LOCK_TIMEOUT = "5s"  # a migration that cannot have its lock gives up rather than queue everyone behind it
STATEMENT_TIMEOUT = "10min"

# Tables and objects that other hands keep: the job queue's schema, and what a model cannot say.
FOREIGN_PREFIX = "procrastinate_"


def include_object(_item: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Leave the job queue's tables out of the comparison."""
    return not (kind == "table" and (name or "").startswith(FOREIGN_PREFIX))


def migrate(connection: Connection, portal_role: str) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=include_object,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    grant_portal_role(connection, portal_role)
    connection.commit()


def run() -> None:
    settings: Settings = context.config.attributes.get("settings") or current_app.config["SETTINGS"]
    address = settings.migration_database_url or settings.database_url
    portal_role = make_url(settings.database_url).username or "portal"
    engine = create_engine(address, poolclass=pool.NullPool)
    with engine.connect() as connection:
        migrate(connection, portal_role)
    engine.dispose()


run()
