"""The words of every mail, as files beside the test. `UPDATE_MAIL=1` writes them anew, to be read as a diff."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portal.domain.notifications.models import NotificationKind
from portal.jobs.messages import mail_text

KEPT = Path(__file__).parent / "mail"
DATA = {
    "path": "/student/somewhere",
    "course": "Professional Photography",
    "intake": "November 2026",
    "title": "Portraits <in> low light",
    "starts_on": "2026-11-23",
    "due_at": "2026-12-07T17:00:00+00:00",
    "starts_at": "2026-12-07T10:00:00+00:00",
    "ends_at": "2026-12-07T12:00:00+00:00",
    "was_at": "2026-12-06T10:00:00+00:00",
    "received_at": "2026-12-06T21:14:00+00:00",
    "place": "Studio 1",
    "number": "S-0147",
    "code": "K7QF-2M9X",
    "files": [{"name": "portrait.jpg", "size": 48_213, "sha256": "ab" * 32}],
    "by": "Abena Tetteh",
    "group": "The early birds",
    "was": "The night shift",
    "more": "2 days",
    "answer": "Get well soon.",
    "reason": "The studio has no power.",
    "why": "The time to hand in has passed. Ask your trainer what you can do.",
}


@pytest.mark.parametrize("kind", list(NotificationKind))
def test_the_mail_of_each_kind_says_what_it_should(kind: NotificationKind):
    said = mail_text(
        kind,
        DATA,
        first_name="Ama",
        site="https://portal.example.org",
        address="https://portal.example.org/there",
        zone=ZoneInfo("Africa/Accra"),
    )
    text = f"Subject: {said.title}\n\n{said.body}"
    kept = KEPT / f"{kind}.txt"
    if os.environ.get("UPDATE_MAIL"):
        KEPT.mkdir(exist_ok=True)
        kept.write_text(text)
    assert text == kept.read_text()
    assert "https://portal.example.org/there" in text


def test_what_is_optional_may_be_absent():
    data = {name: value for name, value in DATA.items() if name not in {"reason", "files"}}
    for kind in NotificationKind:
        said = mail_text(
            kind,
            data,
            first_name="Ama",
            site="https://portal.example.org",
            address="https://x.test/",
            zone=ZoneInfo("Africa/Accra"),
        )
        assert "None" not in said.body


def test_the_mail_to_who_stay_in_a_group_says_who_left_it():
    said = mail_text(
        NotificationKind.GROUP_CHANGED,
        DATA | {"left": True, "was": None},
        first_name="Kwame",
        site="https://portal.example.org",
        address="https://x.test/",
        zone=ZoneInfo("Africa/Accra"),
    )
    assert said.title == "Abena Tetteh left your group: Portraits <in> low light"
    assert "Abena Tetteh left “The early birds”, which goes on without them" in said.body
    assert "Nothing can be handed in" not in said.body


def test_times_are_told_by_the_readers_clock():
    said = mail_text(
        NotificationKind.CLASS_SCHEDULED,
        DATA,
        first_name="Ama",
        site="https://portal.example.org",
        address="https://x.test/",
        zone=ZoneInfo("Asia/Tokyo"),
    )
    assert "Monday 7 December, 19:00 to 21:00" in said.body
