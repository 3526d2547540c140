"""`portal jobs`: see to jobs that were given up, as an admin does on the page of the system."""

from __future__ import annotations

from pathlib import Path

import click

from portal.cli.kept import HOME, in_one_transaction
from portal.domain.clock import now
from portal.domain.permissions import system_actor
from portal.domain.reports.running import what_goes_on
from portal.jobs import given_up

ACTOR = system_actor("jobs-command")


@click.group()
def jobs() -> None:
    """See to jobs that were given up."""


@jobs.command("list")
@HOME
def list_jobs(home: Path) -> None:
    """List jobs that were given up, the newest first, each with its number."""
    with in_one_transaction(home) as (session, settings):
        found = what_goes_on(session, settings.time_zone, at=now()).given_up
    for job in found:
        when = f", last at {job.at:%d %B %Y, %H:%M} UTC" if job.at else ""
        again = "; comes again by itself" if job.periodic else ""
        click.echo(f"{job.id:>8}  {job.name} ({job.words}), {job.tries} tries{when}{again}")
    click.echo(f"{len(found)} given up." if found else "No job was given up.")


@jobs.command()
@click.argument("number", type=int)
@HOME
def retry(number: int, home: Path) -> None:
    """Have the job NUMBER tried again."""
    with in_one_transaction(home) as (session, _):
        words = given_up.try_again(session, ACTOR, number, at=now())
    click.echo(f"{words}: tried again as soon as a job worker is free.")


@jobs.command()
@click.argument("number", type=int)
@click.confirmation_option(prompt="It will never be done. Let it go?", help="Do not ask.")
@HOME
def drop(number: int, home: Path) -> None:
    """Let the job NUMBER go: it is never done, and not counted any more."""
    with in_one_transaction(home) as (session, _):
        words = given_up.let_go(session, ACTOR, number, at=now())
    click.echo(f"{words}: let go.")
