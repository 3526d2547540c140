"""The pages of marking with a hundred submissions and with ten thousand: as many statements, and hardly more time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts.models import User
from portal.embedded import ClusterAccess
from tests.conftest import TEMPLATE, settings_for
from tests.factories import make_session
from tests.load.term import ASSIGNMENTS, Sizes, fill, key
from tests.soak.group_work import IN_GROUPS, add_group_work
from tests.soak.log import SoakLog

Begin = Callable[[str], SoakLog]

FEW = Sizes(students=20, intakes=1, submissions=100)
SOME = Sizes(students=40, intakes=1, submissions=400)
MANY = Sizes(students=500, intakes=1, submissions=10_000)
MOST_TIMES = 1.3  # as long as with a hundred
ROUNDS = 60
FIRST_ROUNDS = 5  # in which statements are planned and kept
INTAKE, ASSIGNMENT = key("intake", 0), key("assignment", 0)

PAGES = {
    "the marking queue": "/trainer/marking",
    "an assignment's submissions": f"/trainer/marking?state=all&assignment={ASSIGNMENT}",
    "a group assignment's submissions": f"/trainer/marking?state=all&assignment={IN_GROUPS}",
    "the gradebook": f"/trainer/intakes/{INTAKE}/gradebook",
}
WEIGH = """
UPDATE assignments SET weight = CASE WHEN group_formation IS NULL THEN 80.0 / :number ELSE 20 END
WHERE intake_id = :intake
"""
RECKONED = {"the gradebook by mark": f"/trainer/intakes/{INTAKE}/gradebook?sort=lowest"}
"""Every final mark of the intake has to be known for it: as many statements, but it takes longer with more students."""


def test_as_many_statements_with_more_submissions(
    app: Flask, cluster: ClusterAccess, worker_id: str, soak_log: Begin
) -> None:
    compare(app, cluster, worker_id, soak_log("more submissions"), SOME, rounds=1, most_times=None)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_ten_thousand_submissions_take_hardly_longer_than_a_hundred(
    app: Flask, cluster: ClusterAccess, worker_id: str, soak_log: Begin
) -> None:
    compare(app, cluster, worker_id, soak_log("many submissions"), MANY, rounds=ROUNDS, most_times=MOST_TIMES)


@dataclass
class Filled:
    """A database with so much in it, and a trainer's browser on it."""

    sizes: Sizes
    engine: Engine
    browser: FlaskClient
    statements: list[str] = field(default_factory=list)

    def ask(self, address: str) -> tuple[int, float]:
        """Return how many statements the page took, and how many milliseconds."""
        db.close_session()
        db.bind(self.engine)
        self.statements.clear()
        began = time.perf_counter()
        answer = self.browser.get(address)
        took = 1000 * (time.perf_counter() - began)
        assert answer.status_code == 200, address
        return len(self.statements), took


def compare(
    app: Flask,
    cluster: ClusterAccess,
    worker_id: str,
    log: SoakLog,
    many: Sizes,
    *,
    rounds: int,
    most_times: float | None,
) -> None:
    """Ask both for every page in turns; fail where statements differ, or time beyond what is allowed."""
    wrong = []
    with ExitStack() as stack:
        both = [
            stack.enter_context(filled(app, cluster, f"{name}_{worker_id}", sizes))
            for name, sizes in (("few", FEW), ("many", many))
        ]
        for name, address in (PAGES | RECKONED).items():
            for _ in range(FIRST_ROUNDS):
                counts = [each.ask(address)[0] for each in both]
            times: list[list[float]] = [[], []]
            for turn in range(rounds):
                for place in (0, 1) if turn % 2 else (1, 0):
                    times[place].append(both[place].ask(address)[1])
            few, more = (statistics.median(each) for each in times)
            log.note(
                f"{name}: {counts[0]} and {counts[1]} statements, {few:.2f} ms with {FEW.submissions:,} submissions, "
                f"{more:.2f} ms with {many.submissions:,}: {more / few:.2f} times"
            )
            if counts[0] != counts[1]:
                wrong.append(f"{name} takes {counts[0]} statements with few and {counts[1]} with many")
            if most_times and name in PAGES and more > most_times * few:
                wrong.append(f"{name} takes {more / few:.2f} times as long")
    log.found(lost=[], doubled=[], findings=wrong)


@contextmanager
def filled(app: Flask, cluster: ClusterAccess, name: str, sizes: Sizes) -> Iterator[Filled]:
    cluster.drop_database(name)
    cluster.create_database(name, template=TEMPLATE)
    fill(cluster.owner_url(name), sizes)
    add_group_work(cluster.owner_url(name))
    engine = db.make_engine(settings_for(cluster, name, app.config["SETTINGS"].portal_home).database_url)
    with Session(engine.execution_options(isolation_level="READ COMMITTED"), expire_on_commit=False) as session:
        session.execute(text(WEIGH), {"number": ASSIGNMENTS, "intake": INTAKE})
        trainer: Any = session.get(User, key("trainer", 0))
        token, _ = make_session(session, trainer)
        session.commit()
    browser = FlaskClient(app, app.response_class)
    browser.set_cookie("portal", token)
    here = Filled(sizes, engine, browser)
    event.listen(engine, "before_cursor_execute", lambda *told: here.statements.append(told[2]))
    try:
        yield here
    finally:
        db.close_session()
        engine.dispose()
        cluster.drop_database(name)
