"""What the documents say of settings, commands, paths, addresses and times is so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from portal.jobs.sweeping import KEPT, MAIL_KEPT, SWEPT
from portal.settings import describe_settings
from tests.architecture.documents import problems_of

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def settings_table() -> str:
    rows = [f"| `{row.variable}` | {row.default} | {row.about} |" for row in describe_settings()]
    return "\n".join(["| Variable | Default | Meaning |", "| --- | --- | --- |", *rows])


def test_the_readme_lists_every_setting() -> None:
    assert settings_table() in README, f"put this into the README:\n{settings_table()}"


def retention_table() -> str:
    rows = [f"| {swept.what} | `{table}` | {_days(swept.age)} |" for table, swept in SWEPT.items()]
    rows.append(f"| Messages in the folder `mail`, where no mail server is set | | {_days(MAIL_KEPT)} |")
    return "\n".join(["| What | Table | Kept |", "| --- | --- | --- |", *rows])


def table_of_what_stays() -> str:
    rows = [
        f"| {', '.join(f'`{name}`' for name in tables.split())} | {how_long} |" for tables, how_long in KEPT.items()
    ]
    return "\n".join(["| Table | How long |", "| --- | --- |", *rows])


def _days(age: timedelta) -> str:
    return f"{age.days} day{'' if age.days == 1 else 's'}" if age else "until then"


@pytest.mark.parametrize("table", [retention_table, table_of_what_stays])
def test_the_operations_say_how_long_everything_is_kept(table: Callable[[], str]) -> None:
    assert table() in OPERATIONS, f"put this into docs/operations.md:\n{table()}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_all_that_a_document_names_exists(document: Path, app: Flask) -> None:
    assert problems_of(document, document.read_text(), app) == []


@pytest.mark.parametrize(
    "written, problem",
    [
        ("Type `make dinner`.", "there is no make dinner"),
        ("    make run && make dinner", "there is no make dinner"),
        ("Type `portal cook`.", "there is no portal cook"),
        ("```\nportal admin promote\n```", "there is no portal admin promote"),
        ("    portal serve --host x --doors 2   # two doors", "portal serve has no --doors"),
        ("More of them with `--doors`.", "no command has --doors"),
        ("Set `SECRET_KEYS` first.", "there is no setting SECRET_KEYS"),
        ("    SESSION_LENGTH=5 portal worker", "there is no setting SESSION_LENGTH"),
        ("It is in `portal/domain/nothing.py`.", "there is no portal/domain/nothing.py"),
        ("Read `GUIDE.md`.", "there is no GUIDE.md"),
        ("Open `/admin/nowhere`.", "nothing answers at /admin/nowhere"),
        ("See [there](nowhere.md).", "the link to nowhere.md leads nowhere"),
        ("See [there](#nowhere).", "operations.md has no part #nowhere"),
        ("See [there](architecture.md#nowhere).", "architecture.md has no part #nowhere"),
    ],
)
def test_what_does_not_exist_is_noticed(app: Flask, written: str, problem: str) -> None:
    assert problems_of(ROOT / "docs" / "operations.md", f"# Title\n\n{written}\n", app) == [problem]


def test_every_folder_of_the_map_exists() -> None:
    block = README.split("## The map", 1)[1].split("```")[1]
    for line in block.splitlines():
        if name := line.strip().split(" ", 1)[0].rstrip("/"):
            assert (ROOT / name).exists(), name
