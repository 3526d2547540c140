"""What the README says of settings, commands and folders is so."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from portal.jobs.sweeping import KEPT, MAIL_KEPT, SWEPT
from portal.settings import describe_settings

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
    for tables, how_long in KEPT.items():
        rows.append(f"| | {', '.join(f'`{table}`' for table in tables.split())} | {how_long} |")
    return "\n".join(["| What | Table | Kept |", "| --- | --- | --- |", *rows])


def _days(age: timedelta) -> str:
    return f"{age.days} day{'' if age.days == 1 else 's'}" if age else "until then"


def test_the_operations_say_how_long_everything_is_kept() -> None:
    assert retention_table() in OPERATIONS, f"put this into docs/operations.md:\n{retention_table()}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_named_in_a_document_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)`", document.read_text())) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_a_document_links_to_exist(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def test_every_folder_of_the_map_exists() -> None:
    block = README.split("## The map", 1)[1].split("```")[1]
    for line in block.splitlines():
        if name := line.strip().split(" ", 1)[0].rstrip("/"):
            assert (ROOT / name).exists(), name
