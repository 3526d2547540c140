"""Where a line drops before the answer is here people press again: what a form makes is made once all the same."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborNode
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.extension_models import ExtendedDate, Extension
from portal.domain.assignments.group_models import AssignmentGroup
from portal.domain.assignments.models import Assignment, AssignmentType
from portal.domain.assignments.rubric_models import Rubric, RubricVersion
from portal.domain.audit.models import AuditEntry
from portal.domain.courses.models import Course, Intake, Material, Module
from portal.domain.enrolments.models import Enrolment
from portal.domain.live_classes.models import LiveClass
from portal.domain.quizzes.models import Question
from portal.web.once import DoneAct
from tests.at_once import at_once
from tests.cast import Cast, gather_cast
from tests.conftest import csrf_of
from tests.factories import make_assignment, make_module, make_rubric, make_session, now
from tests.pages import parse, words

Fields = dict[str, Any]

DAY = "2027-03-01"
NEXT_WEEK = (now() + timedelta(days=7)).strftime("%Y-%m-%dT10:00")
FORMS: dict[str, tuple[str, str, str, type[Any], Fields]] = {
    "an assignment": (
        "kofi",
        "/trainer/assignments/new?intake={intake}",
        "/trainer/assignments",
        Assignment,
        {"title": "Light"},
    ),
    "a rubric": (
        "kofi",
        "/trainer/rubrics/new",
        "/trainer/rubrics",
        Rubric,
        {"title": "Light", "criteria-0-title": "Light"},
    ),
    "a version of a rubric": (
        "kofi",
        "/trainer/rubrics/{rubric}",
        "/trainer/rubrics/{rubric}",
        RubricVersion,
        {"title": "Light and shadow"},
    ),
    "a question": (
        "kofi",
        "/trainer/assignments/{quiz}/questions/new?kind=short",
        "/trainer/assignments/{quiz}/questions",
        Question,
        {"text": "Why?"},
    ),
    "a material": (
        "kofi",
        "/trainer/intakes/{intake}/materials/new/text",
        "/trainer/intakes/{intake}/materials/new/text",
        Material,
        {"title": "Light", "body": "By the window."},
    ),
    "a module, by its trainer": (
        "kofi",
        "/trainer/intakes/{intake}/materials",
        "/trainer/intakes/{intake}/modules",
        Module,
        {"title": "Light"},
    ),
    "a module, by the office": (
        "efua",
        "/admin/courses/{course}",
        "/admin/courses/{course}/modules",
        Module,
        {"title": "Light"},
    ),
    "a course, by its trainer": (
        "kofi",
        "/trainer/courses/new",
        "/trainer/courses/new",
        Course,
        {"title": "Light", "category": "Film", "weeks": "4", "price_pesewas": "900"},
    ),
    "a course, by the office": (
        "efua",
        "/admin/courses/new",
        "/admin/courses/new",
        Course,
        {"title": "Light", "category": "Film", "weeks": "4", "price_pesewas": "900"},
    ),
    "an intake": (
        "efua",
        "/admin/courses/{course}/intakes/new",
        "/admin/courses/{course}/intakes/new",
        Intake,
        {"title": "March", "starts_on": DAY, "ends_on": "2027-05-01", "application_deadline": DAY, "seats": "20"},
    ),
    "a class": (
        "kofi",
        "/trainer/live-classes/new/{intake}",
        "/trainer/live-classes/new/{intake}",
        LiveClass,
        {"title": "Light", "starts_at": NEXT_WEEK, "meeting_url": "https://meet.google.com/abc-defg-hij"},
    ),
    "a request for more time": (
        "ama",
        "/student/assignments/{work}/extensions",
        "/student/assignments/{work}/extensions",
        Extension,
        {"reason": "My grandmother's funeral."},
    ),
    "a day more": (
        "ama",
        "/student/assignments/{work}/extensions",
        "/student/assignments/{work}/extensions/automatic",
        Extension,
        {},
    ),
    "a group": (
        "kofi",
        "/trainer/assignments/{group_work}/groups",
        "/trainer/assignments/{group_work}/groups",
        AssignmentGroup,
        {},
    ),
    "time for many": (
        "kofi",
        "/trainer/assignments/{work}/extensions",
        "/trainer/assignments/{work}/extensions",
        Extension,
        {"ids": ["{ama}"]},
    ),
}


@pytest.fixture
def places(world: Session, cast: Cast) -> dict[str, str]:
    """What addresses and fields name."""
    make_module(world, cast.photography)
    quiz = make_assignment(world, cast.intake, cast.kofi, assignment_type=AssignmentType.QUIZ, state="draft")
    work = make_assignment(world, cast.intake, cast.kofi, due_at=now() + timedelta(hours=6))
    group_work = make_assignment(world, cast.intake, cast.kofi, group_formation="trainer", group_least=2, group_most=4)
    world.commit()
    return {
        "intake": str(cast.intake.id),
        "course": str(cast.photography.id),
        "quiz": str(quiz.id),
        "work": str(work.id),
        "rubric": str(make_rubric(world, cast.kofi).id),
        "group_work": str(group_work.id),
        "ama": str(world.scalars(select(Enrolment.id).where(Enrolment.user_id == cast.ama.id)).one()),
    }


@pytest.fixture
def browsers(ama: FlaskClient, kofi: FlaskClient, efua: FlaskClient) -> dict[str, FlaskClient]:
    return {"ama": ama, "kofi": kofi, "efua": efua}


def typed_into(browser: FlaskClient, page: str, action: str, typed: Fields) -> Fields:
    """Return what a browser sends of the form with this action: what stands in it, and what was typed."""
    shown = parse(browser.get(page))
    form = next(form for form in shown.css("form") if (form.attributes.get("action") or page) == action)
    standing = dict(pair for node in form.css("input, select, textarea") if (pair := _standing(node)))
    assert standing["key"]
    return standing | typed


def _standing(node: LexborNode) -> tuple[str, str] | None:
    name, kind = node.attributes.get("name"), node.attributes.get("type")
    if not name or (kind in {"radio", "checkbox"} and "checked" not in node.attributes) or kind == "file":
        return None
    if node.tag == "select":
        options = node.css("option[selected]") or node.css("option")
        return (name, options[0].attributes["value"] or "") if options else None
    return name, (node.text() if node.tag == "textarea" else node.attributes.get("value") or "")


@pytest.mark.parametrize("made", FORMS)
def test_what_a_form_makes_is_made_once_and_its_second_answer_leads_to_the_same_place(
    made: str, browsers: dict[str, FlaskClient], world: Session, places: dict[str, str]
) -> None:
    who, page, action, model, typed = FORMS[made]
    browser = browsers[who]
    page, action = page.format_map(places), action.format_map(places)
    typed = {name: _placed(value, places) for name, value in typed.items()}
    number = select(func.count()).select_from(model)
    before = world.scalar(number) or 0
    sent = typed_into(browser, page, action, typed)
    first = browser.post(action, data=sent)
    entries = world.scalar(select(func.count()).select_from(AuditEntry))
    again = browser.post(action, data={name: value for name, value in sent.items() if name != "csrf_token"})
    assert (first.status_code, again.status_code) == (303, 303), words(first) + words(again)
    assert again.headers["Location"] == first.headers["Location"]
    assert world.scalar(number) == before + 1
    assert world.scalar(select(func.count()).select_from(AuditEntry)) == entries
    said = [words(notice) for notice in parse(browser.get(again.headers["Location"])).css("#flash .notice")]
    assert said[-1] == "This had come before, and was not done twice."
    assert len(said) <= 2, "what the first answer would have said is said once"


def _placed(value: Any, places: dict[str, str]) -> Any:
    return [each.format_map(places) for each in value] if isinstance(value, list) else value.format_map(places)


def test_a_page_that_is_gone_back_to_and_changed_makes_another(
    kofi: FlaskClient, world: Session, cast: Cast, places: dict[str, str]
) -> None:
    address = f"/trainer/intakes/{cast.intake.id}/modules"
    sent = typed_into(kofi, f"/trainer/intakes/{cast.intake.id}/materials", address, {"title": "Shadow"})
    for title in ("Shadow", "Sound", "Shadow", "Sound"):
        assert kofi.post(address, data=sent | {"title": title}).status_code == 303
    assert sorted(world.scalars(select(Module.title).where(Module.title.in_(["Shadow", "Sound"])))) == [
        "Shadow",
        "Sound",
    ]


def test_what_was_refused_may_be_sent_again_until_it_is_done(
    kofi: FlaskClient, world: Session, cast: Cast, places: dict[str, str]
) -> None:
    address = f"/trainer/live-classes/new/{cast.intake.id}"
    sent = typed_into(kofi, address, address, {"title": "Light", "starts_at": NEXT_WEEK, "meeting_url": ""})
    refused = kofi.post(address, data=sent)
    assert refused.status_code == 422
    assert f'value="{sent["key"]}"' in refused.text
    assert world.scalars(select(DoneAct.made)).all() == []
    mended = sent | {"meeting_url": "https://meet.google.com/abc-defg-hij"}
    assert kofi.post(address, data=mended).status_code == kofi.post(address, data=mended).status_code == 303
    assert world.scalar(select(func.count()).select_from(LiveClass)) == 1


def test_each_page_is_a_form_of_its_own_whoever_has_it_open(
    ama: FlaskClient, kofi: FlaskClient, world: Session, cast: Cast, places: dict[str, str]
) -> None:
    address = f"/student/assignments/{places['work']}/extensions/automatic"
    for key in ("one", "one", "two", "one"):
        assert ama.post(address, data={"key": key}).status_code == 303
    assert world.scalars(select(ExtendedDate.hours)).all() == [48]
    given = f"/trainer/assignments/{places['work']}/extensions"
    assert kofi.post(given, data={"key": "one", "ids": [places["ama"]], "hours": "3"}).status_code == 303
    assert world.scalars(select(ExtendedDate.hours)).all() == [51]


def test_of_four_that_come_at_once_one_does_it_and_all_lead_to_it(app: Flask, live_engine: Engine) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        token, row = make_session(session, cast.kofi)
        session.commit()
        typed = {"key": "one", "title": "Light", "category": "Film", "level": "beginner", "weeks": "4"}
        typed |= {"price_pesewas": "900", "csrf_token": csrf_of(app, row.csrf_token)}
        browsers = [app.test_client() for _ in range(4)]
        for browser in browsers:
            browser.set_cookie("portal", token)
        answers = at_once(*(partial(browser.post, "/trainer/courses/new", data=typed) for browser in browsers))
        made = session.scalars(select(Course.id).where(Course.title == "Light")).one()
        assert {answer.headers.get("Location") for answer in answers} == {f"/trainer/courses/{made}"}
