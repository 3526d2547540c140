"""Nobody reads, changes or finds what is another person's: five attackers, every door, every address that exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from portal.domain.accounts.api_tokens import start_family
from portal.domain.assignments.models import Submission
from portal.web.access import access_of
from portal.web.bearer import token_keys
from tests.architecture.estate import STORAGE_KEY
from tests.architecture.test_access import put_the_file
from tests.architecture.test_page_costs import VIEWS
from tests.attacks.attackers import ATTACKERS, DOORS, OURS, Attacker, footprint, refusals_of
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, make_session, now

REFUSED = frozenset({401, 403, 404})
A_PLAUSIBLE_FORM = {
    "title": "Taken over",
    "first_name": "Taken",
    "reason": "Because",
    "points": "100",
    "feedback": "Well done",
    "submission_text": "Not hers",
    "direction": "up",
    "action": "release",
}
A_PLAUSIBLE_CALL = {
    "grade": 100,
    "hours": 24,
    "enrolment_ids": [str(uuid4())],
    "version_id": None,
    "done": True,
    "kind": "short",
    "text": "Not hers",
    "explanation": "Not hers",
    "position": 1,
    "title": "Taken over",
    "points": 10,
}
"""For the calls that read JSON."""
PLAUSIBLE_QUIZ_SETTINGS: dict[str, Any] = {
    "max_points": 10,
    "minutes": 5,
    "shuffle": False,
    "attempts_allowed": None,
    "counted_attempt": "latest",
    "opens_at": None,
    "due_date": "2027-01-01T12:00:00Z",
    "cut_off_at": None,
    "hold_marks": False,
}
PLAUSIBLE_WEIGHTS: dict[str, Any] = {"weights": [], "seen": ""}
A_PLAUSIBLE_RUBRIC = {
    "title": "Taken over",
    "criteria": [{"title": "Whose", "levels": [{"title": "Ours", "points": 10}, {"title": "Hers", "points": 0}]}],
}

ELSEWHERE = frozenset({"auth.kept_form"})
"""Named by a key of its own: tests/blueprints/test_kept_forms.py."""

SEARCHES = tuple(
    f"{page}?q={OURS}"
    for page in (
        "/courses",
        "/trainer/marking",
        "/trainer/courses",
        "/trainer/intakes",
        "/admin/people",
        "/admin/courses",
        "/admin/intakes",
        "/admin/enrolments",
    )
)


@pytest.mark.parametrize("who", ATTACKERS)
def test_whatever_has_an_id_of_amas_is_refused_through_every_door_and_stays_as_it_was(
    app: Flask, world: Session, estate: dict[str, Any], attackers: dict[str, Attacker], who: str
) -> None:
    put_the_file(app)
    attacker, before, tried = attackers[who], footprint(world), 0
    refusals = refusals_of(world, attacker.user_id)
    for method, address, rule in addresses_of_things(app, estate):
        for door in doors_of(method, rule):
            answer = attacker.ask(method, address, door, **_content(method, address))
            where = f"{who}, {method} {address} by its {door}: {answer.status_code}"
            assert is_refused(answer), where
            assert OURS not in answer.get_data(as_text=True), where
            if answer.status_code == 403 and attacker.user_id:
                refusals += 1
                assert refusals_of(world, attacker.user_id) == refusals, f"{where} left no security event"
            tried += 1
        if method not in {"GET", "HEAD"}:
            assert footprint(world) == before, f"{who} changed something by {method} {rule}"
    assert footprint(world) == before, f"{who} changed something by reading"
    assert tried > 120


def test_ama_herself_and_her_trainer_get_in_by_the_same_addresses(
    app: Flask, world: Session, cast: Cast, estate: dict[str, Any], sign_in: Any
) -> None:
    """Were the things behind these addresses not there, the refusals above would prove nothing."""
    put_the_file(app)
    seen = {}
    for name in ("ama", "kofi", "efua"):
        browser = sign_in(getattr(cast, name))
        answers = [browser.get(address) for method, address, _ in addresses_of_things(app, estate) if method == "GET"]
        seen[name] = sum(OURS.encode() in answer.get_data() for answer in answers)
    assert seen["ama"] >= 6
    assert seen["kofi"] >= 8
    assert seen["efua"] >= 6


@pytest.mark.parametrize("who", ATTACKERS)
def test_no_page_list_search_or_count_of_others_holds_anything_of_amas(
    app: Flask, estate: dict[str, Any], attackers: dict[str, Attacker], who: str
) -> None:
    attacker = attackers[who]
    lists = [rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and not rule.arguments]
    for address in [*lists, *VIEWS, *SEARCHES]:
        for door in ("page", "fragment"):
            answer = attacker.ask("GET", address, door)
            told = answer.get_data(as_text=True).replace(f'value="{OURS}"', "").replace(f"“{OURS}”", "")
            told = told.replace(f"q={OURS}", "").replace(f"q%3D{OURS}", "")  # what was searched for is said again
            assert OURS not in told, f"{who} reads of Ama at {address} by its {door}"
            assert str(estate["submission_id"]) not in told or str(estate["submission_id"]) in address


def test_a_thing_of_amas_is_not_reached_by_way_of_ones_own(
    world: Session, cast: Cast, estate: dict[str, Any], attackers: dict[str, Attacker]
) -> None:
    """Two ids in an address must belong together: the first being one's own opens nothing of the second."""
    esi, yaw, before = attackers["a student elsewhere"], attackers["a trainer elsewhere"], footprint(world)
    for who, method, address in [
        (yaw, "POST", f"/trainer/intakes/{cast.other_intake.id}/modules/{cast.module.id}/place"),
        (yaw, "GET", f"/trainer/marking?intake={cast.intake.id}&state=all"),
        (yaw, "GET", f"/trainer/marking?assignment={estate['assignment_id']}&state=all"),
        (yaw, "GET", f"/trainer/assignments?intake={cast.intake.id}"),
        (yaw, "GET", f"/trainer/assignments/new?intake={cast.intake.id}"),
        (esi, "POST", f"/account/sessions/{estate['session_id']}/end"),
        (esi, "POST", f"/notifications/{estate['notification_id']}/reading"),
    ]:
        answer = who.ask(method, address, data={"direction": "up"}) if method == "POST" else who.ask(method, address)
        assert OURS not in answer.get_data(as_text=True), address
        assert footprint(world) == before, address


