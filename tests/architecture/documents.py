"""Reading the documents: what is set as code, what is linked, and what of it does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.cli import main
from portal.settings import describe_settings

ROOT = Path(__file__).resolve().parents[2]
OTHER_VARIABLES = {
    "DATABASE_OWNER_PASSWORD", "DATABASE_PASSWORD",  # of compose.yaml
    "WEB_CONCURRENCY", "UPDATE_SNAPSHOTS", "SOAK_ROUNDS", "SOAK_SEED",
    "X_FILE",  # of any setting X
    "ORIG_HEAD",  # of git
}  # fmt: skip
IN_THE_HOME = (
    "database/", "files/", "logs/", "mail/", "metrics/", "parts/", "portal.lock", "processes.json", "secrets.json",
    "tables.json", "access.json", "backups.json", "checks.json",
    "start.log", "var/", "backups/",
)  # fmt: skip
MADE_BY_SET_UP = (".venv", "node_modules", "static/node_modules")
ELSEWHERE = re.compile(
    r"^(journald\.conf|alerts\.yml|\w+\.log(\.\d)?|portal-soak/|\d{4}-\d\d-\d\dT"
    r"|audio/|image/|text/|video/|application/|Africa/)"
)
_CONSTANT = re.compile(r"^ *([A-Z][A-Z0-9_]+)(?:,[^=\n]*)?(?:: [^=\n]+)? = ", re.MULTILINE)
_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
_ENDING = re.compile(r"\.(py|md|toml|ya?ml|html|txt|css|js|lock|json|conf)$")
_PROGRAM = re.compile(r"(?:^|exec \w+ |\.venv/bin/|^[A-Z_]+=\S+ )(portal|make) +([a-z].*)")


def problems_of(document: Path, text: str, app: Flask) -> list[str]:
    """Return what a document names that does not exist: commands, settings, paths, addresses, links."""
    marks = [" ".join(mark.split()) for mark in re.findall(r"(?<!`)`([^`]+)`(?!`)", _without_fences(text))]
    said = [*marks, *_lines_of_blocks(text)]
    return [
        *_unknown_commands(said),
        *_unknown_flags(marks),
        *_unknown_variables(said),
        *_unknown_paths(document, marks),
        *_unknown_addresses(app, marks),
        *_broken_links(document, text),
    ]


def anchors_of(text: str) -> set[str]:
    """Return the anchors a reader's browser finds: headings in small letters, words joined by hyphens."""
    headings = re.findall(r"^#+ +(.+?)\s*$", _without_fences(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def _lines_of_blocks(text: str) -> list[str]:
    """Return the lines of code that stand apart, fenced or indented, without what is said beside them."""
    fences = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    fenced = [line for block in fences for line in block.splitlines()]
    indented = re.findall(r"^ {4}(.+)$", _without_fences(text), re.MULTILINE)
    return [line.split(" #", 1)[0].strip() for line in [*fenced, *indented]]


def _unknown_commands(said: list[str]) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = (command for line in said for command in re.split(r" (?:&&|\|\||\|) |; ", line))
    for program, rest in (found for command in commands for found in _PROGRAM.findall(command)):
        words = rest.split()
        if program == "make":
            if words[0] not in targets:
                yield f"there is no make {words[0]}"
        else:
            yield from _unknown_in(main, "portal", words)


def _unknown_in(command: click.Command, name: str, words: list[str]) -> Iterator[str]:
    """Follow the words of a command line down the groups, then look at its flags."""
    if isinstance(command, click.Group):
        if words and not words[0].startswith("-"):
            beneath = command.get_command(click.Context(command), words[0])
            if beneath is None:
                yield f"there is no {name} {words[0]}"
            else:
                yield from _unknown_in(beneath, f"{name} {words[0]}", words[1:])
        return
    known = _flags(command)
    yield from (f"{name} has no {word}" for word in words if word.startswith("--") and word.split("=")[0] not in known)


def _flags(command: click.Command) -> set[str]:
    return {flag for parameter in command.params for flag in parameter.opts} | {"--help"}


@cache
def _all_flags() -> set[str]:
    found: set[str] = set()
    waiting: list[click.Command] = [main]
    while waiting:
        command = waiting.pop()
        found |= _flags(command)
        if isinstance(command, click.Group):
            context = click.Context(command)
            waiting += [one for name in command.list_commands(context) if (one := command.get_command(context, name))]
    return found


def _unknown_flags(marks: list[str]) -> Iterator[str]:
    for mark in marks:
        if mark.startswith("--") and mark.split()[0].split("=")[0] not in _all_flags():
            yield f"no command has {mark.split()[0]}"


def _unknown_variables(said: list[str]) -> Iterator[str]:
    settings = {row.variable for row in describe_settings()}
    known = settings | {f"{name}_FILE" for name in settings} | OTHER_VARIABLES
    for name in sorted({name for line in said for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", line)}):
        if name not in known and name not in _constants():
            yield f"there is no setting {name}"


@cache
def _constants() -> set[str]:
    """Return what our code calls in capitals: constants and members of enums."""
    code = [path.read_text() for folder in ("portal", "tests", "migrations") for path in (ROOT / folder).rglob("*.py")]
    return {name for text in code for name in _CONSTANT.findall(text)}


def _unknown_paths(document: Path, marks: list[str]) -> Iterator[str]:
    for mark in marks:
        path = mark.removeprefix("./")
        looks_like_one = _PATH.fullmatch(path) and ("/" in path or _ENDING.search(path))
        if not looks_like_one or path.startswith((*IN_THE_HOME, *MADE_BY_SET_UP)) or ELSEWHERE.match(path):
            continue
        places = (ROOT, document.parent, ROOT / "portal", ROOT / "portal" / "domain")
        if not any((place / path).exists() for place in places) and path not in _names_of_files():
            yield f"there is no {mark}"


@cache
def _names_of_files() -> set[str]:
    """Return what our files are called, for a document that has said in which folder they are."""
    folders = ("portal", "templates", "static", "migrations", "tests", "docs", "tools")
    found = {
        path.name for folder in folders for path in (ROOT / folder).glob("**/*") if "node_modules" not in path.parts
    }
    return found | {path.name for path in ROOT.iterdir()}


def _unknown_addresses(app: Flask, marks: list[str]) -> Iterator[str]:
    """An address that begins like ours must be one of ours."""
    rules = app.url_map.bind("localhost")
    beginnings = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} - {""}
    for mark in marks:
        address = re.sub(r"^(GET|POST|PUT|PATCH|DELETE) ", "", mark)
        if re.fullmatch(r"/[\w./-]*", address) and address.split("/")[1] in beginnings:
            try:
                rules.match(address.rstrip("…"))
            except RequestRedirect:
                pass
            except HTTPException as error:
                if error.code == 404 and not any(rule.rule.startswith(address) for rule in app.url_map.iter_rules()):
                    yield f"nothing answers at {address}"


def _broken_links(document: Path, text: str) -> Iterator[str]:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", _without_fences(text)):
        if ":" in target:
            continue
        place = document.parent / target if target else document
        if not place.exists():
            yield f"the link to {target} leads nowhere"
        elif anchor and anchor not in anchors_of(text if not target else place.read_text()):
            yield f"{target or document.name} has no part #{anchor}"
