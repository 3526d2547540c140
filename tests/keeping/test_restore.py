"""What comes back is what was there: every row, rule, right and byte; what is not is noticed, and nothing is left."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from portal.adapters.storage import storage_from
from portal.cli.home import RESTORING
from portal.cli.restore import fill
from portal.domain.accounts.models import UserSession
from portal.domain.assignments.models import PendingHandIn
from portal.domain.assignments.pending import hand_in_when_complete
from portal.domain.assignments.work import SubmitAssignment
from portal.domain.files.models import StoredFile, Upload
from portal.domain.notifications.models import Notification
from portal.embedded import Cluster, ClusterAccess
from portal.keeping.contents import plain
from portal.keeping.errors import KeepingError
from portal.keeping.folder import BackupFolder, write_manifest
from portal.settings import Settings
from tests.adapters.test_storage import object_store
from tests.cast import actor, gather_cast
from tests.domain.assignments.arranging import hand_in as work
from tests.factories import make_assignment, make_session, make_user, now
from tests.keeping.homes import DATABASE, everything_in, files_in, portal
from tests.keeping.test_backup import back_up, hand_in
from tests.platform.runs import OrdinaryUser, Run
from tests.uploads.arranging import receive

__all__ = ["object_store"]
CopyOfHome = Callable[[str], Path]


def held_by(home: Path) -> dict[str, object]:
    """Return all that is in a stopped home: the database as both roles see it, and the files."""
    with Cluster(home / "database") as cluster:
        return everything_in(cluster.owner_url(DATABASE)) | {"files": files_in(home / "files")}


def test_everything_of_a_home_is_in_the_restored_one(copy_of_home: CopyOfHome, place: Path):
    home, backups, restored = copy_of_home("home"), place / "backups", place / "restored"
    before = held_by(home)
    assert len(before["rows of submissions"]) == len(before["files"]) == 60
    assert len(before["rows of audit_seals"]) == 60
    taken = portal(home, "backup", str(backups), TIME_ZONE="Europe/London", SENTRY_DSN="https://k@e.example.org/1")
    assert taken.code == 0, taken.said

    done = portal(restored, "restore", str(backups))

    assert done.code == 0, done.said
    head = next(line.rsplit(" ", 1)[1] for line in taken.said.splitlines() if line.startswith("Head"))
    assert f"The trail is whole up to its head {head}" in done.said
    assert "TIME_ZONE was Europe/London, here it is Africa/Accra" in done.said
    assert "SENTRY_DSN was set, here it is not set" in done.said
    assert done.said.endswith(f"Now type: make run PORTAL_HOME={restored}\n")
    assert json.loads((restored / "backups.json").read_text())["folder"] == str(backups)
    after = held_by(restored)
    assert after.keys() == before.keys()
    for what in before:
        assert after[what] == before[what], what
    again = portal(restored, "restore", str(backups))
    assert (again.code, again.said.splitlines()[-1]) == (
        1,
        f"Error: There is a portal in {restored} already (database/). A restore needs an empty home. "
        f"Type: mv {restored} {restored}.before",
    )


def test_an_ordinary_user_backs_up_and_restores(place: Path, copy_of_home: CopyOfHome, ordinary_user: OrdinaryUser):
    home, mine = copy_of_home("home"), place / "mine"
    mine.mkdir()
    for path in (mine, home, *home.rglob("*")):
        if not path.is_relative_to(home / "database" / "cluster"):
            os.chown(path, ordinary_user.entry.pw_uid, ordinary_user.entry.pw_gid)

    taken = portal(home, "backup", str(mine / "backups"), by=ordinary_user)
    assert taken.code == 0, taken.said
    restored = portal(mine / "restored", "restore", str(mine / "backups"), by=ordinary_user)

    assert restored.code == 0, restored.said
    assert files_in(mine / "restored" / "files") == files_in(home / "files")
    assert {path.stat().st_uid for path in (mine / "restored").iterdir()} == {ordinary_user.entry.pw_uid}


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups")


@pytest.fixture
def empty_portal(
    cluster: ClusterAccess, live_settings: Settings, live_database: str, tmp_path: Path
) -> Iterator[Settings]:
    """Settings of a portal with an empty database and storage, and with other secrets."""
    name = f"{live_database}_restored"
    cluster.drop_database(name)
    cluster.create_database(name)
    yield replace(
        live_settings,
        portal_home=tmp_path / "elsewhere",
        database_url=live_settings.database_url.replace(live_database, name),
        migration_database_url=live_settings.migration_database_url.replace(live_database, name),
        secret_key="another-secret-for-tests-that-is-long-enough",
    )
    cluster.drop_database(name)


def restore(settings: Settings, folder: BackupFolder) -> None:
    fill(settings, folder, folder.manifest(folder.chosen(None)))


@contextmanager
def rows(settings: Settings) -> Iterator[Session]:
    engine = create_engine(settings.database_url)
    with Session(engine) as session:
        yield session
    engine.dispose()


def tables_of(settings: Settings) -> int:
    with psycopg.connect(plain(settings.migration_database_url)) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return int(found[0]) if found else 0


def test_a_flipped_byte_is_noticed_and_nothing_of_the_backup_is_left(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings
):
    keys = hand_in(live_engine, storage_from(live_settings), b"a film", b"another")
    name = back_up(live_settings, folder).manifest.name
    parts = {path.name: path for path in folder.part(name, "").iterdir()}
    assert len(parts) == 4
    for named, path in (parts | {keys[1]: folder.files / keys[1]}).items():
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        path.write_bytes(flipped)

        with pytest.raises(
            KeepingError, match=f"{named} .*(changed|is not what was written|cannot be read)"
        ) as refusal:
            restore(empty_portal, folder)

        assert "\n" not in str(refusal.value)
        assert list(storage_from(empty_portal).every_key()) == []
        assert tables_of(empty_portal) == 0
        path.write_bytes(whole)


def test_a_file_that_the_backup_lost_is_named(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings
):
    key = hand_in(live_engine, storage_from(live_settings), b"a film", b"another")[0]
    back_up(live_settings, folder)
    (folder.files / key).unlink()
    with pytest.raises(KeepingError, match=f"The file {key} is not in the backup"):
        restore(empty_portal, folder)
    assert list(storage_from(empty_portal).every_key()) == []


def test_a_dump_that_does_not_hold_what_was_counted_is_noticed(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings
):
    """The sums are right, the rows are not: as if the dump had been taken of another moment."""
    hand_in(live_engine, storage_from(live_settings), b"a film")
    manifest = back_up(live_settings, folder).manifest
    users = replace(manifest.contents.tables["users"], rows=7)
    tables = manifest.contents.tables | {"users": users}
    write_manifest(
        folder.part(manifest.name, ""), replace(manifest, contents=replace(manifest.contents, tables=tables))
    )
    with pytest.raises(KeepingError, match="users has 1 rows, 7 were expected"):
        restore(empty_portal, folder)


def test_what_was_written_after_a_backup_is_not_in_it(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings
):
    storage = storage_from(live_settings)
    first = hand_in(live_engine, storage, b"before")[0]
    name = back_up(live_settings, folder).manifest.name
    second = hand_in(live_engine, storage, b"after")[0]
    assert {key for key, _ in folder.wanted(back_up(live_settings, folder, hours=1).manifest.name)} == {first, second}

    fill(empty_portal, folder, folder.manifest(folder.chosen(name)))

    assert [key for key, _ in storage_from(empty_portal).every_key()] == [first]
    with rows(empty_portal) as session:
        assert session.scalars(select(StoredFile.storage_key)).all() == [first]


@pytest.mark.parametrize("same_secrets", [True, False])
def test_people_sign_in_again_unless_the_secrets_are_the_same(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings, same_secrets: bool
):
    with Session(live_engine) as session:
        make_session(session, make_user(session))
        session.commit()
    back_up(live_settings, folder)
    restore(replace(empty_portal, secret_key=live_settings.secret_key) if same_secrets else empty_portal, folder)
    with rows(empty_portal) as session:
        restored = session.scalars(select(UserSession)).one()
        assert (restored.ended_at is None, restored.ended_because is None) == (same_secrets, same_secrets)


def test_uploads_that_were_under_way_are_ended_and_what_was_handed_in_of_them_stays(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings
):
    storage = storage_from(live_settings)
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        session.commit()
        taken, whole = (receive(session, storage, cast.ama, assignment, b"\xff\xd8\xff me") for _ in range(2))
        half = receive(session, storage, cast.ama, assignment, b"\xff\xd8\xff", length=100)
        work(session, cast, assignment, uploads=(taken,))
        asked = SubmitAssignment(assignment_id=assignment.id, key="later", text="With it.", uploads=(half,))
        hand_in_when_complete(session, actor(cast.ama), asked, at=now())
        session.commit()
    assert back_up(live_settings, folder).manifest.files == 1

    restore(empty_portal, folder)

    with rows(empty_portal) as session:
        found = {row.id: (row.state, row.ended_because) for row in session.scalars(select(Upload))}
        assert found == {taken: ("taken", None), whole: ("ended", "restored"), half: ("ended", "restored")}
        assert [key for key, _ in storage_from(empty_portal).every_key()] == [
            session.scalars(select(StoredFile.storage_key)).one()
        ]
        waited = session.scalars(select(PendingHandIn)).one()
        assert (waited.state, waited.text) == ("refused", "With it.")
        told = session.scalars(select(Notification).where(Notification.kind == "hand-in-refused")).one()
        assert "was under way when the portal was brought back from a backup" in told.data["why"]


def test_a_bucket_is_restored_from_a_backup(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings, object_store: str
):
    key = hand_in(live_engine, storage_from(live_settings), b"a film")[0]
    back_up(live_settings, folder)
    bucket = replace(
        empty_portal, storage_url="s3://portal/restored", s3_endpoint=object_store,
        s3_access_key_id="testing", s3_secret_access_key="testing",
    )  # fmt: skip
    restore(bucket, folder)
    assert b"".join(storage_from(bucket).open(key)) == b"a film"


def test_nothing_is_mixed_with_what_is_there(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, empty_portal: Settings
):
    hand_in(live_engine, storage_from(live_settings), b"a film")
    back_up(live_settings, folder)
    with pytest.raises(KeepingError, match="The database has tables already"):
        restore(replace(live_settings, portal_home=empty_portal.portal_home), folder)
    storage_from(empty_portal).put([b"theirs"], "aa/theirs")
    with pytest.raises(KeepingError, match="There are files already"):
        restore(empty_portal, folder)
    assert [key for key, _ in storage_from(empty_portal).every_key()] == ["aa/theirs"]


def test_a_backup_of_a_newer_portal_or_postgresql_is_refused(
    live_settings: Settings, folder: BackupFolder, empty_portal: Settings
):
    manifest = back_up(live_settings, folder).manifest
    for newer, words in (
        (replace(manifest, contents=replace(manifest.contents, migration="9999")), "made by a newer version"),
        (replace(manifest, server_major=99), "The backup is of PostgreSQL 99, this server is 18"),
    ):
        write_manifest(folder.part(manifest.name, ""), newer)
        with pytest.raises(KeepingError, match=words):
            restore(empty_portal, folder)
        assert tables_of(empty_portal) == 0


def test_a_restore_that_fails_leaves_an_empty_home(copy_of_home: CopyOfHome, place: Path):
    home, backups = copy_of_home("home"), place / "backups"
    assert portal(home, "backup", str(backups)).code == 0
    broken = next(path for path in (backups / "files" / "bench").iterdir())
    broken.write_bytes(broken.read_bytes()[::-1])

    failed = portal(place / "restored", "restore", str(backups))
    assert failed.code == 1
    assert f"The file bench/{broken.name} in the backup is not what was handed in" in failed.said
    assert not (place / "restored" / "database").exists()
    assert not (place / "restored" / RESTORING).exists()
    assert files_in(place / "restored" / "files") == {}


def test_a_home_whose_restore_was_cut_off_is_never_run(place: Path, start: Callable[..., Run]):
    home = place / "home"
    home.mkdir()
    (home / RESTORING).touch()

    run = start(home)

    assert run.ends_within(20) == 1
    assert run.output.strip() == (
        f"Error: A restore into {home} did not come to its end. "
        f"Move it away (mv {home} {home}.half), then type again: portal restore DIR"
    )
