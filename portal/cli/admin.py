"""`portal admin`: make an administrator, or let one in again, without mail."""

from __future__ import annotations

from pathlib import Path

import click

from portal.cli.kept import HOME, in_one_transaction
from portal.domain.accounts import operations, queries, tokens
from portal.domain.accounts.identifiers import recognise
from portal.domain.accounts.operations import HandedOver, Invite
from portal.domain.accounts.sign_in import find_person
from portal.domain.clock import now
from portal.domain.errors import NotFound
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
    with in_one_transaction(home) as (session, settings):
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
    with in_one_transaction(home) as (session, settings):
        person = find_person(session, recognise(email))
        if person is None or person.role != Role.ADMIN:
            raise NotFound(f"There is no administrator {email}.")
        handed_over = operations.hand_over_way_in(session, ACTOR, person.id, at=now())
    _print(settings, person.name, handed_over)


def _print(settings: Settings, name: str, handed_over: HandedOver) -> None:
    click.echo(f"{name} chooses a password at")
    click.echo(f"  {settings.portal_url}{tokens.path_of(handed_over.purpose, handed_over.code)}")
    click.echo(f"or types the code {handed_over.code} at {settings.portal_url}/code")
    click.echo(f"It works once, until {handed_over.expires_at:%d %B %Y, %H:%M} UTC.")
