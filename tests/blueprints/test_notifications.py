"""The bell and what it leads to."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from portal.domain.notifications.models import Notification, NotificationKind
from tests.cast import Cast
from tests.pages import parse, words

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def make_notification(world: Session, person, number: int = 1, **values) -> Notification:
    defaults = {
        "user_id": person.id,
        "kind": NotificationKind.MARK_RELEASED,
        "key": f"mark:{number}",
        "data": {"path": "/student/assignments/1", "course": "Photography", "title": f"Portrait {number}"},
        "created_at": AT + timedelta(minutes=number),
    }
    row = Notification(**(defaults | values))
    world.add(row)
    world.commit()
    return row


def titles(page) -> list[str]:
    return [words(node) for node in parse(page).css("#notifications .item-title")]


def test_a_visitor_is_asked_to_sign_in(client):
    assert client.get("/notifications/").status_code == 303


def test_what_is_new_is_shown_first_and_newest_first(world, cast: Cast, sign_in):
    make_notification(world, cast.ama, 1)
    make_notification(world, cast.ama, 2)
    make_notification(world, cast.ama, 3, read_at=AT)
    browser = sign_in(cast.ama)
    page = browser.get("/notifications/")
    assert titles(page) == ["Your mark is there: Portrait 2", "Your mark is there: Portrait 1"]
    assert titles(browser.get("/notifications/?show=earlier")) == ["Your mark is there: Portrait 3"]


def test_when_all_is_read_the_earlier_ones_are_shown(world, cast: Cast, sign_in):
    make_notification(world, cast.ama, 1, read_at=AT)
    assert titles(sign_in(cast.ama).get("/notifications/")) == ["Your mark is there: Portrait 1"]


def test_nobody_sees_or_opens_what_was_told_to_another(world, cast: Cast, sign_in):
    row = make_notification(world, cast.ama)
    stranger = sign_in(cast.esi)
    assert titles(stranger.get("/notifications/?show=new")) == []
    assert stranger.get(f"/notifications/{row.id}").status_code == 404
    assert stranger.post(f"/notifications/{row.id}/reading").status_code == 404
    world.refresh(row)
    assert row.read_at is None


def test_opening_one_marks_it_read_and_goes_where_it_leads(world, cast: Cast, sign_in):
    row = make_notification(world, cast.ama)
    answer = sign_in(cast.ama).get(f"/notifications/{row.id}")
    assert (answer.status_code, answer.location) == (303, "/student/assignments/1")
    world.refresh(row)
    assert row.read_at is not None


@pytest.mark.parametrize("path", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_no_notification_leads_out_of_the_portal(world, cast: Cast, sign_in, path: str):
    row = make_notification(world, cast.ama, data={"path": path, "course": "Photography", "title": "Portraits"})
    assert sign_in(cast.ama).get(f"/notifications/{row.id}").location == "/notifications/"


def test_one_or_all_can_be_marked_as_read_without_being_opened(world, cast: Cast, sign_in):
    rows = [make_notification(world, cast.ama, number) for number in (1, 2, 3)]
    browser = sign_in(cast.ama)
    assert browser.post(f"/notifications/{rows[0].id}/reading").status_code == 303
    assert len(titles(browser.get("/notifications/"))) == 2
    assert browser.post("/notifications/reading").status_code == 303
    assert titles(browser.get("/notifications/?show=new")) == []


def test_marking_needs_the_token_of_a_form(world, cast: Cast, sign_in):
    row = make_notification(world, cast.ama)
    browser = sign_in(cast.ama)
    browser.csrf = None
    assert browser.post(f"/notifications/{row.id}/reading").status_code == 400
    assert browser.post("/notifications/reading").status_code == 400


def test_the_bell_answers_only_when_there_is_something_new(world, cast: Cast, sign_in):
    make_notification(world, cast.ama)
    browser = sign_in(cast.ama)
    poll = parse(browser.get("/notifications/")).css_first("#bell").attributes["hx-get"]
    assert browser.get(poll, headers={"HX-Request": "true"}).status_code == 204
    make_notification(world, cast.ama, 2)
    answer = browser.get(poll, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert words(parse(answer).css_first("#bell .bell-count")) == "2"
    assert parse(answer).css_first("main") is None


def test_a_page_left_open_does_not_keep_its_person_signed_in(world, cast: Cast, sign_in):
    from portal.domain.accounts.models import UserSession

    long_ago = datetime.now(UTC) - timedelta(minutes=30)
    browser = sign_in(cast.ama, last_seen_at=long_ago)
    browser.get("/notifications/bell?shown=0")
    session = world.query(UserSession).filter_by(user_id=cast.ama.id).one()
    assert session.last_seen_at == long_ago


def test_the_list_goes_on_over_pages_without_loss_or_repeat(world, cast: Cast, sign_in):
    for number in range(45):
        make_notification(world, cast.ama, number, created_at=AT)
    browser, seen, address = sign_in(cast.ama), [], "/notifications/"
    while address:
        page = browser.get(address)
        seen += titles(page)
        following = parse(page).css_first("#notifications a[rel=next]")
        address = following.attributes["href"] if following else None
    assert len(seen) == 45
    assert len(set(seen)) == 45


def test_a_hundred_notifications_take_as_few_statements_as_one(world, cast: Cast, sign_in, count_queries):
    browser, counts = sign_in(cast.ama), []
    for many in (1, 100):
        for number in range(many):
            make_notification(world, cast.ama, 1000 * many + number)
        with count_queries() as queries:
            browser.get("/notifications/")
        counts.append(len(queries.statements))
    assert counts[0] == counts[1] <= 6


def test_htmx_gets_the_list_alone(world, cast: Cast, sign_in):
    make_notification(world, cast.ama)
    answer = sign_in(cast.ama).get("/notifications/", headers={"HX-Request": "true"})
    assert parse(answer).css_first("main") is None
    assert len(titles(answer)) == 1
