"""`portal audit`: whether the trail is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal.cli.kept import HOME, in_one_line_each, kept_portal

if TYPE_CHECKING:
    from portal.domain.audit.sealing import Verification
    from portal.settings import Settings


@click.group()
def audit() -> None:
    """Verify the audit trail."""


@audit.command()
@click.option(
    "--head", metavar="POSITION:SEAL", help="A head noted down before: proves that nothing up to it was taken away."
)
@HOME
def verify(head: str | None, home: Path) -> None:
    """Walk along the whole chain; name every change, gap, reordering, missing entry, and what is not sealed."""
    known_head = _head(head) if head else None
    with in_one_line_each(), kept_portal(home) as portal:
        found = _verified(portal.settings, known_head)
    for problem in [*found.problems, *found.unsealed]:
        click.echo(problem, err=True)
    if not found.sound:
        raise click.ClickException("The audit trail is not whole.")
    click.echo(f"{found.sealed} entries, whole and in order; details erased from {found.erased} of them.")
    click.echo(f"Head {found.sealed}:{found.head}")


def _verified(settings: Settings, known_head: tuple[int, str] | None) -> Verification:
    from portal import db, models  # noqa: F401 - all tables, so that foreign keys are found
    from portal.domain.audit import sealing
    from portal.domain.clock import now

    with db.bound(settings.database_url), db.session_scope() as session:
        return sealing.verify(session, at=now(), known_head=known_head)


def _head(text: str) -> tuple[int, str]:
    position, _, seal = text.partition(":")
    if not position.isdigit() or len(seal) != 64:
        raise click.BadParameter("give it as it was printed: POSITION:SEAL")
    return int(position), seal
