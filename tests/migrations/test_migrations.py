"""The tables can be made, unmade and made again, and are what the models say."""

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from portal.cli.database import alembic_config, migrations_app
from portal.domain.assignments.models import SubmissionFile
from portal.domain.assignments.note_models import ReviewNote
from portal.domain.files.models import StoredFile
from portal.embedded import ClusterAccess
from portal.keeping.vital_signs import newest_migration
from portal.settings import Settings
from tests.cast import gather_cast
from tests.conftest import settings_for
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import add, make_assignment, make_intake, make_user, now


@pytest.fixture
def empty(cluster: ClusterAccess, worker_id: str):
    name = f"migrations_{worker_id}"
    cluster.drop_database(name)
    cluster.create_database(name)
    yield settings_for(cluster, name, Path("/nonexistent"))
    cluster.drop_database(name)


def test_there_is_one_newest_migration(settings: Settings) -> None:
    assert ScriptDirectory.from_config(alembic_config(settings)).get_heads() == [newest_migration()]


def test_the_tables_of_an_empty_database_match_the_models_up_down_and_up_again(empty: Settings) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    command.upgrade(config, "head")
    command.check(config)


def test_weights_that_stood_beside_each_other_count_as_much_as_they_did(empty: Settings) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "head")
    engine = create_engine(str(empty.migration_database_url))
    with Session(engine) as session:
        kofi = make_user(session, "trainer")
        one, other = make_intake(session), make_intake(session)
        made = [make_assignment(session, one, kofi).id for _ in range(3)]
        unequal = [make_assignment(session, other, kofi).id for _ in range(4)]
        session.commit()
    command.downgrade(config, str(ScriptDirectory.from_config(config).get_revision("0060").down_revision))
    with engine.begin() as connection:
        change = text("UPDATE assignments SET weight = :weight, state = :state, published_at = :at WHERE id = :id")
        for assignment_id, weight in zip(made, (1, 1, 1), strict=True):
            connection.execute(change, {"id": assignment_id, "weight": weight, "state": "published", "at": now()})
        for assignment_id, weight in zip(unequal[:3], (3, 1, 0), strict=True):
            connection.execute(change, {"id": assignment_id, "weight": weight, "state": "published", "at": now()})
        connection.execute(change, {"id": unequal[3], "weight": 9, "state": "archived", "at": None})
    command.upgrade(config, "head")
    with engine.connect() as connection:
        found = dict(connection.execute(text("SELECT id, weight FROM assignments")).all())
    engine.dispose()
    assert sorted(str(found[each]) for each in made) == ["33.33", "33.33", "33.34"]
    assert [str(found[each]) for each in unequal] == ["75.00", "25.00", "0.00", "0.00"]


def test_going_back_keeps_notes_at_their_page_and_going_on_finds_what_nobody_looked_into(empty: Settings) -> None:
    config = alembic_config(empty)
    command.upgrade(config, "head")
    engine = create_engine(str(empty.migration_database_url))
    with Session(engine) as session:
        cast = gather_cast(session)
        work = hand_in(session, cast, make_assignment(session, cast.intake, cast.kofi), files=(stored(),))
        (photo,) = session.scalars(select(SubmissionFile.file_id).where(SubmissionFile.submission_id == work.id))
        note = {"submission_id": work.id, "file_id": photo, "author_id": cast.kofi.id, "text": "Here.", "key": "1"}
        add(session, ReviewNote(**note, page=3, x=400, y=255, created_at=now()))
        session.commit()
        command.downgrade(config, "0110")
        place = session.execute(text("SELECT page, x, y FROM review_notes"))
        assert place.one() == (3, None, None)
        session.commit()
        command.upgrade(config, "head")
        assert session.scalars(select(StoredFile.id).where(StoredFile.to_look_into)).all() == [photo]
    engine.dispose()


def test_flask_db_works_on_the_same_migrations(settings: Settings) -> None:
    answer = migrations_app(settings).test_cli_runner().invoke(args=["db", "check"])
    assert answer.exit_code == 0, answer.output


def test_the_portals_role_may_change_rows_but_no_tables(settings: Settings) -> None:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        for statement in (
            "CREATE TABLE mine (id int)",
            "DROP TABLE users",
            "TRUNCATE notifications",
            "ALTER TABLE users ADD x int",
        ):
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                connection.execute(text(statement))
            connection.rollback()
    engine.dispose()


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals"])
def test_neither_the_portals_role_nor_the_owner_rewrites_the_trail(settings: Settings, table: str) -> None:
    for address in (settings.database_url, settings.migration_database_url):
        engine = create_engine(address)
        with engine.connect() as connection:
            with pytest.raises(DBAPIError):
                connection.execute(text(f"TRUNCATE {table} CASCADE"))
            connection.rollback()
        engine.dispose()


def test_the_last_system_admin_stays_whoever_asks(connection, world) -> None:
    admin = make_user(world, "admin")
    world.commit()
    for change in ("duties = '{content}'", "deactivated_at = now()", "role = 'trainer', duties = '{}'"):
        with pytest.raises(DBAPIError, match="last active admin"), connection.begin_nested():
            connection.execute(text(f"UPDATE users SET {change} WHERE id = :id"), {"id": admin.id})


def test_a_row_never_leaves_the_arrows(connection, world, cast) -> None:
    with pytest.raises(DBAPIError, match="does not go from active to deferred"), connection.begin_nested():
        connection.execute(
            text("UPDATE enrolments SET state = 'deferred', ended_at = now() WHERE id = :id"), {"id": cast.enrolment.id}
        )


def test_an_intake_never_has_more_seats_taken_than_it_has(connection, world, cast) -> None:
    connection.execute(text("UPDATE intakes SET seats = 1 WHERE id = :id"), {"id": cast.intake.id})
    with pytest.raises(DBAPIError, match="seats_taken"), connection.begin_nested():
        connection.execute(
            text("INSERT INTO seats (intake_id, user_id) VALUES (:intake, :user)"),
            {"intake": cast.intake.id, "user": cast.esi.id},
        )
