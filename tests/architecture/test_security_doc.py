"""What docs/security.md says of tests, lines of the standard, numbers and ways in is so."""

from __future__ import annotations

import ast
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.domain.accounts import api_tokens, lockout, passwords
from portal.domain.accounts.models import TokenPurpose
from portal.domain.accounts.sessions import LENGTHS, SHARED_COMPUTER
from portal.domain.accounts.tokens import LIFETIMES
from portal.domain.files import beginning
from portal.domain.files.kinds import GB
from portal.domain.permissions import Role
from portal.settings import describe_settings
from portal.web import limits
from portal.web.access import FRESH_MINUTES, access_of
from tests.architecture.estate import build_estate
from tests.architecture.test_docs import ROOT
from tests.architecture.test_page_costs import pages
from tests.cast import Cast
from tests.pages import parse

TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)
LINES = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (met|not applicable|open) \| (.+) \|$", TEXT, re.M)
ATTACKS = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", TEXT, re.M)
OF_THE_STANDARD = 195  # lines of levels 1 and 2 that concern a portal like this one
OUTSIDE = re.compile(r"_URL$|_SERVER$|_DSN$|_ENDPOINT$")


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 150
    there: dict[str, set[str]] = {}
    for path, name in NAMED:
        if path not in there:
            nodes = ast.parse((ROOT / path).read_text()).body
            there[path] = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        assert name in there[path], f"{path}::{name}"


def test_every_asvs_line_has_one_row() -> None:
    ids = [line[0] for line in LINES]
    assert len(ids) == OF_THE_STANDARD
    assert not [line for line, times in Counter(ids).items() if times > 1]
    assert [line for line, _, state, reason in LINES if state == "met" and "::test_" not in reason] == []
    said = re.search(r"(\d+) lines: (\d+) met, (\d+) not applicable to what is built, (\d+) open", TEXT)
    states = Counter(state for _, _, state, _ in LINES)
    assert said
    assert tuple(map(int, said.groups())) == (len(ids), states["met"], states["not applicable"], states["open"])


def test_each_of_the_attacks_has_its_tests_or_what_is_not_built() -> None:
    assert [int(number) for number, _, _ in ATTACKS] == list(range(1, 26))
    assert all("::test_" in row or "not built" in row for _, _, row in ATTACKS)


@pytest.mark.parametrize("word", ["export", "import", "payment", "webhook", "certificate", "feed", "sso", "mfa"])
def test_what_is_said_not_to_be_built_has_no_address(app: Flask, word: str) -> None:
    assert [rule.rule for rule in app.url_map.iter_rules() if word in rule.rule] == []


def test_the_document_has_the_chapters_its_table_refers_to() -> None:
    chapters = re.findall(r"^## (.+)$", TEXT, re.M)
    assert {"Numbers", "Ways in", "Services outside", "What is written down", "Keeping up to date"} <= set(chapters)


def test_the_numbers_of_the_document_are_those_of_the_code() -> None:
    learner, admin = LENGTHS[Role.STUDENT], LENGTHS[Role.ADMIN]
    assert LENGTHS[Role.TRAINER] == learner
    account, address = lockout.ACCOUNT_LIMIT, lockout.ADDRESS_LIMIT
    calls = limits.API_CALLS
    waits = ", ".join(str(_minutes(wait)) for wait in account.waits)
    factor = {10: "ten"}[lockout.TRUSTED_FACTOR]
    for row in (
        f"| Session of a student or trainer | {_hours(learner.idle)} h idle, {learner.absolute.days} days at most |",
        f"| Session of an admin | {_hours(admin.idle)} h idle, {_hours(admin.absolute)} h at most |",
        f"| {_minutes(SHARED_COMPUTER.idle)} min idle, {_hours(SHARED_COMPUTER.absolute)} h at most |",
        f"| after {FRESH_MINUTES} min |",
        f"| {account.failures} in {_minutes(account.window)} min are free, then {waits} min of waiting |",
        f"| {address.failures - 1} in an hour are free, then {address.waits[0].seconds} s each; {factor} times",
        f"| {limits.FAILURES} in {limits.WINDOW_MINUTES} min; ",
        f"| {limits.PAGES_A_MINUTE} a minute for a session, else for an address |",
        f"| {limits.UPLOADS_STARTED} begun in a minute, {beginning.MOST_RECEIVING} arriving at once, "
        f"{beginning.MOST_BYTES // GB} GB under way, for each person; ",
        f"| admin {calls[Role.ADMIN]}, trainer {calls[Role.TRAINER]}, student {calls[Role.STUDENT]}; an address "
        f"{limits.API_CALLS_OF_AN_ADDRESS}, {limits.API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS} beyond public reads |",
        f"| {api_tokens.ACCESS_MINUTES} min, {api_tokens.REFRESH_DAYS} days |",
        f"| {LIFETIMES[TokenPurpose.INVITATION].days} days, {_minutes(LIFETIMES[TokenPurpose.RESET])} min; each",
        f"| students {passwords.SHORTEST[Role.STUDENT]}, staff {passwords.SHORTEST[Role.ADMIN]}, at most "
        f"{passwords.LONGEST} characters |",
    ):
        assert row in TEXT, row


def test_every_way_in_is_named_in_the_document(app: Flask) -> None:
    """A new address that changes something for whoever has not signed in is a new way in, until it is looked at."""
    rows = set(re.findall(r"^\| `POST (\S+)` \|", TEXT, re.M))
    views = app.view_functions
    ways = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and access_of(views[rule.endpoint]).public
    }
    assert rows == ways


def test_every_outside_service_of_the_settings_is_in_the_document() -> None:
    chapter = TEXT.split("## Services outside")[1].split("\n## ")[0]
    services = {row.variable for row in describe_settings() if OUTSIDE.search(row.variable)} - {"PORTAL_URL"}
    assert services == set(re.findall(r"`([A-Z0-9_]+)`", chapter))


@pytest.mark.parametrize("who", ["ama", "kofi", "efua"])
def test_every_page_of_a_signed_in_person_has_the_way_out(
    app: Flask, world: Session, cast: Cast, sign_in: Any, who: str
) -> None:
    estate, browser, seen = build_estate(world, cast), sign_in(getattr(cast, who)), 0
    for address in pages(app, estate):
        answer = browser.get(address)
        if answer.status_code != 200 or answer.mimetype != "text/html" or b"<html" not in answer.data:
            continue
        page = parse(answer)
        if page.css_first("main.paper") or is_public(app, address):
            continue  # made to be printed, or the same for everybody
        assert page.css_first('form[action="/logout"]'), address
        seen += 1
    assert seen > 8


def is_public(app: Flask, address: str) -> bool:
    endpoint, _ = app.url_map.bind("localhost").match(address)
    return access_of(app.view_functions[endpoint]).public


def _hours(length: timedelta) -> int:
    return round(length.total_seconds() / 3600)


def _minutes(length: timedelta) -> int:
    return round(length.total_seconds() / 60)
