"""What every page costs the database: few statements, and as many on a busy day as on the first."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.web.bearer import token_keys
from portal.web.stored_state import cache_entries
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

PEOPLE = ("visitor", "ama", "kofi", "efua")
Cost = dict[tuple[str, str], list[str]]


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_costs_a_person_few_statements_and_the_same_on_a_busy_day(
    app: Flask, world: Session, cast: Cast, sign_in: Any, settings: Any, count_queries: Any, who: str
) -> None:
    estate = build_estate(world, cast)
    crowd(world, cast, estate, ONE_MORE)
    person = getattr(cast, who, None)
    browser = sign_in(person) if person else app.test_client()
    headers = _token(world, person, settings) if person else {}
    addresses = [*_pages(app, estate), *VIEWS]

    def costs() -> Cost:
        found: Cost = {}
        for address in addresses:
            for way, more in (("page", {}), ("fragment", {"HX-Request": "true"})):
                world.execute(delete(cache_entries))  # what is kept for some seconds is paid for here every time
                world.commit()
                with count_queries() as queries:
                    answer = browser.get(address, headers=headers | more)
                if answer.status_code == 200:
                    found[address, way] = queries.statements
        return found

    quiet = costs()
    crowd(world, cast, estate, MANY_MORE)
    busy = costs()
    assert len(quiet) > 10, "nothing was opened"
    assert quiet.keys() == busy.keys()
    grown = {key: len(busy[key]) - len(quiet[key]) for key in busy if len(busy[key]) != len(quiet[key])}
    assert not grown, "\n\n".join(f"{key} +{more}:\n" + "\n".join(busy[key]) for key, more in grown.items())
    dear = {key: len(statements) for key, statements in busy.items() if len(statements) > MOST_STATEMENTS}
    assert not dear, "\n\n".join(f"{key} {number}:\n" + "\n".join(busy[key]) for key, number in dear.items())


def _pages(app: Flask, estate: dict[str, Any]) -> list[str]:
    """Return the address of everything that can be read."""
    adapter = app.url_map.bind("localhost")
    return [
        adapter.build(rule.endpoint, {name: estate[name] for name in rule.arguments})
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
        if "GET" in rule.methods
    ]


def _token(world: Session, person: Any, settings: Any) -> dict[str, str]:
    token = start_family(world, person.id, token_keys(settings), at=now()).access_token
    world.commit()
    return {"Authorization": f"Bearer {token}"}
