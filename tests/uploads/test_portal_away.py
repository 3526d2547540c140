"""Where the portal itself was away before a deadline, the deadline moves by twice that, everywhere, and says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.watch.heartbeat import beat
from portal.domain.watch.models import Beat, Outage
from portal.web import heartbeat
from portal.web.bearer import token_keys
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import parse, words
from tests.uploads.handing_in import hand_in

MINUTE = timedelta(minutes=1)


@pytest.fixture
def due() -> datetime:
    return now().replace(second=0, microsecond=0) - 10 * MINUTE


@pytest.fixture
def assignment(world: Session, cast: Cast, due: datetime) -> Assignment:
    """Due ten minutes ago, and nothing is taken later."""
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=due, title="A scene")
    world.commit()
    return assignment


def away(world: Session, since: datetime, minutes: int) -> None:
    world.add(Outage(since=since, until=since + minutes * MINUTE))
    world.commit()


def test_work_is_on_time_until_the_moved_moment_on_the_page_and_in_the_hand_in(
    ama: FlaskClient, world: Session, assignment: Assignment, due: datetime
) -> None:
    assert hand_in(ama, assignment, text="Words.").status_code == 409
    away(world, due - 60 * MINUTE, 20)
    page = ama.get(f"/student/assignments/{assignment.id}")
    assert "The due date has moved" in words(page)
    assert "40 min later than it was set" in words(page)
    moved = [time.attributes["datetime"] for time in parse(page).css("time")]
    assert any(datetime.fromisoformat(text) == due + 40 * MINUTE for text in moved)
    with time_machine.travel(due + 41 * MINUTE, tick=False):
        assert hand_in(ama, assignment, text="Words.").status_code == 409
    with time_machine.travel(due + 40 * MINUTE, tick=False):
        assert hand_in(ama, assignment, text="Words.").status_code == 303
    assert world.scalars(select(Submission.late)).all() == [False]


def test_the_last_moment_for_late_work_moves_as_well(
    ama: FlaskClient, world: Session, assignment: Assignment, due: datetime
) -> None:
    assignment.cut_off_at = due + 5 * MINUTE
    away(world, due - 60 * MINUTE, 20)
    with time_machine.travel(due + 44 * MINUTE, tick=False):
        assert hand_in(ama, assignment, text="Words.").status_code == 303
    assert world.scalars(select(Submission.late)).all() == [True]


def test_what_moved_is_still_due_on_every_list_and_to_programs(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Assignment, due: datetime, settings: Any
) -> None:
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    bearer = {"Authorization": f"Bearer {token}"}
    program = ama.application.test_client()

    def told() -> list[str]:
        one = program.get(f"/api/v1/assignments/{assignment.id}", headers=bearer).json["data"]["due_date"]
        listed = program.get("/api/v1/assignments/my-assignments", headers=bearer).json["data"][0]["due_date"]
        return [one, listed]

    assert "A scene" not in words(parse(ama.get("/student/")).css_first("main"))
    assert parse(ama.get("/student/assignments")).css_first("#missed") is not None
    away(world, due - 60 * MINUTE, 20)
    assert "A scene" in words(parse(ama.get("/student/")).css_first("main"))
    assert parse(ama.get("/student/assignments")).css_first("#now") is not None
    assert [datetime.fromisoformat(text) for text in told()] == [due + 40 * MINUTE] * 2


@pytest.mark.parametrize(("since", "minutes"), [(-60, 15), (-400, 35), (5, 60)])
def test_a_short_an_early_or_a_later_outage_moves_nothing(
    ama: FlaskClient, world: Session, assignment: Assignment, due: datetime, since: int, minutes: int
) -> None:
    away(world, due + since * MINUTE, minutes)
    assert "The due date has moved" not in words(ama.get(f"/student/assignments/{assignment.id}"))
    assert "A scene" not in words(parse(ama.get("/student/")).css_first("main"))


def last_sign(world: Session, ago: timedelta) -> datetime:
    """Have the last sign of life be so long ago, by the clock of the database."""
    beat(world)
    world.execute(update(Beat).values(at=func.clock_timestamp() - ago))
    return world.scalars(select(Beat.at)).one()


def outages(world: Session) -> list[tuple[datetime, datetime]]:
    return [(row.since, row.until) for row in world.execute(select(Outage.since, Outage.until))]


def test_a_silence_of_more_than_a_minute_is_an_outage_and_a_shorter_one_is_none(world: Session) -> None:
    beat(world)
    assert outages(world) == [], "nobody knows how long it was away before its first sign of life"
    last_sign(world, timedelta(seconds=59))
    beat(world)
    assert outages(world) == []
    since = last_sign(world, timedelta(minutes=20))
    beat(world)
    beat(world)
    ((began, ended),) = outages(world)
    assert began == since
    assert timedelta(minutes=20) <= ended - began < timedelta(minutes=21)
    at = world.scalars(select(Beat.at)).one()
    assert datetime.now(UTC) - at < MINUTE


def test_a_worker_of_the_web_beats(world: Session) -> None:
    heartbeat.beat_once()
    world.expire_all()
    assert world.scalars(select(Beat.what)).all() == ["web"]
