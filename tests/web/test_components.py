"""Components can be called from any page, describe themselves to everyone, and carry nothing inline."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import StrictUndefined
from selectolax.lexbor import LexborHTMLParser
from wtforms import (
    BooleanField,
    DateField,
    FileField,
    Form,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired
from wtforms.widgets import CheckboxInput, ListWidget

from portal.web import assets, components, formats, moments, motifs, navigation

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
NOW = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
LEVELS = [SelectChoice("beginner", "Beginner"), SelectChoice("advanced", "Advanced")]


class EveryField(Form):
    title = StringField("Title", [DataRequired("Give it a title.")], description="As students will read it.")
    text = TextAreaField("Text")
    password = PasswordField("Password")
    kind = SelectField("Kind", choices=LEVELS, validate_choice=False)
    level = RadioField("Level", choices=LEVELS, validators=[DataRequired("Choose a level.")])
    days = SelectMultipleField("Days", choices=LEVELS, widget=ListWidget(), option_widget=CheckboxInput())
    agree = BooleanField("I agree")
    day = DateField("Day")
    minutes = IntegerField("Minutes")
    file = FileField("File")


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__, template_folder=str(TEMPLATES), static_folder=None)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for part in (assets, formats, moments, components, navigation):
        part.register(app)
    return app


def drawn(app: Flask, source: str, **names: Any) -> LexborHTMLParser:
    with app.test_request_context():
        return LexborHTMLParser(app.jinja_env.from_string(source).render(now=NOW, **names))


def words(page: Any) -> str:
    return " ".join(page.text(separator=" ").split())


def test_every_component_is_written_and_every_public_macro_is_a_component():
    for template, names in components.COMPONENTS.items():
        written = set(re.findall(r"\{% macro (\w+)\(", (TEMPLATES / template).read_text()))
        assert set(names) <= written, template
    assert {path.name for path in (TEMPLATES / "components").glob("*.html")} == {
        name.rpartition("/")[2] for name in components.COMPONENTS
    }


def test_every_field_has_a_label_and_a_good_form_shows_no_errors(app):
    source = "{% for f in form %}{{ field(f) }}{% endfor %}{{ error_summary(form) }}"
    page = drawn(app, source, form=EveryField())
    labels = {node.attributes["for"] for node in page.css("label[for]")}
    for control in page.css("input, select, textarea"):
        assert control.attributes["id"] in labels
    assert not page.css(".error, .error-summary, [aria-invalid]")


def test_a_refused_field_says_so_beside_itself_and_in_the_summary(app):
    form = EveryField()
    form.validate()
    page = drawn(app, "{{ error_summary(form) }}{{ field(form.title) }}{{ field(form.level) }}", form=form)
    control = page.css_first("#title")
    assert control.attributes["aria-invalid"] == "true"
    described = control.attributes["aria-describedby"].split()
    assert [words(page.css_first(f"#{name}")) for name in described] == [
        "As students will read it.",
        "Error: Give it a title.",
    ]
    summary = page.css_first("[role=alert]")
    assert "autofocus" in summary.attributes
    assert summary.attributes["tabindex"] == "-1"
    assert {link.attributes["href"] for link in summary.css("a")} == {"#title", "#level"}
    assert page.css_first("fieldset#level").attributes["aria-describedby"] == "level-error"


def test_what_was_typed_is_kept_and_escaped(app):
    form = EveryField(data={"title": '<b>"Portrait"</b>'})
    page = drawn(app, "{{ field(form.title, hx_get='/a', autocomplete='off') }}", form=form)
    control = page.css_first("#title")
    assert control.attributes["value"] == '<b>"Portrait"</b>'
    assert control.attributes["hx-get"] == "/a"
    assert not page.css("b")


@pytest.mark.parametrize(
    ("away", "tone", "sentence"),
    [
        (timedelta(days=5), "", "Due in 5 days"),
        (timedelta(hours=5), "soon", "Due in 5 hours"),
        (timedelta(hours=-5), "late", "Due date passed 5 hours ago"),
    ],
)
def test_a_deadline_drains_and_says_so_in_words(app, away, tone, sentence):
    import time_machine

    with time_machine.travel(NOW, tick=False):
        page = drawn(app, "{{ deadline(due, now) }}", due=NOW + away)
    box = page.css_first(".deadline")
    assert box.attributes["class"].split() == ["deadline", *([tone] if tone else [])]
    assert sentence in words(box)
    assert 0 <= int(page.css_first("progress").attributes["value"]) <= 100


def test_a_chart_is_told_in_words_and_in_a_table(app):
    source = "{{ bar_chart('Seats', rows) }}{{ line_chart('Work', rows) }}{{ sparkline([1, 2, 3], 'Marks') }}"
    page = drawn(app, source, rows=[("Film", 18, "/intakes/1"), ("Photography", 12, "/intakes/2")])
    pictures = page.css("svg[role=img]")
    assert len(pictures) == 3
    for picture in pictures:
        assert picture.attributes["aria-label"]
        assert picture.css_first("title")
    assert len(page.css("details table tbody tr")) == 4
    assert page.css_first("details table a").attributes["href"] == "/intakes/1"


def test_a_state_is_a_word_and_not_only_a_colour(app):
    for state, (told, tone) in components.STATES.items():
        badge = drawn(app, "{{ state_badge(state) }}", state=state).css_first(".badge")
        assert words(badge) == told
        assert tone == "" or tone in badge.attributes["class"]
    assert words(drawn(app, "{{ state_badge('sent_back') }}").body) == "Sent back"


def test_a_column_can_be_sorted_by_its_link_and_says_its_order(app):
    source = (
        "{% call table([{'label': 'Name', 'sort': '?sort=name', 'order': 'asc'}, 'State'], 'People') %}"
        "<tr><th scope='row'>Abena</th><td data-label='State'>Active</td></tr>{% endcall %}"
    )
    page = drawn(app, source)
    head = page.css_first("thead th")
    assert head.attributes["aria-sort"] == "ascending"
    assert head.css_first("a").attributes["href"] == "?sort=name"
    assert words(page.css_first("caption")) == "People"


def test_a_message_is_announced_and_never_runs(app):
    messages = [("done", "Your work was received."), ("problem", "<script>x</script>")]
    page = drawn(app, "{{ flash_messages(messages, oob=true) }}", messages=messages)
    region = page.css_first("#flash")
    assert region.attributes["role"] == "status"
    assert region.attributes["hx-swap-oob"] == "true"
    assert not page.css("script")
    assert "Your work was received." in words(region)


def test_a_question_is_asked_before_something_is_undone_but_the_form_stands_alone(app):
    page = drawn(app, "{{ confirm_button('Deactivate', '/people/1', 'token', 'Deactivate Abena?') }}")
    form = page.css_first("form")
    assert form.attributes["action"] == "/people/1"
    assert form.attributes["method"] == "post"
    assert form.attributes["data-confirm"] == "Deactivate Abena?"
    assert page.css_first("input[name=csrf_token]").attributes["value"] == "token"


def test_every_icon_is_hidden_from_those_who_listen_unless_it_is_named(app):
    page = drawn(app, "{{ icon('bell') }}{{ icon('bell', 'Notifications') }}")
    silent, named = page.css("svg")
    assert silent.attributes["aria-hidden"] == "true"
    assert named.attributes["aria-label"] == "Notifications"


def test_a_course_always_wears_the_same_pattern():
    assert motifs.motif_tiles("Film making") == motifs.motif_tiles("Film making")
    assert motifs.motif_tiles("Film making") != motifs.motif_tiles("Photography")
    assert motifs.motif_family("Media") == "film"
    assert motifs.motif_family("Cooking") == "other"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 429, 500, 503])
def test_an_error_says_what_happened_what_is_safe_and_what_to_do(app, status):
    names = {"institute": {"name": "KM Media Training Institute", "place": "Akatsi", "since": 2018, "motto": "x"}}
    with app.test_request_context():
        markup = app.jinja_env.get_template(f"errors/{status}.html").render(request_id="01J8-7QF2", **names)
    page = LexborHTMLParser(markup)
    error = page.css_first("#error")
    assert [words(term) for term in error.css("dt")] == ["What happened", "What is safe", "What to do"]
    assert all(words(told) for told in error.css("dd"))
    assert "01J8-7QF2" in words(error)
    assert len(page.css("h1")) == 1
    assert page.css_first("title").text().startswith(words(page.css_first("h1")))


def test_no_component_carries_script_or_style_of_its_own():
    for path in [
        *TEMPLATES.glob("components/*.html"),
        *TEMPLATES.glob("layouts/*.html"),
        *TEMPLATES.glob("partials/*"),
    ]:
        assert not re.search(r'\s(style|on[a-z]+)="|<style|<script(?! src)', path.read_text()), path.name
