"""One PostgreSQL for the run, one migrated database per worker, one connection per test that is undone at its end."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import alembic.config  # noqa: F401 - it writes to what was the output when it was loaded: not to that of one test
import pytest
from alembic import command
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as searching
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.orm import Session

from portal import db
from portal.cli.database import alembic_config
from portal.domain.accounts import passwords
from portal.domain.watch import tally
from portal.embedded import ClusterAccess, temporary_cluster
from portal.settings import Settings
from tests.cast import Cast, find_cast, gather_cast
from tests.pages import COMPILED, under_test
from tests.queries import QueryCounter, count_queries_on
from tests.quick_disk import temporary_files_in_memory
from tests.savepoints import engine_of_one_connection
from tests.shares import in_shares

pytest_plugins = ("tests.chromium",)

CLUSTER = "PORTAL_TEST_CLUSTER"
HOMES = "PORTAL_TEST_HOMES"
TEMPLATE = "tests_template"
WITH_CAST = "tests_with_cast"
_stack = contextlib.ExitStack()

# how long a search takes tells of the machine, and timing decides no test
searching.register_profile("portal", deadline=None, suppress_health_check=[HealthCheck.too_slow])
searching.load_profile("portal")

PASSWORD = "a calm river at dawn"


def pytest_configure(config: pytest.Config) -> None:
    """Start the run's cluster in the controlling process; workers inherit its address."""
    if hasattr(config, "workerinput") or CLUSTER in os.environ or config.option.collectonly:
        return
    if config.option.markexpr != "soak":  # what runs for long is to be read afterwards, and meets a real disk
        _stack.enter_context(temporary_files_in_memory())
    access = _stack.enter_context(temporary_cluster()).access
    os.environ[CLUSTER] = access.to_text()
    _stack.callback(os.environ.pop, CLUSTER, None)
    os.environ[COMPILED] = _stack.enter_context(TemporaryDirectory(prefix="portal-templates-"))
    _stack.callback(os.environ.pop, COMPILED, None)
    homes = Path(_stack.enter_context(TemporaryDirectory(prefix="portal-homes-")))
    homes.chmod(0o755)  # PostgreSQL's own user goes in and out
    os.environ[HOMES] = str(homes)
    _stack.callback(os.environ.pop, HOMES, None)
    access.create_database(TEMPLATE)
    migrate(settings_for(access, TEMPLATE, Path("/nonexistent")))
    access.create_database(WITH_CAST, template=TEMPLATE)
    engine = create_engine(settings_for(access, WITH_CAST, Path("/nonexistent")).database_url)
    with Session(engine) as session:
        gather_cast(session)
    engine.dispose()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _stack.close()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Load all tests without a look for garbage: none of what they load will ever be any."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)  # those that were not asked for are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = in_shares(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def settings_for(access: ClusterAccess, database: str, home: Path, **changes: Any) -> Settings:
    """Return the settings of a portal under test, on one database of the run's cluster."""
    values: dict[str, Any] = {
        "environment": "test",
        "portal_home": home,
        "portal_url": "http://localhost",
        "database_url": access.portal_url(database).replace("postgresql://", "postgresql+psycopg://"),
        "migration_database_url": access.owner_url(database).replace("postgresql://", "postgresql+psycopg://"),
        "secret_key": "a-secret-for-tests-that-is-long-enough-1",
        "jwt_keys": ("a-token-key-for-tests-that-is-long-enough",),
        "limits_factor": 1000,
    }
    return Settings(**(values | changes))


def migrate(settings: Settings) -> None:
    command.upgrade(alembic_config(settings), "head")


