"""`portal check`: whether all that must hold does hold, asked of the database and the store themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portal.cli.kept import HOME, in_one_line_each, kept_portal

if TYPE_CHECKING:
    from portal.keeping.invariants import Answer
    from portal.settings import Settings

PATIENCE_SECONDS = 30.0  # a worker that just began gives back, seals and goes on within twenty


@click.command()
@click.option("--quick", is_flag=True, help="Compare the sizes of files only; do not read them.")
@click.option("--json", "as_json", is_flag=True, help="Answer for a program: one JSON object.")
@click.option(
    "--patience",
    default=PATIENCE_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds that a running job worker has to mend what is its to mend.",
)
@HOME
def check(quick: bool, as_json: bool, patience: float, home: Path) -> None:
    """Look at every rule that must hold: receipts, bytes, seals, jobs, seats. Ends with 1 where one is broken."""
    answers = []
    with in_one_line_each(), kept_portal(home) as portal:
        for answer in _answers(portal.settings, quick=quick, patience=patience):
            answers.append(answer)
            if not as_json:
                _say(answer)
        _remember(portal.settings.portal_home, answers)
    broken = [answer for answer in answers if not answer.found.holds]
    if as_json:
        click.echo(json.dumps({"holds": not broken, "invariants": [_as_json(answer) for answer in answers]}))
    else:
        click.echo(f"{len(answers)} rules, {len(broken)} broken.")
    if broken:
        raise SystemExit(1)


def _answers(settings: Settings, *, quick: bool, patience: float) -> Iterator[Answer]:
    from portal import db, models  # noqa: F401 - all tables, so that foreign keys are found
    from portal.adapters.storage import storage_from
    from portal.domain.clock import now
    from portal.keeping.invariants import Look
    from portal.keeping.invariants import check as check_all

    with db.bound(settings.database_url):
        yield from check_all(Look(storage_from(settings), now(), quick), patience=patience)


def _remember(home: Path, answers: list[Answer]) -> None:
    """Write down how it ended, for the doctor; where the home cannot be written to, the answer stands all the same."""
    from portal.domain.clock import now
    from portal.keeping.notes import CheckNote, note_check

    broken = tuple(answer.invariant.name for answer in answers if not answer.found.holds)
    try:
        note_check(home, CheckNote(now().isoformat(), broken))
    except OSError as error:
        click.echo(f"This check is not remembered for the doctor: {error}", err=True)


def _say(answer: Answer) -> None:
    found = answer.found
    note = f" ({found.note})" if found.note else ""
    click.echo(f"{'ok    ' if found.holds else 'BROKEN'} {found.looked_at:>8,}  {answer.invariant.says}{note}")
    for wrong in found.wrong:
        click.echo(f"       - {wrong}")
    if found.unnamed:
        click.echo(f"       - and {found.unnamed:,} more")


def _as_json(answer: Answer) -> dict[str, Any]:
    found = answer.found
    return {
        "name": answer.invariant.name,
        "says": answer.invariant.says,
        "holds": found.holds,
        "looked_at": found.looked_at,
        "wrong": list(found.wrong),
        "more": found.unnamed,
        "note": found.note,
    }
