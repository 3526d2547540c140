"""Lists a page at a time: every row once, forwards and backwards, by cursors nobody can make up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from portal.domain.accounts.models import User
from portal.domain.keyset import Keyset, Page, Total, counted, paged
from portal.web.pagination import cursor_of_request, links, parse, render
from tests.factories import make_user

values = st.one_of(
    st.text(max_size=60),
    st.integers(min_value=-(2**53), max_value=2**53),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.uuids(),
)


@given(value=values, key=values, backwards=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_a_place_survives_being_written_into_an_address(app: Flask, value, key, backwards):
    place = Keyset(value, key, backwards)
    with app.app_context():
        assert parse(render(place, "people"), "people") == place


@given(position=st.integers(min_value=0), letter=st.sampled_from("ABCxyz019-_."))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_a_cursor_somebody_changed_is_refused(app: Flask, position, letter):
    with app.app_context():
        good = render(Keyset("mensah ama", UUID(int=7)), "people")
        position %= len(good)
        changed = good[:position] + letter + good[position + 1 :]
        if changed == good:
            return
        with pytest.raises(BadRequest):
            parse(changed, "people")


@pytest.mark.parametrize("text", ["", "x", "....", "null", "A" * 5000, "\x00", "’"])
def test_nonsense_is_no_cursor(app: Flask, text):
    with app.app_context(), pytest.raises(BadRequest):
        parse(text, "people")


def test_a_cursor_of_another_list_or_order_is_refused(app: Flask):
    with app.test_request_context("/api/health/live?sort=name"):
        _previous, address = links(Page((), None, Keyset("a", UUID(int=1))))
    assert address is not None
    with app.test_request_context(address):
        assert cursor_of_request() == Keyset("a", UUID(int=1))
    with app.test_request_context(address.replace("sort=name", "sort=age")), pytest.raises(BadRequest):
        cursor_of_request()
    with app.test_request_context(address.replace("/live", "/ready")), pytest.raises(BadRequest):
        cursor_of_request()


def test_links_keep_what_was_searched_for(app: Flask):
    with app.test_request_context("/api/health/live?q=film&level=beginner&level=advanced&cursor=old"):
        previous, following = links(Page((), None, Keyset(3, 4)))
    assert previous is None
    assert following.startswith("/api/health/live?q=film&level=beginner&level=advanced&cursor=")
    assert "old" not in following


@pytest.fixture
def twelve_people(world: Session) -> list[str]:
    """Twelve people, of whom many share a name."""
    for number in range(12):
        make_user(world, first_name="Same" if number % 3 else f"P{number:02}", last_name="Adjei")
    world.commit()
    return [str(key) for key in world.scalars(select(User.id).order_by(User.sort_key, User.id))]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 4, 5, 12, 50])
def test_walking_to_the_end_and_back_meets_every_row_once(world: Session, twelve_people, size, descending):
    def page(cursor: Keyset | None) -> Page[str]:
        people = select(User.id)
        found = paged(world, people, sort=User.sort_key, key=User.id, cursor=cursor, size=size, descending=descending)
        return found.into(str)

    expected = twelve_people[::-1] if descending else twelve_people
    pages = [page(None)]
    while pages[-1].next:
        pages.append(page(pages[-1].next))
    assert [row for each in pages for row in each.items] == expected
    assert pages[0].previous is None
    back = [pages[-1]]
    while back[-1].previous:
        back.append(page(back[-1].previous))
    assert [each.items for each in reversed(back)] == [each.items for each in pages]


def test_a_place_whose_types_are_not_those_of_the_list_is_its_first_page(world: Session, twelve_people):
    strange = (Keyset(5, UUID(int=1)), Keyset("a", "b"), Keyset(datetime.now(UTC), date.today()), Keyset(Decimal(1), 1))
    for place in strange:
        page = paged(world, select(User.id), sort=User.sort_key, key=User.id, cursor=place, size=3).into(str)
        assert list(page.items) == twelve_people[:3]


def test_a_page_costs_one_statement_whatever_its_place(world: Session, twelve_people, count_queries):
    first = paged(world, select(User.id), sort=User.sort_key, key=User.id, size=5)
    with count_queries() as queries:
        paged(world, select(User.id), sort=User.sort_key, key=User.id, size=5, cursor=first.next)
    assert len(queries) == 1, queries


def test_totals_are_counted_to_a_thousand(world: Session, twelve_people):
    assert counted(world, select(User.id).order_by(User.sort_key)) == Total(12, exact=True)
    assert str(Total(12, exact=True)) == "12"
    crossed = (
        select(User.id)
        .join_from(User, User.__table__.alias("b"), onclause=User.id.is_not(None))
        .join(User.__table__.alias("c"), onclause=User.id.is_not(None))
    )
    assert str(counted(world, crossed)) == "1,000+"
