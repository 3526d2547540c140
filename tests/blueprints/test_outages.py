"""The office sees when the portal was away and which deadlines that moved, to answer whoever asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.queries import assignment_for
from portal.domain.watch.models import Outage
from tests.cast import Cast, actor
from tests.factories import make_assignment, now
from tests.pages import parse, words

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PAGE = "/admin/system/outages"


def away(world: Session, since: datetime, long: timedelta) -> None:
    world.add(Outage(since=since, until=since + long))
    world.commit()


def rows(browser: FlaskClient, address: str = PAGE) -> list[str]:
    return [words(row) for row in parse(browser.get(address)).css("tbody tr")]


def test_a_portal_that_was_never_away_says_so(efua: FlaskClient) -> None:
    assert "It was never away" in words(efua.get(PAGE))
    assert "It was never away" in words(parse(efua.get("/admin/system")).css_first("#outages"))


def test_each_time_away_tells_the_deadlines_it_moved_and_by_how_much(
    efua: FlaskClient, world: Session, cast: Cast
) -> None:
    due_at = now() + 2 * HOUR
    moved = make_assignment(world, cast.intake, cast.kofi, title="A portrait", due_at=due_at)
    make_assignment(world, cast.intake, cast.kofi, title="A landscape", due_at=now() + 30 * HOUR)
    make_assignment(world, cast.intake, cast.kofi, title="Not set yet", due_at=due_at, state="draft", published_at=None)
    away(world, now() - HOUR, 30 * MINUTE)
    away(world, now() - 9 * HOUR, 10 * MINUTE)
    latest, earlier = rows(efua)
    assert "30 min" in latest
    assert "A portrait, by 1 h" in latest
    assert "Not set yet" not in latest
    assert "A landscape" not in latest
    assert "none" in earlier
    stands = assignment_for(world, cast.ama.id, moved.id).due_at
    assert stands == moved.due_at + HOUR
    shown = parse(efua.get(PAGE)).css_first("tbody tr .under").css("time")
    assert [time.attributes["datetime"][:16] for time in shown] == [
        moment.isoformat()[:16] for moment in (moved.due_at, stands)
    ]
    assert "30 min" in words(parse(efua.get("/admin/system")).css_first("#outages"))


def test_what_moved_only_for_those_with_more_time_is_told_apart(efua: FlaskClient, world: Session, cast: Cast) -> None:
    made = make_assignment(world, cast.intake, cast.kofi, title="A portrait", due_at=now() - 20 * HOUR)
    give_extensions(world, actor(cast.kofi), made.id, [cast.enrolment.id], 24, at=now())
    away(world, now() - HOUR, 20 * MINUTE)
    (row,) = rows(efua)
    assert "A portrait, by 40 min" in row
    assert "for those with more time" in row


def test_many_times_away_stand_on_pages(efua: FlaskClient, world: Session) -> None:
    for days in range(60):
        world.add(Outage(since=now() - timedelta(days=days, hours=1), until=now() - timedelta(days=days)))
    world.commit()
    seen, address = [], PAGE
    while address:
        page = parse(efua.get(address))
        seen += [words(row) for row in page.css("tbody tr")]
        following = page.css_first("a[rel=next]")
        address = following.attributes["href"] if following else ""
    assert len(seen) == len(set(seen)) == 60


@pytest.mark.parametrize("number", [1, 20])
def test_it_costs_as_much_for_many_as_for_one(
    efua: FlaskClient, world: Session, cast: Cast, count_queries: Any, number: int
) -> None:
    for hours in range(number):
        make_assignment(world, cast.intake, cast.kofi, due_at=now() + (hours + 1) * 10 * MINUTE)
        world.add(Outage(since=now() - (hours + 1) * HOUR, until=now() - (hours + 1) * HOUR + 20 * MINUTE))
    world.commit()
    efua.get(PAGE)
    with count_queries() as queries:
        assert len(rows(efua)) == number
    assert len(queries) <= 5, queries
