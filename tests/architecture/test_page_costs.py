"""What every page costs the database: few statements, and as many on a busy day as on the first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.web.bearer import token_keys
from tests.architecture.crowd import crowd
from tests.architecture.estate import build_estate
from tests.cast import Cast
from tests.factories import now

MOST_STATEMENTS = 6  # one on session and person, at most five on the page itself
ONE_MORE, MANY_MORE = range(2, 3), range(3, 63)
VIEWS = (
    "/courses?q=course&level=beginner&category=Media",
    "/student/live-classes?view=upcoming",
    "/student/live-classes?view=past",
    "/trainer/live-classes?view=upcoming",
    "/trainer/live-classes?view=past",
    "/trainer/marking?state=all",
    "/trainer/marking?state=held_back&q=person",
    "/trainer/marking?state=returned",
    "/admin/live-classes?view=upcoming",
    "/admin/live-classes?view=past",
    "/admin/people?q=person",
    "/admin/enrolments?q=person&state=active",
    "/admin/intakes?q=intake",
    "/admin/courses?q=course",
    "/api/v1/courses?limit=100&search=course",
    "/api/v1/assignments/my-assignments?limit=100",
    "/api/v1/live-classes/upcoming?limit=100&days=30",
)
"""The same pages in other ways: filtered, searched, as a list."""
VIEWS_OF_ONE = (
    "/trainer/intakes/{intake_id}/gradebook?sort=lowest",
    "/trainer/intakes/{intake_id}/gradebook?show=missing&q=person",
    "/student/courses/{intake_id}/results?if-not-set-yet=50",
    "/api/v1/results/intakes/{intake_id}/gradebook?limit=100",
)
"""Pages of one thing in other ways."""

PUBLIC = ("/", "/courses")
MOST_WHEN_NOTHING_IS_KEPT = 9
"""Of public pages: once a minute one visitor pays for the lists that all are then shown, and for keeping them."""

WAYS_IN = ("/invitation/", "/reset/")
MOST_OF_A_WAY_IN = 7
"""Opened once in a life, and never by guessing: tries are counted by address and by secret before it is looked up."""

ONCE_A_MINUTE = "UPDATE sessions SET last_seen_at="
"""Of a person, whatever they open: this test takes longer than a minute."""

MAIN_PAGES = {
    "kofi": {"/trainer/marking": 3},
    "ama": {"/student/": 5, "/student/live-classes": 2},
    "efua": {"/admin/": 2, "/admin/people": 2},
    "visitor": {"/": 2, "/courses": 3, "/api/v1/courses": 2},
}
"""What the pages opened most cost where the figures beside them are kept."""

Costs = dict[tuple[str, str], list[str]]


@dataclass
class Reader:
    """Somebody who opens pages, and what each costs."""

    browser: FlaskClient
    headers: dict[str, str]
    connection: Connection
    count_queries: Any

    def costs(self, wanted: Iterable[tuple[str, str]], *, kept: bool) -> Costs:
        """Return the statements of each page or fragment that is theirs; unless kept, nothing is worked out before."""
        found: Costs = {}
        for address, way in wanted:
            if not kept:
                self.connection.exec_driver_sql("DELETE FROM cache_entries")
            headers = self.headers | ({"HX-Request": "true"} if way == "fragment" else {})
            with self.count_queries() as queries:
                answer = self.browser.get(address, headers=headers)
            if answer.status_code == 200:
                found[address, way] = [one for one in queries.statements if not one.startswith(ONCE_A_MINUTE)]
        return found


@pytest.fixture
def readers(
    app: Flask, connection: Connection, world: Session, cast: Cast, sign_in: Any, settings: Any, count_queries: Any
) -> dict[str, Reader]:
    """Each kind of person, a visitor too."""
    found = {}
    for who in MAIN_PAGES:
        person = getattr(cast, who, None)
        browser = sign_in(person) if person else app.test_client()
        headers = _token(world, person, settings) if person else {}
        found[who] = Reader(browser, headers, connection, count_queries)
    return found


def test_every_page_costs_everybody_few_statements_and_the_same_on_a_busy_day(
    app: Flask, world: Session, cast: Cast, readers: dict[str, Reader]
) -> None:
    estate = build_estate(world, cast)
    crowd(world, cast, estate, ONE_MORE)
    wanted = [*pages(app, estate), *VIEWS, *(view.format(**estate) for view in VIEWS_OF_ONE)]
    quiet = {
        who: reader.costs(itertools.product(wanted, ("page", "fragment")), kept=False)
        for who, reader in readers.items()
    }  # fmt: skip
    assert min(map(len, quiet.values())) > 10, "nothing was opened"
    crowd(world, cast, estate, MANY_MORE)
    for who, reader in readers.items():
        busy = reader.costs(quiet[who], kept=False)
        assert quiet[who].keys() == busy.keys(), who
        grown = {key: busy[key] for key in busy if len(busy[key]) != len(quiet[who][key])}
        assert not grown, _said(who, grown)
        assert not (dear := {key: cost for key, cost in busy.items() if len(cost) > _most(key[0])}), _said(who, dear)
        main = {address: len(cost) for (address, _), cost in reader.costs(_twice(MAIN_PAGES[who]), kept=True).items()}
        assert main == MAIN_PAGES[who], who
        public = [key for key in busy if _is_public(key[0])]
        reader.costs(public, kept=True)
        again = reader.costs(public, kept=True)
        assert not (dear := {key: cost for key, cost in again.items() if len(cost) > MOST_STATEMENTS}), _said(who, dear)


def _twice(addresses: Iterable[str]) -> list[tuple[str, str]]:
    """Ask once for the figures to be kept, and then for what counts."""
    return [(address, "page") for address in addresses for _ in range(2)]


def _is_public(address: str) -> bool:
    return urlsplit(address).path in PUBLIC


def _most(address: str) -> int:
    if address.startswith(WAYS_IN):
        return MOST_OF_A_WAY_IN
    return MOST_WHEN_NOTHING_IS_KEPT if _is_public(address) else MOST_STATEMENTS


def _said(who: str, costs: Costs) -> str:
    """Return whose pages these are and what they ask, to be read in a failure."""
    return "\n\n".join(
        f"{who}: {address} ({way}), {len(cost)}:\n" + "\n".join(cost) for (address, way), cost in costs.items()
    )


def pages(app: Flask, estate: dict[str, Any]) -> list[str]:
    """Return the address of everything that can be read."""
    adapter = app.url_map.bind("localhost")
    return [
        adapter.build(rule.endpoint, {name: estate[name] for name in rule.arguments})
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
        if "GET" in rule.methods and not rule.rule.startswith("/static/")
    ]


def _token(world: Session, person: Any, settings: Any) -> dict[str, str]:
    token = start_family(world, person.id, token_keys(settings), at=now()).access_token
    world.commit()
    return {"Authorization": f"Bearer {token}"}