def test_a_file_of_amas_cannot_be_asked_for_under_ones_own_work(
    app: Flask, world: Session, cast: Cast, estate: dict[str, Any], sign_in: Any
) -> None:
    put_the_file(app)
    hers = hand_in(world, cast, make_assignment(world, cast.other_intake, cast.yaw), by=cast.esi)
    for browser, role in ((sign_in(cast.esi), "student"), (sign_in(cast.yaw), "trainer")):
        answer = browser.get(f"/{role}/submissions/{hers.id}/files/{estate['file_id']}")
        assert answer.status_code == 404


def test_nobody_finds_a_stored_file_by_guessing_where_it_lies(app: Flask, attackers: dict[str, Attacker]) -> None:
    put_the_file(app)
    for attacker in attackers.values():
        for address in (f"/files/{STORAGE_KEY}", f"/static/{STORAGE_KEY}", f"/static/0/../../files/{STORAGE_KEY}"):
            assert attacker.ask("GET", address).status_code == 404


@pytest.mark.parametrize("field, value", [
    ("role", "admin"), ("duties", "system"), ("email", "esi@elsewhere.test"), ("student_number", "KM26-0001-A"),
    ("user_id", "AMA"), ("id", "AMA"), ("deactivated_at", ""), ("password_hash", "x"), ("is_admin", "true"),
])  # fmt: skip
def test_what_a_form_does_not_ask_for_is_not_taken(
    world: Session, cast: Cast, attackers: dict[str, Attacker], field: str, value: str
) -> None:
    before = (cast.esi.role, cast.esi.email, cast.esi.student_number, cast.esi.duties, cast.ama.first_name)
    sent = {"first_name": "Esi", "last_name": "Owusu", "time_zone": "Africa/Accra"}
    sent[field] = str(cast.ama.id) if value == "AMA" else value
    assert attackers["a student elsewhere"].ask("POST", "/account", data=sent).status_code == 303
    world.expire_all()
    assert (cast.esi.role, cast.esi.email, cast.esi.student_number, cast.esi.duties, cast.ama.first_name) == before


