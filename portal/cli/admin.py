"""`portal admin`: make an administrator, or let one in again, without mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.orm import Session

from portal.cli.backup import HOME
from portal.cli.kept import in_one_line_each, kept_portal
from portal.db import bind, make_engine, session_scope, transaction
from portal.domain.accounts import operations, queries, tokens
from portal.domain.accounts.identifiers import recognise
from portal.domain.accounts.operations import HandedOver, Invite
from portal.domain.accounts.sign_in import find_person
from portal.domain.clock import now
from portal.domain.errors import DomainError, NotFound
from portal.domain.permissions import Duty, Role, system_actor
from portal.settings import Settings

ACTOR = system_actor("admin-command")


@click.group()
def admin() -> None:
    """Make an administrator, or let one in again."""


@admin.command()
@click.option("--email", prompt="E-mail", help="Where the administrator is reached.")
@click.option("--name", prompt="First and last name", help="The administrator's name.")
@click.option(
    "--duty",
    "duties",
    multiple=True,
    type=click.Choice([duty.value for duty in Duty]),
    help="A duty; may be given several times. The first administrator has all.",
)
@HOME
def create(email: str, name: str, duties: tuple[str, ...], home: Path) -> None:
    """Add an administrator and print a link with which a password is chosen."""
    first_name, _, last_name = name.strip().rpartition(" ")
    if not first_name:
        raise click.BadParameter("Give first and last name.", param_hint="--name")
    with _transaction(home) as (session, settings):
        chosen = frozenset(map(Duty, duties))
        if not queries.has_admin(session):
            chosen = frozenset(Duty)
        command = Invite(role=Role.ADMIN, first_name=first_name, last_name=last_name, email=email, duties=chosen)
        person = operations.invite(session, ACTOR, command, at=now())
        handed_over = operations.hand_over_way_in(session, ACTOR, person.id, at=now())
    _print(settings, person.name, handed_over)


@admin.command()
@click.argument("email")
@HOME
def recover(email: str, home: Path) -> None:
    """Print a link with which the administrator EMAIL chooses a new password."""
    with _transaction(home) as (session, settings):
        person = find_person(session, recognise(email))
        if person is None or person.role != Role.ADMIN:
            raise NotFound(f"There is no administrator {email}.")
        handed_over = operations.hand_over_way_in(session, ACTOR, person.id, at=now())
    _print(settings, person.name, handed_over)


@contextmanager
def _transaction(home: Path) -> Iterator[tuple[Session, Settings]]:
    """A transaction of this command; what the institute's rules refuse is one line and exit code 1."""
    with in_one_line_each(), kept_portal(home) as portal:
        engine = make_engine(portal.settings.database_url, pool_size=1)
        bind(engine)
        try:
            with session_scope(), transaction() as session:
                yield session, portal.settings
        except DomainError as error:
            raise click.ClickException(" ".join(dict.fromkeys([error.message, *error.fields.values()]))) from error
        finally:
            engine.dispose()


def _print(settings: Settings, name: str, handed_over: HandedOver) -> None:
    click.echo(f"{name} chooses a password at")
    click.echo(f"  {settings.portal_url}{tokens.path_of(handed_over.purpose, handed_over.code)}")
    click.echo(f"or types the code {handed_over.code} at {settings.portal_url}/code")
    click.echo(f"It works once, until {handed_over.expires_at:%d %B %Y, %H:%M} UTC.")
