"""A portal at work for the tests of `portal check`, and a superuser who breaks what nobody else can."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine, create_engine, select, text
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.mailer import mailer_from
from portal.adapters.storage import FolderStorage, storage_from
from portal.cli.check import check as command
from portal.domain.assignments.pending import hand_in_when_complete
from portal.domain.files.models import StoredFile
from portal.domain.notifications.models import Notification
from portal.embedded import ClusterAccess
from portal.jobs import delivery
from portal.jobs import sealing as sealing_jobs
from portal.keeping.invariants import Look, check
from portal.settings import Settings
from tests.cast import Cast, actor, gather_cast
from tests.conftest import TEMPLATE, settings_for
from tests.domain.assignments.arranging import hand_in, mark, work
from tests.factories import make_assignment, make_live_class, now
from tests.uploads.arranging import receive


@dataclass
class World:
    """A portal in which something was handed in, marked, told and sealed."""

    settings: Settings
    storage: FolderStorage
    cast: Cast
    engine: Engine
    superuser: Connection
    """May do what nobody may: triggers and foreign keys are off."""

    def broken(self, *, at: datetime | None = None, quick: bool = False) -> dict[str, str]:
        """Return the rules that do not hold, by name, with what is said of them."""
        look = Look(self.storage, at or now(), quick)
        answers = [answer for answer in check(look) if not answer.found.holds]
        return {answer.invariant.name: " / ".join(answer.found.wrong) for answer in answers}

    def plant(self, *statements: str) -> None:
        for statement in statements:
            self.superuser.execute(text(statement))

    def ask(self, *arguments: str) -> Result:
        """Return what `portal check` answers whoever keeps the server."""
        environ = {
            "PORTAL_ENVIRONMENT": "test",
            "DATABASE_URL": self.settings.database_url,
            "PORTAL_HOME": str(self.settings.portal_home),
        }
        answer = CliRunner().invoke(command, ["--patience", "0", *arguments], env=environ)
        db.bind(self.engine)  # the command used an engine of its own
        return answer

    def file_of_receipt(self) -> StoredFile:
        with db.session_scope() as session:
            return session.scalars(select(StoredFile)).one()

    def lose_the_bytes(self) -> None:
        """Take away the bytes of the file that stands on a receipt."""
        self.storage.delete(self.file_of_receipt().storage_key)


@dataclass
class Arranged:
    """What every world begins as: arranged once, and copied with its database and its home."""

    database: str
    home: Path
    cast: Cast


@pytest.fixture(scope="session")
def arranged(cluster: ClusterAccess, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arranged]:
    database, home = f"at_work_{worker_id}", tmp_path_factory.mktemp("at-work")
    cluster.drop_database(database)
    cluster.create_database(database, template=TEMPLATE)
    live_settings = settings_for(cluster, database, home)
    live_engine = db.make_engine(live_settings.database_url, pool_size=2)
    db.bind(live_engine)
    storage = storage_from(live_settings)
    assert isinstance(storage, FolderStorage)
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        make_live_class(session, cast.intake, cast.kofi)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        session.commit()
        portrait = b"\xff\xd8\xff a portrait"
        sent, _waiting = (receive(session, storage, cast.ama, assignment, portrait) for _ in range(2))
        half = receive(session, storage, cast.ama, assignment, bytes(40), length=100)
        first = hand_in(session, cast, assignment, uploads=(sent,))
        hand_in(session, cast, assignment)
        hand_in_when_complete(session, actor(cast.ama), work(assignment, uploads=(half,)), at=now())
        mark(session, cast, first, release=True)
        ids = [str(notification_id) for notification_id in session.scalars(select(Notification.id))]
    delivery.deliver(live_settings, mailer_from(live_settings), ids, at=now().replace(hour=12))
    sealing_jobs.seal_new(at=now())
    db.close_session()
    live_engine.dispose()
    yield Arranged(database, home, cast)
    cluster.drop_database(database)


@pytest.fixture
def live_template(arranged: Arranged) -> str:
    return arranged.database


@pytest.fixture
def world(
    arranged: Arranged, live_settings: Settings, live_engine: Engine, cluster: ClusterAccess, live_database: str
) -> Iterator[World]:
    shutil.copytree(arranged.home, live_settings.portal_home, dirs_exist_ok=True)
    storage = storage_from(live_settings)
    assert isinstance(storage, FolderStorage)
    above = create_engine(cluster.superuser_url(live_database).replace("postgresql://", "postgresql+psycopg://"))
    with above.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET session_replication_role = replica"))
        yield World(live_settings, storage, arranged.cast, live_engine, connection)
    above.dispose()
