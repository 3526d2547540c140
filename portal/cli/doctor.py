"""`portal doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from portal.cli.kept import HOME, in_one_line_each, kept_portal
from portal.cli.terminal import say
from portal.keeping.doctor.examination import examine_portal
from portal.keeping.doctor.finding import Finding, State, wrong
from portal.settings import SettingsError

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON, for programs.")
@HOME
def doctor(as_json: bool, home: Path) -> None:
    """Look at everything the portal stands on; ends with 1 when something is wrong. It changes nothing."""
    with in_one_line_each():
        found = _findings(home)
    if as_json:
        say(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        for finding in found:
            _show(finding)
    sys.exit(any(finding.state is State.WRONG for finding in found))


def _findings(home: Path) -> list[Finding]:
    try:
        with kept_portal(home) as portal:
            return list(examine_portal(portal.settings, runs=portal.runs, at=datetime.now(UTC)))
    except SettingsError as error:
        return [wrong("settings", problem, "set it, and start the portal again") for problem in error.problems]


def _show(finding: Finding) -> None:
    state = (
        click.style(f"{finding.state:<8}", fg=COLOURS[finding.state]) if sys.stdout.isatty() else f"{finding.state:<8}"
    )
    say(f"{state} {finding.about:<9} {finding.said}" + (f". To do: {finding.to_do}" if finding.to_do else ""))
