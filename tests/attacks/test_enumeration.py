"""Nobody learns who has an account, or guesses a secret, by asking: words, statuses and work are the same for all.

Time is measured by `make soak` alone; here the work is counted, which no busy machine disturbs.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import bcrypt
import pytest
from flask import Flask
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.accounts import passwords
from portal.domain.accounts.models import SecurityEvent, SignInThrottle, User
from portal.domain.accounts.tokens import LINK_LENGTH, new_token
from portal.web.stored_state import limit_counters
from tests.architecture.estate import build_estate
from tests.blueprints.signing_in import PASSWORD, WRONG, browser, fill_in, try_to_sign_in, with_password
from tests.cast import Cast
from tests.factories import make_user
from tests.pages import words

TRIES = 200
UNKNOWN = ("nobody@example.test", "+233209999999", "KM26-9999-Z", "gibberish")
Ask = Callable[[str], TestResponse]


@pytest.fixture
def known(world: Session, cast: Cast) -> list[User]:
    """People of every kind: with a hash of ours, with one of the earlier portal, deactivated, invited only."""
    old = with_password(world, make_user(world, email="old@example.test"))
    old.password_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    invited = make_user(world, email="invited@example.test")
    people = [with_password(world, cast.ama), with_password(world, cast.kojo), old, invited]
    world.commit()
    return people


@pytest.fixture
def at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)


@pytest.fixture
def ways(app: Flask) -> dict[str, Ask]:
    """The doors at which a name is given."""

    def page(name: str) -> TestResponse:
        return try_to_sign_in(browser(app), name, WRONG)

    def program(name: str) -> TestResponse:
        return app.test_client().post("/api/v1/auth/login", json={"email": name, "password": WRONG})

    def reset(name: str) -> TestResponse:
        return fill_in(browser(app), "/forgot-password", email=name)

    return {"the page": page, "a program": program, "a reset": reset}


def forget(world: Session) -> None:
    """Begin anew: no counter remembers a try."""
    world.execute(delete(SignInThrottle))
    world.execute(delete(limit_counters))
    world.commit()


def said(answer: TestResponse) -> tuple[int, str, str]:
    """Return what an answer tells by status, place and words, its request's own id left out."""
    if answer.mimetype == "text/html":
        return answer.status_code, answer.location or "", words(answer)
    return answer.status_code, "", answer.get_data(as_text=True)


@pytest.mark.parametrize("way", ["the page", "a program", "a reset"])
def test_every_name_gets_the_same_answer(
    world: Session, known: list[User], ways: dict[str, Ask], at_once: None, way: str
) -> None:
    answers = set()
    for name in (*UNKNOWN, *(person.email for person in known), known[0].student_number, known[0].phone):
        forget(world)
        answers.add(said(ways[way](name)))
    assert len(answers) == 1


