"""`portal serve`: gunicorn in the foreground, in place of this process."""

from __future__ import annotations

import os
import sys

import click

from portal.cli.checkout import ROOT
from portal.cli.settings import settings_or_exit
from portal.cli.tables import has_admin


@click.command()
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True, help="Address to listen on (HOST).")
@click.option("--port", envvar="PORT", default=8000, show_default=True, help="Port to listen on (PORT).")
@click.option("--workers", envvar="WEB_CONCURRENCY", default=2, show_default=True, help="Processes; one for each core.")
def serve(host: str, port: int, workers: int) -> None:
    """Run the web server alone, against the database that DATABASE_URL names."""
    settings = settings_or_exit()
    if settings.production and not has_admin(settings.database_url):
        click.echo("Nobody can administer this portal yet. Type: portal admin create", err=True)
    os.chdir(ROOT)
    os.execv(sys.executable, gunicorn_command(host, port, workers))  # noqa: S606 - the same Python, arguments of our own


def gunicorn_command(host: str, port: int, workers: int) -> list[str]:
    """Return the command that serves the portal, to be run in the project's folder."""
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    arguments = ["--config", str(ROOT / "gunicorn.conf.py"), "--bind", bind, "--workers", str(workers)]
    return [sys.executable, "-m", "gunicorn", *arguments]
