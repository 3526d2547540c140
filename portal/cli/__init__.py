"""The command `portal`: everything that is done on the server rather than on a page.

A command is loaded when it is called, so that `portal --help` answers at once.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

import click

# name: (module, object in it, what --help says)
COMMANDS = {
    "run": ("portal.cli.run", "run", "Run everything on this machine: database, job worker and web server."),
    "serve": ("portal.cli.serve", "serve", "Run the web server alone."),
    "worker": ("portal.cli.worker", "worker", "Run the job worker alone."),
    "db": ("portal.cli.database", "database", "Bring the tables up to date, or check them."),
    "admin": ("portal.cli.admin", "admin", "Make an administrator, or let one in again."),
    "check": ("portal.cli.check", "check", "Check that all that must hold does hold: receipts, bytes, seals, jobs."),
    "audit": ("portal.cli.audit", "audit", "Verify the audit trail."),
    "backup": ("portal.cli.backup", "backup", "Back up the database and every file, while the portal runs."),
    "restore": ("portal.cli.restore", "restore", "Bring a backup into an empty home."),
    "upgrade": ("portal.cli.upgrade", "upgrade", "Back up, then bring the database to this version."),
    "jobs": ("portal.cli.jobs", "jobs", "List jobs that were given up, try them again, let them go."),
    "doctor": ("portal.cli.doctor", "doctor", "Say what is well, what is not, and what to do."),
    "demo": ("portal.cli.demo", "demo", "Fill an empty portal with demo data."),
}


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """Load what stays until the process ends: to look for garbage in it would cost a sixth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _LazyCommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _, _) in COMMANDS.items() if find_spec(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, name, _ = COMMANDS[cmd_name]
        with nothing_is_garbage():
            command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.group(cls=_LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The portal of KM Media Training Institute."""
