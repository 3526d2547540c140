"""Figures many people ask for: made once, shown to all, dropped as soon as what they are made of changes."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from portal import db
from portal.settings import Settings
from portal.web.cache import cached
from portal.web.stored_state import cache_entries
from tests.web.probes import app_with


class Made:
    """Counts how often a figure was really made."""

    def __init__(self, value: object = 7) -> None:
        self.times = 0
        self.value = value

    def __call__(self) -> object:
        self.times += 1
        return self.value


@pytest.mark.parametrize("value", [0, None, [], {"courses": [1, 2]}, "Film", 1.5, False])
def test_a_figure_is_made_once_and_comes_back_as_it_was(app: Flask, connection, value):
    made = Made(value)
    with app.test_request_context():
        assert cached("catalogue", "home", 60, made) == value
        assert cached("catalogue", "home", 60, made) == value
    assert made.times == 1


def test_what_an_operation_changed_is_made_anew_after_its_commit(app: Flask, connection):
    made = Made()
    with app.test_request_context():
        cached("catalogue", "home", 60, made)
        cached("people", "count", 60, lambda: 3)
        db.perform(lambda session: db.changed(session, "catalogue"))
        cached("catalogue", "home", 60, made)
        assert cached("people", "count", 60, lambda: 4) == 3
    assert made.times == 2


def change_and_fail(session: Session) -> None:
    db.changed(session, "catalogue")
    raise RuntimeError


def test_what_was_rolled_back_drops_nothing(app: Flask, connection):
    made = Made()
    with app.test_request_context():
        cached("catalogue", "home", 60, made)
        with pytest.raises(RuntimeError):
            db.perform(change_and_fail)
        cached("catalogue", "home", 60, made)
    assert made.times == 1


def test_an_old_figure_is_never_shown(app: Flask, connection, world: Session):
    made = Made()
    with app.test_request_context():
        cached("catalogue", "home", 60, made)
        world.execute(update(cache_entries).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
        world.commit()
        cached("catalogue", "home", 60, made)
        assert made.times == 2


def test_nothing_is_kept_longer_than_a_minute(app: Flask, connection):
    with app.test_request_context(), pytest.raises(ValueError, match="60 seconds"):
        cached("catalogue", "home", 61, Made())


def test_a_kept_figure_costs_one_statement(app: Flask, connection, count_queries):
    with app.test_request_context():
        cached("catalogue", "home", 60, Made())
        with count_queries() as queries:
            cached("catalogue", "home", 60, Made())
    assert len(queries) == 1, queries


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the tests' own, reached by a socket."""
    program = shutil.which("redis-server")
    assert program, "Redis is not installed. Type: sudo apt-get install redis-server"
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    while not socket.exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield f"unix://{socket}"
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def there(settings: Settings, redis: str) -> Iterator[Flask]:
    """The portal with its limits and its cache in Redis."""
    app = app_with(replace(settings, redis_url=redis, limits_factor=1))
    yield app
    app.extensions["limits"].storage.storage.close()
    app.extensions["portal_cache"]._write_client.close()


def test_with_redis_figures_and_limits_live_there(there: Flask, world: Session):
    made = Made({"courses": [1]})
    with there.test_request_context():
        assert cached("catalogue", "home", 60, made) == cached("catalogue", "home", 60, made) == {"courses": [1]}
        db.perform(lambda session: db.changed(session, "catalogue"))
        cached("catalogue", "home", 60, made)
    assert made.times == 2
    answers = [there.test_client().get("/probe/page").status_code for _ in range(601)]
    assert answers == [200] * 600 + [429]
    assert world.scalar(text("SELECT count(*) FROM limit_counters")) == 0