@pytest.mark.parametrize("way", ["the page", "a program", "a reset"])
def test_the_same_work_is_done_for_every_name(
    world: Session,
    known: list[User],
    ways: dict[str, Ask],
    at_once: None,
    way: str,
    count_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many comparisons of a password, and the same statements, for a name nobody has as for Ama's."""
    compared: Counter[str] = Counter()
    compare = passwords.verify

    def counted(stored: str | None, password: str) -> bool:
        compared["comparisons"] += 1
        return compare(stored, password)

    monkeypatch.setattr(passwords, "verify", counted)
    done = {}
    for name in (*UNKNOWN[:2], known[0].email, known[0].phone):
        forget(world)
        compared.clear()
        with count_queries() as queries:
            ways[way](name)
        done[name] = (compared["comparisons"], [kind_of(statement) for statement in queries.statements])
    if way == "a reset":  # the mail of a real person is one job more, within the time that every answer takes
        for _, statements in done.values():
            statements[:] = [statement for statement in statements if "procrastinate" not in statement]
    first = done[UNKNOWN[0]]
    assert {name: work for name, work in done.items() if work != first} == {}
    assert first[0] == (0 if way == "a reset" else 1)


def test_a_mail_goes_to_nobody_who_may_not_come_in(
    world: Session, cast: Cast, known: list[User], ways: dict[str, Ask], at_once: None
) -> None:
    ways["a reset"](cast.kojo.email)
    ways["a reset"]("nobody@example.test")
    assert world.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0
    ways["a reset"](cast.ama.email)
    assert world.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 1


@pytest.mark.parametrize("door", ["/invitation/{}", "/reset/{}"])
def test_guessing_at_a_link_is_the_same_page_every_time_and_is_slowed_down(
    app: Flask, world: Session, door: str
) -> None:
    client = app.test_client()
    guesses = [new_token()[:LINK_LENGTH], "x", "a" * 1000, "../..", "%00", "' OR 1=1", "0" * 16]
    seen = {said(client.get(door.format(guess))) for guess in guesses if "/" not in guess}
    assert len(seen) == 1
    assert next(iter(seen))[0] == 410
    statuses = [client.get(door.format(new_token())).status_code for _ in range(50)]
    assert statuses[-1] == 429
    written = select(func.count()).where(SecurityEvent.kind == "code-refused")
    assert world.scalars(written).one() >= 40


def test_an_id_nobody_has_and_one_of_somebody_else_are_answered_alike(
    app: Flask, world: Session, cast: Cast, sign_in: Any
) -> None:
    estate, esi, yaw = build_estate(world, cast), sign_in(cast.esi), sign_in(cast.yaw)
    for client, rule, argument in [
        (esi, "/student/assignments/{}", "assignment_id"),
        (esi, "/student/courses/{}", "intake_id"),
        (esi, "/student/materials/{}", "material_id"),
        (esi, "/student/attachments/{}", "attachment_id"),
        (esi, "/student/submissions/{}/receipt", "submission_id"),
        (esi, "/student/live-classes/{}", "live_class_id"),
        (esi, "/notifications/{}", "notification_id"),
        (yaw, "/trainer/assignments/{}", "assignment_id"),
        (yaw, "/trainer/submissions/{}", "submission_id"),
        (yaw, "/trainer/materials/{}", "material_id"),
        (yaw, "/trainer/attachments/{}", "attachment_id"),
        (yaw, "/trainer/intakes/{}", "intake_id"),
        (yaw, "/trainer/live-classes/{}", "live_class_id"),
    ]:
        theirs = client.get(rule.format(estate[argument]))
        nobodys = client.get(rule.format(uuid4()))
        assert without_reference(theirs) == without_reference(nobodys), rule
        assert theirs.status_code == 404


@pytest.fixture
def measured(app: Flask, world: Session, known: list[User], ways: dict[str, Ask]) -> Iterator[Any]:
    """Return how long each of two names takes at a door, tried in turns so that a busy moment hits both."""
    passwords.use(passwords.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1))
    with_password(world, known[0])

    def measure(way: str) -> tuple[list[float], list[float]]:
        times: dict[str, list[float]] = {known[0].email or "": [], UNKNOWN[0]: []}
        for _ in range(TRIES):
            for name, taken in times.items():
                forget(world)
                begun = time.perf_counter()
                ways[way](name)
                taken.append(time.perf_counter() - begun)
        return times[known[0].email or ""], times[UNKNOWN[0]]

    yield measure
    passwords.use(passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.mark.soak
@pytest.mark.parametrize("way", ["the page", "a program", "a reset"])
def test_the_time_of_two_hundred_tries_tells_nobody_which_name_exists(measured: Any, way: str) -> None:
    """A sign test of the pairs, as large a share of which may differ by chance once in ten thousand runs."""
    known, unknown = measured(way)
    longer = sum(first > second for first, second in zip(known, unknown, strict=True))
    difference = statistics.median(known) - statistics.median(unknown)
    print(f"{way}: medians differ by {difference * 1000:+.2f} ms; the known name took longer {longer} of {TRIES} times")
    by_chance = 3.9 * (TRIES**0.5) / 2
    assert abs(longer - TRIES / 2) <= by_chance or abs(difference) < 0.001


def without_reference(answer: TestResponse) -> str:
    """Return the text of an answer without the id that each request has of its own."""
    return words(answer).replace(answer.headers["X-Request-ID"], "")


def kind_of(statement: str) -> str:
    """Return what a statement does and to which table, whatever its columns and values."""
    tokens = statement.split()
    table = next((tokens[at + 1] for at, token in enumerate(tokens[:-1]) if token in {"FROM", "INTO", "UPDATE"}), "")
    return f"{tokens[0]} {table}"