def test_a_program_that_sends_more_than_is_asked_for_is_refused_or_given_nothing_for_it(
    world: Session, cast: Cast, estate: dict[str, Any], settings: Any, app: Flask
) -> None:
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    more = {
        "enrolment_id": str(cast.other_enrolment.id),
        "state": "graded",
        "points": "100",
        "submitted_at": "2000-01-01",
        "attempt": "99",
        "__proto__": "x",
        "constructor.prototype.role": "admin",
    }
    sent = {"submission_text": "Mine again."} | more
    address = f"/api/v1/assignments/{estate['assignment_id']}/submit"
    answer = app.test_client().post(address, data=sent, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201
    row = world.get_one(Submission, answer.json["data"]["id"])
    assert (row.enrolment_id, row.state, row.attempt) == (cast.enrolment.id, "submitted", 2)
    assert row.submitted_at.year > 2000
    login = {"email": "ama@example.test", "password": "x" * 15, "role": "admin"}
    assert app.test_client().post("/api/v1/auth/login", json=login).status_code == 422


def test_a_session_of_amas_ends_by_nobody_elses_hand(
    world: Session, cast: Cast, attackers: dict[str, Attacker]
) -> None:
    _, row = make_session(world, cast.ama)
    world.commit()
    for attacker in attackers.values():
        attacker.ask("POST", f"/account/sessions/{row.id}/end")
        attacker.ask("POST", "/account/sessions/others/end")
        attacker.ask("POST", f"/admin/people/{cast.ama.id}/sessions/end")
    world.refresh(row)
    assert row.ended_at is None


def addresses_of_things(app: Flask, estate: dict[str, Any]) -> Iterator[tuple[str, str, Rule]]:
    """Yield method, address and rule of everything that names one of Ama's things and is not open to everybody."""
    adapter = app.url_map.bind("localhost")
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if not rule.arguments or rule.endpoint in ELSEWHERE or access_of(app.view_functions[rule.endpoint]).public:
            continue
        address = adapter.build(rule.endpoint, {name: estate[name] for name in rule.arguments})
        for method in sorted(rule.methods - {"OPTIONS"}):
            yield method, address, rule


def _content(method: str, address: str) -> dict[str, Any]:
    """Return what is sent with a request: nothing to read, a form to pages, JSON to the calls that take it."""
    if method == "GET":
        return {}
    if not address.startswith("/api/v1/") or "/uploads/" in address or address.endswith("/submit"):
        return {"data": A_PLAUSIBLE_FORM}
    if address.endswith("/weights"):
        return {"json": PLAUSIBLE_WEIGHTS}
    if address.endswith("/settings"):
        return {"json": PLAUSIBLE_QUIZ_SETTINGS}
    return {"json": A_PLAUSIBLE_RUBRIC if "/rubrics/" in address else A_PLAUSIBLE_CALL}


def doors_of(method: str, rule: Rule) -> tuple[str, ...]:
    """Return the ways in which this address is asked for: a file by all, everything else as page and fragment."""
    if "file" not in rule.rule:
        return () if method == "HEAD" else ("page", "fragment")
    return tuple(DOORS) if method == "GET" else ("page",)


def is_refused(answer: Any) -> bool:
    """Return whether an answer gives nothing: a refusal, or the way to sign in."""
    if answer.status_code == 303:
        return answer.location.startswith("/login?next=") or answer.location.startswith("/login?")
    return answer.status_code in REFUSED
