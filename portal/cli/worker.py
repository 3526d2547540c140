"""`portal worker`: the job worker in the foreground, until SIGTERM."""

from __future__ import annotations

import click

from portal.cli import nothing_is_garbage
from portal.cli.settings import settings_or_exit


@click.command()
def worker() -> None:
    """Run the job worker alone: mail, reminders, sealing, sweeping."""
    settings = settings_or_exit()
    with nothing_is_garbage():
        from portal.jobs.worker import run_worker
        from portal.web import logs

    logs.configure(settings)
    run_worker(settings)
