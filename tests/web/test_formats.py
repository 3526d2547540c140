"""Amounts, moments and sizes in the words people read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web import formats

ACCRA = ZoneInfo("Africa/Accra")
LAGOS = ZoneInfo("Africa/Lagos")
NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)


def spaced(words: str) -> str:
    return words.replace(formats.NO_BREAK, " ")


@pytest.mark.parametrize(
    ("pesewas", "words"),
    [
        (125000, "GH₵ 1,250.00"),
        (5, "GH₵ 0.05"),
        (0, "GH₵ 0.00"),
        (-5050, "−GH₵ 50.50"),
        (123456789, "GH₵ 1,234,567.89"),
    ],
)
def test_money_is_told_to_the_pesewa(pesewas, words):
    assert spaced(formats.money(pesewas)) == words


@given(st.integers(-(10**12), 10**12))
def test_no_pesewa_is_lost_in_words(pesewas):
    words = formats.money(pesewas)
    figures = int("".join(character for character in words if character.isdigit()))
    assert figures == abs(pesewas)
    assert words.startswith("−") == (pesewas < 0)


def test_a_day_and_a_time_are_told_in_the_readers_zone():
    late = datetime(2026, 12, 7, 23, 30, tzinfo=UTC)
    assert formats.day_time(late, ACCRA) == "Monday 7 December, 23:30"
    assert formats.day_time(late, LAGOS) == "Tuesday 8 December, 00:30"
    assert formats.clock(late, LAGOS) == "00:30"
    assert formats.exact(late, ACCRA) == "Monday 7 December 2026, 23:30:00, Accra time"


def test_a_day_is_told_with_its_year():
    assert formats.day(date(2026, 12, 7)) == "Monday 7 December 2026"
    assert formats.short_day(date(2026, 12, 7)) == "7 Dec"


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=0), "just now"),
        (timedelta(seconds=30), "in a moment"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=-12), "12 minutes ago"),
        (timedelta(hours=5, minutes=59), "in 5 hours"),
        (timedelta(hours=-23), "23 hours ago"),
        (timedelta(hours=26), "tomorrow, 12:00"),
        (timedelta(hours=-26), "yesterday, 08:00"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(days=3), "in 3 days"),
        (timedelta(days=-6), "6 days ago"),
        (timedelta(days=7), "14 December"),
        (timedelta(days=40), "16 January 2027"),
    ],
)
def test_a_moment_is_near_within_a_week_and_a_date_beyond(away, words):
    assert formats.relative(NOW + away, NOW, ACCRA) == words


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_999, "1 MB"),
        (4_200_000, "4.2 MB"),
        (50_000_000, "50 MB"),
        (2_000_000_000, "2 GB"),
        (123_456_789_000, "123 GB"),
    ],
)
def test_a_size_is_told_as_limits_are(octets, words):
    assert spaced(formats.size(octets)) == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "0 min"), (45, "45 min"), (60, "1 h"), (90, "1 h 30 min"), (1500, "25 h")]
)
def test_a_duration_is_told_in_hours_and_minutes(minutes, words):
    assert spaced(formats.duration(minutes)) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3725, "1:02:05")])
def test_a_playing_time_reads_like_a_players(seconds, words):
    assert formats.playtime(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(Decimal("12.50"), "12.5"), (Decimal("12.00"), "12"), (100, "100"), (0, "0")]
)
def test_points_carry_no_idle_noughts(value, words):
    assert formats.points(value) == words


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Abena Mensah", "AM"), ("Esi Dzifa Amenuvor", "EA"), ("kofi", "K"), ("", "?"), ("Ama (Student)", "A")],
)
def test_initials_come_from_the_first_and_last_name(name, letters):
    assert formats.initials(name) == letters


def test_numbers_and_nouns_agree():
    assert formats.plural(1, "file") == "1 file"
    assert formats.plural(1200, "file") == "1,200 files"
    assert formats.plural(2, "person", "people") == "2 people"
    assert spaced(formats.percent(62.5)) == "63 %"


def test_attributes_are_escaped_and_named_as_html_names_them():
    written = formats.html_attributes({"hx_get": "/a?b=1&c=2", "data_x": '"><b>', "disabled": True, "hidden": False})
    assert written == ' hx-get="/a?b=1&amp;c=2" data-x="&#34;&gt;&lt;b&gt;" disabled'


def test_a_template_tells_times_in_the_zone_it_is_given():
    from flask import Flask

    app = Flask(__name__)
    formats.register(app, ACCRA)
    template = app.jinja_env.from_string("{{ moment|day_time }} / {{ moment|day_time('Africa/Lagos') }}")
    assert template.render(moment=NOW) == "Monday 7 December, 10:00 / Monday 7 December, 11:00"