@pytest.fixture(scope="session", autouse=True)
def cheap_password_hashes() -> None:
    """A hash that takes a core for a moment is right for people and wrong for a thousand tests."""
    passwords.use(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture(autouse=True)
def quiet_watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the portal notes of its running is written when a test says so, not among the statements it counts."""
    monkeypatch.setattr(tally, "WRITE_EVERY_SECONDS", float("inf"))
    monkeypatch.setattr(tally, "WRITE_URGENT_SECONDS", float("inf"))
    yield
    tally.forget()


@pytest.fixture(scope="session")
def cluster() -> ClusterAccess:
    return ClusterAccess.from_text(os.environ[CLUSTER])


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def settings(cluster: ClusterAccess, home: Path, worker_id: str) -> Iterator[Settings]:
    with copy_of(cluster, TEMPLATE, f"tests_{worker_id}") as name:
        yield settings_for(cluster, name, home)


@contextlib.contextmanager
def copy_of(cluster: ClusterAccess, template: str, name: str) -> Iterator[str]:
    """A database that begins as a copy of another, until the end of the block."""
    cluster.drop_database(name)
    cluster.create_database(name, template=template)
    yield name
    cluster.drop_database(name)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    worker = getattr(request.config, "workerinput", None)
    return worker["workerid"] if worker else "main"


@pytest.fixture(scope="session")
def app(settings: Settings) -> Flask:
    from portal.app import create_app

    return under_test(create_app(settings))


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    engine = engine_of_one_connection(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def engine_with_cast(cluster: ClusterAccess, home: Path, worker_id: str) -> Iterator[Engine]:
    """An engine on a database in which the cast is there already: most tests begin with it."""
    with copy_of(cluster, WITH_CAST, f"tests_{worker_id}_with_cast") as name:
        engine = engine_of_one_connection(settings_for(cluster, name, home).database_url)
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def known_cast(engine_with_cast: Engine) -> Cast:
    with Session(engine_with_cast, expire_on_commit=False) as session:
        return find_cast(session)


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """One connection for the whole test, as the portal's own role; everything on it is undone at the end."""
    engine = request.getfixturevalue("engine_with_cast" if "known_cast" in request.fixturenames else "engine")
    with undone_at_the_end(engine) as connection:
        yield connection


@contextlib.contextmanager
def undone_at_the_end(engine: Engine) -> Iterator[Connection]:
    """A connection that the portal is bound to; whatever is done on it in the block is undone."""
    with engine.connect() as connection:
        outer = connection.begin()
        db.bind(connection, join_transaction_mode="create_savepoint")
        yield connection
        db.close_session()
        outer.rollback()


@pytest.fixture
def world(connection: Connection) -> Iterator[Session]:
    """A session of the test's own: it arranges and inspects (commit what you arrange), the portal uses another."""
    with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
        yield session


@pytest.fixture
def cast(world: Session, known_cast: Cast) -> Cast:
    """The permanent cast: Ama and her trainer Kofi, Esi and hers, Yaw, elsewhere, and Efua who administers."""
    return known_cast.within(world)


@pytest.fixture
def client(app: Flask, connection: Connection) -> FlaskClient:
    """A browser that nobody has signed in with."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, world: Session) -> Callable[..., FlaskClient]:
    """Return a signed-in browser of a person: `sign_in(cast.ama)`; `.csrf` is what its forms carry."""
    from tests.factories import make_session

    def sign_in(person: Any, **session: Any) -> FlaskClient:
        token, row = make_session(world, person, **session)
        world.commit()
        browser = app.test_client()
        browser.set_cookie("portal", token)
        browser.csrf = csrf_of(app, row.csrf_token)
        return browser

    return sign_in


@pytest.fixture
def ama(sign_in: Callable[..., FlaskClient], cast: Cast) -> FlaskClient:
    """Her browser, as the next ones are theirs."""
    return sign_in(cast.ama)


@pytest.fixture
def esi(sign_in: Callable[..., FlaskClient], cast: Cast) -> FlaskClient:
    return sign_in(cast.esi)


@pytest.fixture
def kofi(sign_in: Callable[..., FlaskClient], cast: Cast) -> FlaskClient:
    return sign_in(cast.kofi)


@pytest.fixture
def efua(sign_in: Callable[..., FlaskClient], cast: Cast) -> FlaskClient:
    return sign_in(cast.efua)


def csrf_of(app: Flask, secret: str) -> str:
    """Return the token a form of this session carries."""
    from itsdangerous import URLSafeTimedSerializer

    return URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(secret)


@pytest.fixture
def count_queries(connection: Connection) -> Callable[[], contextlib.AbstractContextManager[QueryCounter]]:
    """`with count_queries() as queries: client.get(...)`: the statements the portal sends, savepoints left out."""
    return lambda: count_queries_on(connection)


@pytest.fixture
def live_template() -> str:
    """What a live database begins as a copy of; tests that share what they begin with name another."""
    return TEMPLATE


@pytest.fixture
def live_database(
    cluster: ClusterAccess, worker_id: str, live_template: str, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A database of its own for what savepoints cannot show: several connections, live servers, workers."""
    with copy_of(cluster, live_template, f"live_{worker_id}_{abs(hash(request.node.nodeid)) % 10**8}") as name:
        yield name


@pytest.fixture
def live_settings(cluster: ClusterAccess, live_database: str, tmp_path: Path) -> Settings:
    return settings_for(cluster, live_database, tmp_path)


@pytest.fixture
def portal_engine(live_settings: Settings) -> Iterator[Engine]:
    """The portal's own engine on the live database, bound for sessions while the test runs."""
    engine = db.make_engine(live_settings.database_url, pool_size=20)
    db.bind(engine)
    yield engine
    db.close_session()
    engine.dispose()


@pytest.fixture
def live_engine(portal_engine: Engine) -> Iterator[Engine]:
    """An engine for the test's own sessions on the live database, beside the portal's."""
    engine = create_engine(portal_engine.url)
    yield engine
    engine.dispose()
