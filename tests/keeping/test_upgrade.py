"""A new version of the portal, or of PostgreSQL: first a backup, then the change, and a way back where it fails."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.cli.backup import back_up
from portal.embedded import Cluster, EmbeddedError, control_state
from portal.embedded.cluster import REPLACED
from portal.keeping.folder import BackupFolder
from portal.keeping.vital_signs import newest_migration
from tests.homes import copy_of_home
from tests.keeping.homes import DATABASE, POSTGRESQL_15, SMALL, everything_in, files_in, make_home, portal
from tests.platform.runs import ROOT, Run

CopyOfHome = Callable[[str], Path]
GOOD = """
from alembic import op

def upgrade() -> None:
    op.execute("CREATE TABLE new_things (id integer)")
"""
AT_FAULT = """
from alembic import op

def upgrade() -> None:
    op.execute("CREATE TABLE half_done (id integer)")
    op.execute("ALTER TABLE users ADD CONSTRAINT nobody CHECK (first_name = 'Nobody')")
"""


@pytest.fixture(scope="module")
def old_term() -> Iterator[Path]:
    """A stopped home whose database PostgreSQL 15 has written. Nobody changes it: `old_home` is a copy."""
    assert (POSTGRESQL_15 / "initdb").exists(), (
        "PostgreSQL 15 is not installed. Type: sudo apt-get install postgresql-15"
    )
    folder = Path(tempfile.mkdtemp(prefix="portal-old-"))
    folder.chmod(0o755)
    make_home(folder / "home", SMALL, programs=POSTGRESQL_15)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def old_home(old_term: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    return copy_of_home(old_term, place / "home")


def kept_rows(home: Path, programs: Path | None = None) -> dict[str, object]:
    with Cluster(home / "database", programs=programs) as cluster:
        found = everything_in(cluster.owner_url(DATABASE), computed=False)
    return {what: rows for what, rows in found.items() if what.startswith("rows of ") or what in SAME_IN_EVERY_MAJOR}


def test_the_next_major_version_of_postgresql_takes_over_everything(
    old_home: Path, place: Path, start: Callable[..., Run]
):
    before = kept_rows(old_home, POSTGRESQL_15)
    run = start(old_home)
    assert run.ends_within(30) == 1
    assert run.output.strip().endswith("this version of the portal brings 18. Type: portal upgrade")
    refused = portal(old_home, "upgrade")
    assert refused.code == 1
    assert "there is no backup after the last write. Make one with the former version" in refused.said
    back_up(old_home, BackupFolder(place / "backups"), programs=POSTGRESQL_15)
    files = files_in(old_home / "files")

    done = portal(old_home, "upgrade")

    assert done.code == 0, done.said
    cluster = Cluster(old_home / "database")
    assert cluster.major == cluster.programs_major == "18"
    former = cluster.data.with_name("cluster-15")
    assert f"rm -r {former}" in done.said
    assert (former / "PG_VERSION").read_text() == "15\n"
    assert kept_rows(old_home) == before
    assert files_in(old_home / "files") == files
    assert portal(old_home, "doctor").code == 0


def test_what_was_written_after_the_last_backup_is_never_lost_by_a_new_major(old_home: Path, place: Path):
    back_up(old_home, BackupFolder(place / "backups"), programs=POSTGRESQL_15)
    with Cluster(old_home / "database", programs=POSTGRESQL_15) as cluster:
        stood = cluster.data
    before = control_state(stood)

    done = portal(old_home, "upgrade", "--backup", str(place / "backups"))

    assert done.code == 1
    assert "there is no backup after the last write" in done.said
    assert control_state(stood) == before
    assert Cluster(old_home / "database").major == "15"


def test_a_backup_with_a_flipped_byte_replaces_nothing(old_home: Path, place: Path):
    folder = BackupFolder(place / "backups")
    name = back_up(old_home, folder, programs=POSTGRESQL_15).manifest.name
    dump = folder.part(name, "database.dump")
    dump.write_bytes(dump.read_bytes()[:-1])

    done = portal(old_home, "upgrade")

    assert (done.code, "database.dump of the backup" in done.said) == (1, True)
    assert Cluster(old_home / "database").major == "15"
    assert sorted(path.name for path in (old_home / "database").iterdir() if path.is_dir()) == ["cluster"]


def test_a_replacement_that_was_cut_off_between_its_renames_is_finished_by_the_next_start(copy_of_home: CopyOfHome):
    folder = copy_of_home("home") / "database"
    data = Cluster(folder).data
    system = control_state(data).system
    data.rename(data.with_name("cluster" + REPLACED))

    with Cluster(folder) as again:
        assert again.access.has_database(DATABASE)
    assert control_state(again.data).system == system


def test_programs_of_another_major_never_touch_the_data(old_home: Path):
    before = control_state(Cluster(old_home / "database").data)
    with pytest.raises(
        EmbeddedError, match="written by PostgreSQL 15, this version of the portal brings 18"
    ) as refusal:
        Cluster(old_home / "database").start()
    assert "\n" not in str(refusal.value)
    assert control_state(Cluster(old_home / "database").data) == before


def test_an_upgrade_backs_up_first(copy_of_home: CopyOfHome):
    home = copy_of_home("home")

    done = portal(home, "upgrade")

    assert done.code == 0, done.said
    assert done.said.index("Backup 20") < done.said.index("Bringing the tables up to date")
    assert BackupFolder(home / "backups").manifest(BackupFolder(home / "backups").chosen(None)).files == 60


def test_a_migration_that_fails_is_undone_and_the_way_back_is_told(copy_of_home: CopyOfHome, place: Path):
    """The project is copied, and migrations planted of which the last begins well and then fails."""
    home, project, backups = copy_of_home("home"), place / "project", str(place / "backups")
    newest = plant(project, AT_FAULT)
    before = kept_rows(home)

    done = portal(home, "upgrade", "--backup", backups, root=project, PYTHONPATH=str(project))

    assert done.code == 1, done.said
    told = done.said.splitlines()[-1]
    assert f"The migration after {newest} failed, and was undone:" in told
    assert "No table has changed. To go on with the former version, type: git checkout ORIG_HEAD && make run" in told
    assert "Traceback" not in done.said
    assert kept_rows(home) == before

    plant(project, GOOD, AT_FAULT)
    half = portal(home, "upgrade", "--backup", backups, root=project, PYTHONPATH=str(project))
    assert (half.code, f"The tables were at {newest} before." in half.said) == (1, True), half.said
    assert f"an empty home: mv {home} {home}.failed, then type: git checkout ORIG_HEAD && portal restore" in half.said
    home.rename(f"{home}.failed")
    restored = portal(home, *half.said.splitlines()[-1].partition("&& portal ")[2].split())
    assert restored.code == 0, restored.said
    assert kept_rows(home) == before


def plant(project: Path, *migrations: str) -> str:
    """Copy the project with more migrations than it has, and return the newest of its own."""
    shutil.rmtree(project, ignore_errors=True)
    for folder in ("portal", "migrations"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    versions = project / "migrations" / "versions"
    newest = before = str(newest_migration())
    for number, migration in enumerate(migrations, start=9001):
        (versions / f"20990101_0000_{number}_planted.py").write_text(
            f'revision = "{number}"\ndown_revision = "{before}"\nbranch_labels = depends_on = None\n{migration}'
        )
        before = str(number)
    return newest


def test_the_control_file_tells_a_stopped_cluster_from_a_running_one(copy_of_home: CopyOfHome):
    cluster = Cluster(copy_of_home("home") / "database")
    first = control_state(cluster.data)
    assert first.shut_down
    with cluster:
        assert not control_state(cluster.data).shut_down
    second = control_state(cluster.data)
    assert second.shut_down
    assert second.system == first.system
    assert second.checkpoint > first.checkpoint, "a start that wrote nothing of ours is noticed, too"


SAME_IN_EVERY_MAJOR = frozenset({"tables", "columns", "sequences", "triggers", "extensions", "owners", "grants"})
