"""The state of the institute: figures that lead to their rows, refresh themselves, and add up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.models import SecurityEvent, UserSession
from portal.domain.assignments.models import Submission
from portal.domain.reports.institute_overview import DAYS, WEEKS, institute_overview
from portal.web.stored_state import cache_entries
from tests.cast import Cast
from tests.factories import add, make_assignment, make_enrolment, make_intake, make_live_class, make_user
from tests.pages import parse, words

AT = datetime(2026, 12, 2, 8, 0, tzinfo=UTC)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACCRA = ZoneInfo("Africa/Accra")
HTMX = {"HX-Request": "true"}

SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller


def handed_in(world: Session, enrolment: Any, assignment: Any, **values: Any) -> Submission:
    defaults = {
        "assignment_id": assignment.id,
        "enrolment_id": enrolment.id,
        "attempt": 1,
        "state": "submitted",
        "number": f"S-{assignment.id}-{enrolment.id}",
        "code": "code",
        "begun_at": AT - HOUR,
        "submitted_at": AT - HOUR,
    }
    return add(world, Submission(**(defaults | values)))


def forget_kept_figures(world: Session) -> None:
    world.execute(delete(cache_entries))
    world.commit()


def figure(page: Any, label: str) -> Any:
    return next(node for node in parse(page).css(".figure") if node.css_first(".label").text() == label)


def test_each_figure_counts_and_leads_to_its_rows(cast: Cast, sign_in: SignIn, world: Session) -> None:
    full = make_intake(world, cast.film, title="March", seats=2, application_deadline=date(2026, 12, 20))
    for _ in range(2):
        make_enrolment(world, make_user(world), full)
    handed_in(world, cast.enrolment, make_assignment(world, cast.intake, cast.kofi))
    make_live_class(world, cast.intake, cast.kofi, title="Light", starts_at=AT + HOUR)
    make_live_class(world, cast.intake, cast.kofi, title="Tomorrow", starts_at=AT + DAY)
    make_live_class(
        world, cast.intake, cast.kofi, title="Off", starts_at=AT + 4 * HOUR, state="cancelled", cancelled_at=AT
    )
    forget_kept_figures(world)
    page = sign_in(cast.efua).get("/admin/")
    shown = parse(page)
    expected = {
        "Students": ("4", "/admin/people?role=student"),  # Ama, Esi and two more; Kojo is deactivated
        "Trainers": ("2", "/admin/people?role=trainer"),
        "Intakes filling up": ("1", "#filling"),
        "Waiting for a mark": ("1", "#waiting"),
        "Classes today": ("1", "/admin/live-classes"),
    }
    for label, (value, url) in expected.items():
        found = figure(page, label)
        assert (words(found.css_first(".value")), found.attributes["href"]) == (value, url), label
        if url.startswith("#"):
            assert shown.css_first(url) is not None
    assert "Light" in words(shown.css_first("#today"))
    assert "Tomorrow" not in words(shown.css_first("#today"))
    assert "all 2 taken" in words(shown.css_first("#filling"))
    assert "Professional Photography" in words(shown.css_first("#waiting"))


def test_what_a_figure_counts_all_stands_among_its_rows(cast: Cast, world: Session) -> None:
    for number in range(10):
        intake = make_intake(world, trainers=[cast.kofi], seats=1, application_deadline=date(2026, 12, 20))
        enrolment = make_enrolment(world, make_user(world), intake)
        for _ in range(number + 1):
            handed_in(world, enrolment, make_assignment(world, intake, cast.kofi))
    world.commit()
    overview = institute_overview(db.current_session(), ACCRA, at=AT)
    assert (overview.filling, overview.waiting) == (10, 55)
    assert sum(intake.taken == intake.seats for intake in overview.intakes) == 10
    assert sum(work.number for work in overview.marking) == 55


def test_charts_have_every_week_and_day_and_count_by_the_institutes_clock(cast: Cast, world: Session) -> None:
    essay = make_assignment(world, cast.intake, cast.kofi)
    handed_in(world, cast.enrolment, essay, submitted_at=datetime(2026, 11, 29, 23, 59, tzinfo=UTC))
    script = make_assignment(world, cast.other_intake, cast.yaw)
    handed_in(world, cast.other_enrolment, script, submitted_at=datetime(2026, 11, 30, 0, 0, tzinfo=UTC))
    for hours in (0, 1, 25):
        add(world, SecurityEvent(at=AT - timedelta(hours=hours), kind="signed-in"))
    add(world, SecurityEvent(at=AT, kind="sign-in-failed"))
    world.commit()
    overview = institute_overview(db.current_session(), ACCRA, at=AT)
    assert [len(series) for series in (overview.hand_ins, overview.enrolments, overview.sign_ins)] == [
        WEEKS,
        WEEKS,
        DAYS,
    ]
    assert overview.hand_ins[-2:] == [("2026-11-23", 1), ("2026-11-30", 1)]
    assert overview.sign_ins[-2:] == [("2026-12-01", 1), ("2026-12-02", 2)]
    elsewhere = institute_overview(db.current_session(), ZoneInfo("Asia/Kolkata"), at=AT)
    assert elsewhere.hand_ins[-2:] == [("2026-11-23", 0), ("2026-11-30", 2)]


def test_the_page_refreshes_itself_only_when_something_changed(cast: Cast, sign_in: SignIn, world: Session) -> None:
    forget_kept_figures(world)
    efua = sign_in(cast.efua)
    poll = parse(efua.get("/admin/")).css_first("#figures").attributes["hx-get"]
    before = world.scalars(select(UserSession.last_seen_at).where(UserSession.user_id == cast.efua.id)).one()
    assert efua.get(poll, headers=HTMX).status_code == 204
    handed_in(world, cast.enrolment, make_assignment(world, cast.intake, cast.kofi))
    forget_kept_figures(world)
    fragment = efua.get(poll, headers=HTMX)
    assert fragment.status_code == 200
    assert b"<html" not in fragment.data
    assert words(figure(fragment, "Waiting for a mark").css_first(".value")) == "1"
    next_poll = parse(fragment).css_first("#figures").attributes["hx-get"]
    assert next_poll != poll
    assert efua.get(next_poll, headers=HTMX).status_code == 204
    world.rollback()
    assert world.scalars(select(UserSession.last_seen_at).where(UserSession.user_id == cast.efua.id)).one() == before


def test_an_empty_institute_says_what_will_be_here(sign_in: SignIn, world: Session) -> None:
    forget_kept_figures(world)
    page = words(sign_in(make_user(world, "admin")).get("/admin/"))
    for sentence in ("No classes today", "No intake takes people now", "All work is marked"):
        assert sentence in page


def test_the_page_is_for_admins_alone(cast: Cast, sign_in: SignIn, client: FlaskClient) -> None:
    for path in ("/admin/", "/admin/figures"):
        assert sign_in(cast.ama).get(path).status_code == 403
        assert sign_in(cast.kofi).get(path).status_code == 403
        assert client.get(path).status_code == 303


def test_the_page_costs_the_same_for_one_row_and_for_a_hundred(
    cast: Cast, sign_in: SignIn, world: Session, count_queries: Any
) -> None:
    counts = []
    for number in range(100):
        intake = make_intake(world, trainers=[cast.kofi], application_deadline=date(2026, 12, 20))
        enrolment = make_enrolment(world, make_user(world), intake)
        handed_in(world, enrolment, make_assignment(world, intake, cast.kofi))
        starts = AT.replace(hour=0) + number * timedelta(minutes=14)
        make_live_class(world, intake, cast.kofi, starts_at=starts, ends_at=starts + timedelta(minutes=14))
        if number in (0, 99):
            forget_kept_figures(world)
            efua = sign_in(cast.efua)
            with count_queries() as first:
                assert efua.get("/admin/").status_code == 200
            with count_queries() as second:
                assert efua.get("/admin/").status_code == 200
            counts.append((len(first), len(second)))
    assert counts[0] == counts[1], str(first)
    assert counts[0][0] <= 6, str(first)  # the figures anew: once in 15 s, whoever looks
    assert counts[0][1] <= 3, str(second)  # the session, the limit, the cache


@pytest.mark.parametrize(
    "used, warning", [(84, None), (85, "At 95 % no video is taken"), (95, "No video is taken until there is room")]
)
def test_the_admin_who_runs_the_portal_is_warned_of_a_disk_that_fills_up(
    world: Session, cast: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, used: int, warning: str | None
) -> None:
    usage = SimpleNamespace(total=100, used=used, free=100 - used)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    page = words(sign_in(cast.efua).get("/admin/"))
    assert (f"The disk is {used} % full." in page) is (warning is not None)
    assert warning is None or warning in page
    cashier = make_user(world, "admin", email="cashier@example.test", duties=["cashier"])
    assert "The disk is" not in words(sign_in(cashier).get("/admin/"))
