"""What people type arrives tidy, in the right zone and in whole pesewas; what is refused is shown where it belongs."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wtforms import PasswordField

from portal.domain.errors import Conflict, Invalid, TooLarge
from portal.web.forms import (
    FilesField,
    LocalDateTimeField,
    LongTextField,
    MoneyField,
    PortalForm,
    TextField,
    at_most,
    pesewas_of,
    required,
)


class LessonForm(PortalForm):
    class Meta(PortalForm.Meta):
        csrf = False

    title = TextField("Title", [required(), at_most(20)])
    about = LongTextField("About")
    password = PasswordField("Password")
    starts_at = LocalDateTimeField("Starts")
    price = MoneyField("Price")
    files = FilesField("Files")


@pytest.fixture
def filled(app: Flask):
    """Return the form as it arrives with these fields, typed by a person of this zone."""

    def fill(zone: str = "Africa/Accra", **fields) -> LessonForm:
        data = {"title": "Light"} | fields
        with app.test_request_context("/x", method="POST", data=data):
            g.identity = SimpleNamespace(time_zone=zone)
            form = LessonForm()
            form.validate()
            form.rendered = {field.name: str(field()) for field in form}
            return form

    return fill


def test_text_is_trimmed_and_composed(filled):
    form = filled(title="  Ame\u0301lie \x07 ", about="one\r\ntwo\rthree\n")
    assert form.title.data == "Amélie"
    assert form.about.data == "one\ntwo\nthree"
    assert not form.errors


def test_a_password_stays_as_it_was_typed(filled):
    assert filled(password="  e\u0301 x ").password.data == "  e\u0301 x "


@pytest.mark.parametrize("field", ["title", "about", "password"])
def test_a_character_no_text_can_hold_is_refused(filled, field):
    assert field in filled(**{field: "a\x00b"}).errors


def test_text_has_a_limit_even_where_the_form_names_none(filled):
    assert filled(title="x" * 21).errors["title"] == ["Use at most 20 characters."]
    assert filled(about="x" * 20_001).errors["about"] == ["Use at most 20,000 characters."]


@pytest.mark.parametrize("typed", ["", "   ", "\n"])
def test_an_empty_title_is_asked_for_by_name(filled, typed):
    assert filled(title=typed).errors == {"title": ["Fill in title."]}


def test_a_time_is_meant_in_the_persons_zone_and_shown_there(filled):
    assert filled(starts_at="2026-12-07T10:00").starts_at.data == datetime(2026, 12, 7, 10, tzinfo=UTC)
    form = filled("Europe/Berlin", starts_at="2026-12-07T10:00")
    assert form.starts_at.data == datetime(2026, 12, 7, 9, tzinfo=UTC)
    assert 'value="2026-12-07T10:00"' in form.rendered["starts_at"]


def test_a_moment_of_the_database_is_shown_in_the_persons_zone(app: Flask):
    with app.test_request_context("/x"):
        g.identity = SimpleNamespace(time_zone="Asia/Tokyo")
        form = LessonForm(data={"starts_at": datetime(2026, 12, 7, 9, tzinfo=UTC)})
        assert 'value="2026-12-07T18:00"' in str(form.starts_at())


def test_an_hour_that_the_clocks_skip_is_refused(filled):
    form = filled("Europe/Berlin", starts_at="2027-03-28T02:30")
    assert "does not exist" in form.errors["starts_at"][0]


@given(moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=40
)
@pytest.mark.parametrize("zone", ["Africa/Accra", "Europe/Berlin", "Asia/Kolkata"])
def test_a_time_that_is_shown_and_sent_again_stays_the_same(filled, zone, moment):
    moment = moment.replace(second=0, microsecond=0)
    shown = moment.astimezone(ZoneInfo(zone))
    if shown.fold:
        return  # an hour that comes twice is taken for the first
    assert filled(zone, starts_at=shown.strftime("%Y-%m-%dT%H:%M")).starts_at.data == moment


@pytest.mark.parametrize(
    "typed, pesewas",
    [
        ("1,250.50", 125_050),
        ("GH₵ 1 250", 125_000),
        ("0", 0),
        ("0.5", 50),
        (".05", 5),
        ("100.", 10_000),
        ("12.300", 1230),
    ],
)
def test_an_amount_is_whole_pesewas(filled, typed, pesewas):
    form = filled(price=typed)
    assert form.price.data == pesewas
    assert type(form.price.data) is int
    assert f'value="{typed}"' in form.rendered["price"]


@pytest.mark.parametrize("typed", ["-5", "1.255", "12e3", "ten", "1..2", "NaN", "99999999999", "٣"])
def test_what_is_no_amount_is_refused(filled, typed):
    assert "price" in filled(price=typed).errors


@given(st.integers(0, 1_000_000_00))
def test_every_amount_survives_being_shown(pesewas):
    assert pesewas_of(f"{pesewas // 100}.{pesewas % 100:02d}") == pesewas


def test_no_file_chosen_is_no_file(filled):
    assert filled(files=[(BytesIO(b""), "")]).files.data == []
    names = [file.filename for file in filled(files=[(BytesIO(b"a"), "a.txt"), (BytesIO(b"b"), "b.txt")]).files.data]
    assert names == ["a.txt", "b.txt"]


@pytest.mark.parametrize("kind, status", [(Invalid, 422), (Conflict, 409), (TooLarge, 413)])
def test_a_refusal_stands_beside_its_field_and_in_the_summary(filled, kind, status):
    form = filled()
    refusal = kind("The hall is taken then.", fields={"starts_at": "Taken until 12:00.", "gone": "x"})
    assert form.refuse(refusal) == status
    assert form.errors == {"": ["The hall is taken then."], "starts_at": ["Taken until 12:00."]}
    again = filled()
    again.refuse(kind("Taken until 12:00.", fields={"starts_at": "Taken until 12:00."}))
    assert again.errors == {"starts_at": ["Taken until 12:00."]}
