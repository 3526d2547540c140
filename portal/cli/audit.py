"""`portal audit`: whether the trail is whole."""

from __future__ import annotations

import click

from portal.cli.settings import settings_or_exit


@click.group()
def audit() -> None:
    """Verify the audit trail."""


@audit.command()
@click.option(
    "--head", metavar="POSITION:SEAL", help="A head noted down before: proves that nothing up to it was taken away."
)
def verify(head: str | None) -> None:
    """Walk along the whole chain; name every change, gap, reordering, missing entry, and what is not sealed."""
    known_head = _head(head) if head else None
    settings = settings_or_exit()

    from portal import db, models  # noqa: F401 - all tables, so that foreign keys are found
    from portal.domain.audit import sealing
    from portal.domain.clock import now

    engine = db.make_engine(settings.database_url, pool_size=1)
    db.bind(engine)
    with db.session_scope() as session:
        found = sealing.verify(session, at=now(), known_head=known_head)
    engine.dispose()
    for problem in [*found.problems, *found.unsealed]:
        click.echo(problem, err=True)
    if not found.sound:
        raise click.ClickException("The audit trail is not whole.")
    click.echo(f"{found.sealed} entries, whole and in order; details erased from {found.erased} of them.")
    click.echo(f"Head {found.sealed}:{found.head}")


def _head(text: str) -> tuple[int, str]:
    position, _, seal = text.partition(":")
    if not position.isdigit() or len(seal) != 64:
        raise click.BadParameter("give it as it was printed: POSITION:SEAL")
    return int(position), seal
