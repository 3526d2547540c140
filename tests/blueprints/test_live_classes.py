"""Classes on the pages: the week, scheduling, moving, cancelling, joining."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.live_classes.models import LiveClass
from tests.cast import Cast
from tests.factories import make_live_class, make_room, make_user
from tests.pages import assert_page_and_fragment, parse, words

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)  # a Tuesday
TEN = datetime(2026, 12, 3, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LINK = "https://meet.google.com/abc-defg-hij"

SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller


@pytest.fixture
def light(world: Session, cast: Cast) -> LiveClass:
    """Kofi's class for Ama's intake, on Thursday at ten, online."""
    made = make_live_class(
        world, cast.intake, cast.kofi, title="Light and shadow", starts_at=TEN, ends_at=TEN + 2 * HOUR, meeting_url=LINK
    )
    world.commit()
    return made


def typed(**changes: Any) -> dict[str, Any]:
    """What a trainer types into the form of a class."""
    values = {
        "title": "Portraits",
        "starts_at": "2026-12-03T11:00",
        "minutes": "60",
        "room_id": "",
        "meeting_url": LINK,
    }
    return values | changes


def schedule(browser: FlaskClient, cast: Cast, **changes: Any) -> Any:
    form = typed(trainer_id=str(cast.kofi.id), **changes)
    return browser.post(f"/trainer/live-classes/new/{cast.intake.id}", data=form)


def test_a_trainer_schedules_a_class_and_the_student_sees_it_in_her_week(cast: Cast, sign_in: SignIn) -> None:
    kofi, ama = sign_in(cast.kofi), sign_in(cast.ama)
    page = kofi.get("/trainer/live-classes/new", follow_redirects=True)
    assert parse(page).css_first("form [name=starts_at]")
    answer = schedule(kofi, cast)
    assert answer.status_code == 303
    shown = kofi.get(answer.headers["Location"])
    assert "Portraits" in words(shown)
    assert LINK in shown.get_data(as_text=True)
    week = ama.get("/student/live-classes")
    assert "Portraits" in words(week)
    assert "11:00–12:00" in words(week)


def test_a_form_that_is_not_whole_comes_back_as_typed(cast: Cast, sign_in: SignIn) -> None:
    answer = schedule(sign_in(cast.kofi), cast, title="", minutes="5")
    assert answer.status_code == 422
    page = parse(answer)
    assert page.css_first("[name=title]").attributes["aria-invalid"] == "true"
    assert page.css_first("[name=minutes]").attributes["value"] == "5"
    assert page.css_first("[name=meeting_url]").attributes["value"] == LINK


def test_a_class_in_the_past_is_refused_beside_its_field(cast: Cast, sign_in: SignIn) -> None:
    answer = schedule(sign_in(cast.kofi), cast, starts_at="2026-11-30T10:00")
    assert answer.status_code == 422
    assert "Choose a time that is still to come" in words(parse(answer).css_first("#starts_at-error"))


def test_a_clash_is_explained_beside_the_field_with_what_was_typed_kept(
    cast: Cast, sign_in: SignIn, light: LiveClass, world: Session
) -> None:
    answer = schedule(sign_in(cast.kofi), cast)
    assert answer.status_code == 409
    page = parse(answer)
    error = words(page.css_first("#starts_at-error"))
    assert "Kofi Asante teaches “Light and shadow” (Professional Photography)" in error
    assert "Thursday 3 December, 10:00 to 12:00" in error
    assert page.css_first("[name=title]").attributes["value"] == "Portraits"
    assert page.css_first("[name=starts_at]").attributes["value"] == "2026-12-03T11:00"
    world.rollback()
    assert world.scalar(select(func.count()).select_from(LiveClass)) == 1


def test_a_class_moved_into_a_clash_is_refused_and_one_moved_beside_it_is_not(
    cast: Cast, sign_in: SignIn, light: LiveClass
) -> None:
    kofi = sign_in(cast.kofi)
    page = schedule(kofi, cast, starts_at="2026-12-03T14:00").headers["Location"]
    form = parse(kofi.get(f"{page}/time-and-place"))
    assert form.css_first("[name=starts_at]").attributes["value"] == "2026-12-03T14:00"
    clash = kofi.post(f"{page}/time-and-place", data=typed())
    assert clash.status_code == 409
    assert "Light and shadow" in words(parse(clash).css_first("#starts_at-error"))
    assert "14:00" in words(kofi.get(page))
    moved = kofi.post(f"{page}/time-and-place", data=typed(starts_at="2026-12-03T12:00"))
    assert moved.status_code == 303
    assert "12:00 to 13:00" in words(kofi.get(page))


def test_a_room_may_be_chosen_instead_of_a_link_and_one_of_them_is_needed(
    cast: Cast, sign_in: SignIn, world: Session
) -> None:
    room = make_room(world, name="Studio A")
    make_room(world, name="Old hall", closed_at=AT)
    world.commit()
    kofi = sign_in(cast.kofi)
    form = words(kofi.get(f"/trainer/live-classes/new/{cast.intake.id}"))
    assert "Studio A" in form
    assert "Old hall" not in form
    nowhere = schedule(kofi, cast, meeting_url="")
    assert nowhere.status_code == 422
    assert "Choose a room" in words(nowhere)
    there = schedule(kofi, cast, meeting_url="", room_id=str(room.id))
    assert "Studio A" in words(kofi.get(there.headers["Location"]))


def test_times_are_typed_and_shown_in_the_clock_of_the_person(cast: Cast, sign_in: SignIn, world: Session) -> None:
    cast.kofi.time_zone = "America/New_York"
    world.merge(cast.kofi)
    world.commit()
    page = schedule(sign_in(cast.kofi), cast, starts_at="2026-12-03T05:00").headers["Location"]
    assert "05:00 to 06:00" in words(sign_in(cast.kofi).get(page))
    assert "10:00–11:00" in words(sign_in(cast.ama).get("/student/live-classes"))


def test_a_cancelled_class_stays_visible_with_its_reason(cast: Cast, sign_in: SignIn, light: LiveClass) -> None:
    kofi, ama = sign_in(cast.kofi), sign_in(cast.ama)
    page = f"/trainer/live-classes/{light.id}/cancellation"
    assert "This cannot be undone" in words(kofi.get(page))
    assert kofi.post(page, data={"reason": ""}).status_code == 422
    assert kofi.post(page, data={"reason": "The power is out"}).status_code == 303
    assert "The power is out" in words(ama.get(f"/student/live-classes/{light.id}"))
    assert "Cancelled" in words(ama.get("/student/live-classes"))
    assert kofi.post(page, data={"reason": "Again"}).status_code == 409


def test_people_elsewhere_find_nothing(cast: Cast, sign_in: SignIn, light: LiveClass) -> None:
    esi, yaw = sign_in(cast.esi), sign_in(cast.yaw)
    for page in ("", "/joining", "/meeting"):
        assert esi.get(f"/student/live-classes/{light.id}{page}").status_code == 404
    for page in ("", "/time-and-place", "/cancellation"):
        assert yaw.get(f"/trainer/live-classes/{light.id}{page}").status_code == 404
    assert yaw.get(f"/trainer/live-classes/new/{cast.intake.id}").status_code == 404
    assert schedule(yaw, cast).status_code == 404
    assert yaw.post(f"/trainer/live-classes/{light.id}/time-and-place", data=typed()).status_code == 404
    assert yaw.post(f"/trainer/live-classes/{light.id}/cancellation", data={"reason": "x"}).status_code == 404
    assert "Light and shadow" not in words(esi.get("/student/live-classes"))
    assert "Light and shadow" not in words(yaw.get("/trainer/live-classes"))
    assert sign_in(cast.ama).get(f"/trainer/live-classes/{light.id}").status_code == 403


def test_a_director_sees_every_class_and_changes_none(
    cast: Cast, sign_in: SignIn, light: LiveClass, world: Session
) -> None:
    director = sign_in(make_user(world, "admin", duties=["director"]))
    assert "Light and shadow" in words(director.get("/admin/live-classes"))
    page = director.get(f"/trainer/live-classes/{light.id}")
    assert page.status_code == 200
    assert not parse(page).css('a[href$="/cancellation"], a[href$="/time-and-place"]')
    answer = director.post(f"/trainer/live-classes/{light.id}/cancellation", data={"reason": "x"})
    assert answer.status_code == 403


def test_the_office_schedules_for_an_intake_and_names_its_trainer(cast: Cast, sign_in: SignIn) -> None:
    efua = sign_in(cast.efua)
    choice = words(efua.get("/trainer/live-classes/new"))
    assert "Professional Photography" in choice
    assert "Advanced Film Direction" in choice
    form = parse(efua.get(f"/trainer/live-classes/new/{cast.intake.id}"))
    assert [option.text() for option in form.css("#trainer_id option")] == ["Kofi Asante"]
    assert schedule(efua, cast).status_code == 303


@pytest.mark.parametrize(
    "at, status",
    [
        (TEN - timedelta(minutes=16), 409),
        (TEN - timedelta(minutes=15), 303),
        (TEN + HOUR, 303),
        (TEN + 2 * HOUR - timedelta(seconds=1), 303),
        (TEN + 2 * HOUR, 409),
    ],
)
def test_a_student_joins_from_fifteen_minutes_before_to_the_end(
    cast: Cast, sign_in: SignIn, light: LiveClass, clock: time_machine.Traveller, at: datetime, status: int
) -> None:
    clock.move_to(at)
    ama = sign_in(cast.ama)
    answer = ama.get(f"/student/live-classes/{light.id}/meeting")
    assert answer.status_code == status
    assert answer.headers.get("Location") == (LINK if status == 303 else None)
    page = ama.get(f"/student/live-classes/{light.id}")
    button = parse(page).css_first('a[href$="/meeting"]')
    assert (button is not None) == (status == 303)
    if button:
        assert button.attributes["rel"] == "noopener noreferrer"
    assert "meet.google.com" not in page.get_data(as_text=True)


def test_no_page_of_a_student_ever_holds_the_link(
    cast: Cast, sign_in: SignIn, light: LiveClass, clock: time_machine.Traveller
) -> None:
    ama = sign_in(cast.ama)
    for at in (AT, TEN - timedelta(minutes=10), TEN + HOUR, TEN + timedelta(days=1)):
        clock.move_to(at)
        ama = sign_in(cast.ama)
        for page in ("", "?view=upcoming", "?view=past", f"/{light.id}", f"/{light.id}/joining"):
            answer = ama.get(f"/student/live-classes{page}")
            assert answer.status_code == 200
            assert "meet.google.com" not in answer.get_data(as_text=True)


def test_a_student_whose_access_is_closed_sees_the_class_and_cannot_join(
    cast: Cast, sign_in: SignIn, light: LiveClass, world: Session, clock: time_machine.Traveller
) -> None:
    world.get(type(cast.enrolment), cast.enrolment.id).access_until = TEN - timedelta(days=1)
    world.commit()
    clock.move_to(TEN)
    ama = sign_in(cast.ama)
    assert ama.get(f"/student/live-classes/{light.id}/meeting").status_code == 409
    page = words(ama.get(f"/student/live-classes/{light.id}"))
    assert "until your fees are settled" in page
    assert "10:00 to 12:00" in page


def test_the_button_appears_by_itself_and_polling_is_no_activity(
    cast: Cast, sign_in: SignIn, light: LiveClass, world: Session, clock: time_machine.Traveller
) -> None:
    from portal.domain.accounts.models import UserSession

    clock.move_to(TEN - timedelta(minutes=20))
    ama = sign_in(cast.ama)
    waiting = parse(ama.get(f"/student/live-classes/{light.id}")).css_first("#joining")
    poll = waiting.attributes["hx-get"]
    htmx = {"HX-Request": "true"}
    assert waiting.attributes["hx-trigger"] == "every 15s"
    assert ama.get(poll, headers=htmx).status_code == 204
    seen = world.scalars(select(UserSession.last_seen_at).where(UserSession.user_id == cast.ama.id)).one()
    clock.move_to(TEN - timedelta(minutes=14))
    opened = ama.get(poll, headers=htmx)
    assert opened.status_code == 200
    fragment = parse(opened)
    assert fragment.css_first("#joining a[href$='/meeting']")
    assert "<html" not in opened.get_data(as_text=True)
    world.rollback()
    assert world.scalars(select(UserSession.last_seen_at).where(UserSession.user_id == cast.ama.id)).one() == seen
    clock.move_to(TEN + 2 * HOUR)
    ama = sign_in(cast.ama)  # the first session ended while only the page asked
    over = parse(ama.get(fragment.css_first("#joining").attributes["hx-get"], headers=htmx)).css_first("#joining")
    assert "hx-get" not in over.attributes


def test_weeks_follow_each_other_and_a_strange_week_is_this_one(cast: Cast, sign_in: SignIn, light: LiveClass) -> None:
    ama = sign_in(cast.ama)
    assert "Light and shadow" not in words(ama.get("/student/live-classes?week=2026-11-23"))
    page = parse(ama.get("/student/live-classes?week=2026-11-26"))
    following = next(link.attributes["href"] for link in page.css("a") if "Next week" in link.text())
    assert following.endswith("week=2026-11-30")
    assert "Light and shadow" in words(ama.get(following))
    for strange in ("tomorrow", "2026-13-45", "9999-12-31", "0001-01-01"):
        assert "Light and shadow" in words(ama.get(f"/student/live-classes?week={strange}"))


@pytest.mark.parametrize("role, path", [("ama", "/student/"), ("kofi", "/trainer/"), ("efua", "/admin/")])
def test_a_timetable_is_a_page_and_a_fragment(
    cast: Cast, sign_in: SignIn, light: LiveClass, role: str, path: str
) -> None:
    browser = sign_in(getattr(cast, role))
    for view in ("", "?view=upcoming", "?view=past"):
        assert_page_and_fragment(browser, f"{path}live-classes{view}", "timetable")


@pytest.mark.parametrize("view", ["week", "upcoming", "past"])
@pytest.mark.parametrize("role, path", [("ama", "/student/"), ("kofi", "/trainer/"), ("efua", "/admin/")])
def test_a_timetable_costs_the_same_for_one_class_and_for_a_hundred(
    cast: Cast, sign_in: SignIn, world: Session, count_queries: Any, role: str, path: str, view: str
) -> None:
    quarter = timedelta(minutes=15)
    first = AT.replace(day=30 if view == "past" else 1, month=11 if view == "past" else 12)
    first -= timedelta(days=2 if view == "past" else 0)
    counts = []
    for number in range(100):
        starts = first + (number + 1) * quarter
        make_live_class(world, cast.intake, cast.kofi, starts_at=starts, ends_at=starts + quarter)
        if number in (0, 99):
            world.commit()
            browser = sign_in(getattr(cast, role))
            with count_queries() as queries:
                assert browser.get(f"{path}live-classes?view={view}").status_code == 200
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 6, str(queries)


def test_the_office_adds_a_room_and_closes_it_when_nothing_is_to_happen_in_it(
    cast: Cast, sign_in: SignIn, world: Session
) -> None:
    efua = sign_in(cast.efua)
    assert "No rooms yet" in words(efua.get("/admin/rooms"))
    assert efua.post("/admin/rooms", data={"name": "", "capacity": "0"}).status_code == 422
    assert efua.post("/admin/rooms", data={"name": "Studio A", "capacity": "14"}).status_code == 303
    again = efua.post("/admin/rooms", data={"name": "Studio A", "capacity": ""})
    assert again.status_code == 409
    assert "Another room has this name" in words(again)
    form = parse(efua.get("/admin/rooms")).css_first('form[action$="/closure"]')
    closed = efua.post(form.attributes["action"], follow_redirects=True)
    assert "Studio A is closed" in words(closed)


def test_a_room_with_classes_ahead_stays_open(cast: Cast, sign_in: SignIn, world: Session) -> None:
    room = make_room(world, name="Studio A")
    make_live_class(world, cast.intake, cast.kofi, starts_at=TEN, room_id=room.id)
    world.commit()
    answer = sign_in(cast.efua).post(f"/admin/rooms/{room.id}/closure", follow_redirects=True)
    assert "1 class is still to meet in Studio A" in words(answer)


def test_only_the_registrar_keeps_rooms(cast: Cast, sign_in: SignIn, world: Session) -> None:
    director = sign_in(make_user(world, "admin", duties=["director"]))
    assert director.get("/admin/rooms").status_code == 200
    assert director.post("/admin/rooms", data={"name": "Mine"}).status_code == 403
    assert sign_in(cast.kofi).get("/admin/rooms").status_code == 403
