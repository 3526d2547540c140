"""A backup is whole or it is not there; a second one copies only what is new; nobody waits for either."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from portal.adapters.storage import Storage, new_key, storage_from
from portal.domain.files.models import FilePurpose, StoredFile
from portal.keeping import programs
from portal.keeping.backup import Taken, take_backup
from portal.keeping.contents import plain
from portal.keeping.errors import KeepingError
from portal.keeping.folder import BackupFolder
from portal.keeping.programs import Programs, programs_for
from portal.settings import Settings
from tests.adapters.test_storage import object_store
from tests.factories import make_user
from tests.keeping.homes import ROOT, portal
from tests.platform.runs import PORTAL, wait_until

__all__ = ["object_store"]
SEVEN = datetime(2026, 11, 27, 7, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups")


def hand_in(engine: Engine, storage: Storage, *contents: bytes, state: str = "attached") -> list[str]:
    """Put files where the portal keeps them, with their rows, and return their keys."""
    keys = [new_key() for _ in contents]
    with Session(engine) as session:
        owner = make_user(session)
        for key, content in zip(keys, contents, strict=True):
            storage.put([content], key)
            session.add(
                StoredFile(
                    owner_id=owner.id, purpose=FilePurpose.SUBMISSION, state=state, name="me.jpg", kind="image/jpeg",
                    size=len(content), sha256=hashlib.sha256(content).hexdigest(), storage_key=key, stored_at=SEVEN,
                )
            )  # fmt: skip
        session.commit()
    return keys


def back_up(settings: Settings, folder: BackupFolder, hours: int = 0) -> Taken:
    return take_backup(settings, folder, at=SEVEN + timedelta(hours=hours), tell=lambda _: None)


def test_a_backup_holds_every_file_that_a_row_counts_on(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder
):
    storage = storage_from(live_settings)
    attached, stored = (
        hand_in(live_engine, storage, b"a film")[0], hand_in(live_engine, storage, b"fresh", state="stored")[0],
    )  # fmt: skip
    hand_in(live_engine, storage, b"given up", state="deleted")

    taken = back_up(live_settings, folder)

    assert taken.manifest.name == "2026-11-27T070000Z"
    assert (folder.files / attached).read_bytes() == b"a film"
    assert {key for key, _ in folder.wanted(taken.manifest.name)} == {attached, stored}
    assert folder.manifest(folder.chosen(None)) == taken.manifest
    assert taken.manifest.contents.tables["files"].rows == 3


def test_the_list_of_files_is_one_that_sha256sum_reads(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder
):
    keys = hand_in(live_engine, storage_from(live_settings), b"one", b"two")
    name = back_up(live_settings, folder).manifest.name
    check = ["sha256sum", "--check", "--strict", f"../{name}/files.sha256"]

    assert subprocess.run(check, cwd=folder.files, capture_output=True, check=False).returncode == 0
    (folder.files / keys[0]).write_bytes(b"oNe")
    assert subprocess.run(check, cwd=folder.files, capture_output=True, check=False).returncode == 1


def test_a_second_backup_copies_only_new_files(live_settings: Settings, live_engine: Engine, folder: BackupFolder):
    storage = storage_from(live_settings)
    hand_in(live_engine, storage, b"one", b"two")
    assert back_up(live_settings, folder).copied == 2
    before = {path: path.stat().st_mtime_ns for path in folder.files.rglob("*/*")}
    third = hand_in(live_engine, storage, b"three")[0]

    second = back_up(live_settings, folder, hours=1)

    assert (second.copied, second.manifest.files) == (1, 3)
    assert before.items() <= {path: path.stat().st_mtime_ns for path in folder.files.rglob("*/*")}.items()
    assert (folder.files / third).read_bytes() == b"three"
    assert folder.names() == ["2026-11-27T070000Z", "2026-11-27T080000Z"]
    assert (folder.folder / "latest").read_text() == "2026-11-27T080000Z\n"


def test_old_backups_go_and_with_them_the_files_that_nobody_needs(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder
):
    removed, stays = hand_in(live_engine, storage_from(live_settings), b"one", b"two")
    for hours in range(2):
        back_up(live_settings, folder, hours)
    with Session(live_engine) as session:
        session.query(StoredFile).filter_by(storage_key=removed).one().state = "deleted"
        session.commit()
    for hours in range(2, 4):
        back_up(live_settings, folder, hours)

    assert folder.keep_newest(3) == ["2026-11-27T070000Z"]
    assert (folder.files / removed).exists(), "an older backup still needs it"
    assert folder.keep_newest(2) == ["2026-11-27T080000Z"]
    assert not (folder.files / removed).exists()
    assert (folder.files / stays).exists()
    assert folder.names() == ["2026-11-27T090000Z", "2026-11-27T100000Z"]


def test_a_file_that_is_not_what_was_handed_in_ends_the_backup_and_is_named(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder
):
    storage = storage_from(live_settings)
    key = hand_in(live_engine, storage, b"a film", b"another")[0]
    path = storage.path(key)
    assert path
    for content in (b"a flim", b"a fi", None):
        path.unlink()
        if content:
            path.write_bytes(content)

        with pytest.raises(KeepingError, match=f"Not every file is whole, so there is no backup: {key}: ") as refusal:
            back_up(live_settings, folder)

        assert "\n" not in str(refusal.value)
        assert folder.names() == []
        assert not (folder.files / key).exists()


def test_the_portals_own_role_is_enough_to_back_up(live_settings: Settings, live_engine: Engine, folder: BackupFolder):
    """On servers only the migrations have the password of the owner."""
    hand_in(live_engine, storage_from(live_settings), b"a film")
    assert back_up(replace(live_settings, migration_database_url=""), folder).manifest.files == 1


def test_a_folder_of_other_things_is_refused_and_left_alone(
    live_settings: Settings, live_engine: Engine, tmp_path: Path
):
    hand_in(live_engine, storage_from(live_settings), b"a film")
    pictures = tmp_path / "own" / "files" / "holiday.jpg"
    pictures.parent.mkdir(parents=True)
    pictures.write_bytes(b"mine")
    elsewhere = replace(live_settings, storage_url=f"folder:{tmp_path / 'store' / 'files'}")
    home = live_settings.portal_home
    for settings, place, words in (
        (live_settings, tmp_path / "own", "holds other things than backups"),
        (live_settings, home, "The portal keeps its own files in"),
        (live_settings, home / "files" / "backups", "The portal keeps its own files in"),
        (elsewhere, tmp_path / "store", "The portal keeps its own files in"),
    ):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        with pytest.raises(KeepingError, match=words):
            back_up(settings, BackupFolder(place))
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_backup_that_is_interrupted_leaves_nothing_that_looks_whole(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
):
    hand_in(live_engine, storage_from(live_settings), *(bytes([number]) for number in range(9)))
    take_in, taken = BackupFolder.take_in, []

    def stop_at_the_third(self: BackupFolder, file, chunks):
        taken.append(file)
        if len(taken) == 3:
            raise KeyboardInterrupt
        take_in(self, file, chunks)

    with monkeypatch.context() as patched:
        patched.setattr(BackupFolder, "take_in", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            back_up(live_settings, folder)
    assert folder.names() == []
    assert list(folder.folder.glob("2026*")) == []

    again = back_up(live_settings, folder, hours=1)
    assert again.copied < 9, "what came before the end is not copied again"
    assert again.manifest.files == 9


def test_a_killed_backup_leaves_nothing_that_looks_whole(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder
):
    """It is killed while the dump waits for a table that somebody holds."""
    hand_in(live_engine, storage_from(live_settings), b"one")
    environ = dict(os.environ) | {
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_HOME": str(live_settings.portal_home),
        "DATABASE_URL": live_settings.database_url,
        "MIGRATION_DATABASE_URL": live_settings.migration_database_url,
    }
    with psycopg.connect(plain(live_settings.migration_database_url)) as holder:
        holder.execute("LOCK TABLE files")
        command = [*PORTAL, "backup", str(folder.folder)]
        killed = subprocess.Popen(command, cwd=ROOT, env=environ)
        wait_until(lambda: bool(list(folder.folder.glob("*/database.dump"))), 60, "the dump has begun")
        with pytest.raises(KeepingError, match="Another backup is being written"):
            back_up(live_settings, folder)
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)

    assert len(list(folder.folder.glob("*.unfinished"))) == 1
    assert folder.names() == []
    with pytest.raises(KeepingError, match="There is no backup in"):
        folder.chosen(None)
    back_up(live_settings, folder)
    assert folder.names() == ["2026-11-27T070000Z"]
    assert list(folder.folder.glob("*.unfinished")) == []


def test_a_backup_tells_no_secret_and_is_closed_to_others(live_settings: Settings, folder: BackupFolder):
    mail = replace(live_settings, mail_server="mail.example.org", mail_password="a-password-of-the-mail-server")
    name = back_up(mail, folder).manifest.name

    kept = json.loads(folder.part(name, "settings.json").read_text())
    assert (kept["MAIL_SERVER"], kept["MAIL_PASSWORD"], kept["REDIS_URL"]) == ("mail.example.org", "set", "not set")
    for part in folder.part(name, "").iterdir():
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        for secret in (mail.secret_key, mail.jwt_keys[0], mail.mail_password, mail.database_url):
            assert secret.encode() not in part.read_bytes()
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700


def test_a_backup_of_a_bucket_holds_what_was_in_it(
    live_settings: Settings, live_engine: Engine, folder: BackupFolder, object_store: str
):
    bucket = replace(
        live_settings, storage_url="s3://portal/backed-up", s3_endpoint=object_store,
        s3_access_key_id="testing", s3_secret_access_key="testing",
    )  # fmt: skip
    keys = hand_in(live_engine, storage_from(bucket), b"in the bucket", b"x" * 3_000_000)

    assert back_up(bucket, folder).copied == 2
    assert (folder.files / keys[0]).read_bytes() == b"in the bucket"
    assert (folder.files / keys[1]).stat().st_size == 3_000_000
    storage_from(bucket).delete(keys[0])
    with pytest.raises(KeepingError, match=f"{keys[0]}: nothing is kept under"):
        (folder.files / keys[0]).unlink()
        back_up(bucket, folder, hours=1)


def test_the_programs_of_the_servers_own_version_are_taken_else_the_next_newer(
    live_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The server of the tests is of the wheel's version, 18."""
    here = [Programs(Path("/opt/15"), 15), Programs(Path("/opt/20"), 20), Programs(Path("/opt/19"), 19)]
    monkeypatch.setattr(programs, "_installed", lambda: [*here, Programs(Path("/opt/18"), 18)])
    assert programs_for(live_settings.database_url).folder == Path("/opt/18")
    monkeypatch.setattr(programs, "_installed", lambda: here)
    assert programs_for(live_settings.database_url).folder == Path("/opt/19")
    assert programs_for(live_settings.database_url, at_least=20).folder == Path("/opt/20")
    monkeypatch.setattr(programs, "_installed", lambda: here[:1])
    with pytest.raises(KeepingError, match="sudo apt-get install postgresql-client-18") as refusal:
        programs_for(live_settings.database_url)
    assert "\n" not in str(refusal.value)


def test_a_database_that_is_away_is_one_line(live_settings: Settings, folder: BackupFolder):
    away = replace(live_settings, migration_database_url="postgresql+psycopg://owner:secret@127.0.0.1:9/portal")
    with pytest.raises(KeepingError, match=r"The database does not answer: .*refused") as refusal:
        back_up(away, folder)
    assert "secret" not in str(refusal.value)


def test_a_home_without_a_portal_is_one_line(tmp_path: Path):
    done = portal(tmp_path / "nowhere", "backup", str(tmp_path / "backups"))
    assert (done.code, done.said.count("\n")) == (1, 1)
    assert "There is no portal in" in done.said
    assert not (tmp_path / "nowhere").exists()
