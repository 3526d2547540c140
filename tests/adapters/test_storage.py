"""Where bytes are kept: a folder of ours and a bucket behave alike, and what was kept is durable."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest
import requests

from portal.adapters.bucket import S3Storage
from portal.adapters.storage import FolderStorage, Storage, StorageError, new_key, storage_from
from portal.settings import Settings
from portal.web.zips import ZipStream
from tests.platform.runs import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / ".venv-object-store" / "bin" / "moto_server"
MB = 1024 * 1024


@pytest.fixture(scope="module")
def object_store() -> Iterator[str]:
    """The address of an S3 server with a bucket `portal`; its environment is made where it is absent."""
    if not SERVER.exists():
        subprocess.run(
            [sys.executable, "-c", "import set_up; set_up.make_object_store()"], cwd=ROOT / "tools", check=True
        )
    port = free_port()
    process = subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process)
        assert requests.put(f"{address}/portal", timeout=10).status_code == 200
        yield address
    finally:
        process.terminate()
        process.wait(10)


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the S3 server ended by itself"
        try:
            requests.get(address, timeout=1)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the S3 server did not answer within 30 seconds")


@pytest.fixture
def bucket(object_store: str, settings: Settings, tmp_path: Path) -> Storage:
    return storage_from(
        replace(
            settings,
            portal_home=tmp_path,
            storage_url="s3://portal/files",
            s3_endpoint=object_store,
            s3_access_key_id="testing",
            s3_secret_access_key="testing",
        )
    )


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return FolderStorage(tmp_path / "files") if request.param == "folder" else request.getfixturevalue("bucket")


def test_what_was_put_comes_back_whole_and_in_parts(storage: Storage):
    key, content = new_key(), os.urandom(3 * MB + 17)
    storage.put([content[:MB], content[MB:]], key)
    assert storage.size(key) == len(content)
    assert b"".join(storage.open(key)) == content
    assert b"".join(storage.open(key, 100, 50)) == content[100:150]
    assert b"".join(storage.open(key, 3 * MB)) == content[3 * MB :]
    assert b"".join(storage.open(key, 5, 0)) == b""


def test_a_zip_is_made_of_what_either_store_has(storage: Storage):
    content = os.urandom(3 * MB + 7)
    storage.put([content], "ab/film")
    stream = ZipStream()
    chunks = storage.open("ab/film", 0, len(content))
    parts = [*stream.add("film.mov", chunks, size=len(content), at=datetime.now(UTC)), *stream.end()]
    assert len(parts) > 3
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as found:
        assert found.read("film.mov") == content
    with pytest.raises(StorageError):
        storage.open("ab/gone", 0, 3)


def test_a_received_file_is_taken_in_and_gone_from_where_it_arrived(storage: Storage):
    key, arrived = new_key(), storage.receiving / "arriving"
    arrived.write_bytes(b"a photo")
    storage.keep(arrived, key)
    assert b"".join(storage.open(key)) == b"a photo"
    assert not arrived.exists()


def test_a_part_is_adopted_and_stays_until_it_is_removed(storage: Storage):
    key, content = new_key(), os.urandom(MB + 17)
    with storage.parts.opened("a" * 48, 0, lambda: None) as part:
        part.write(content)
        part.sync()
        storage.adopt(part.path, key)
    assert storage.parts.size("a" * 48) == len(content)
    storage.parts.remove("a" * 48)
    assert b"".join(storage.open(key)) == content
    assert [kept for kept, _ in storage.every_key() if kept == key] == [key]
    assert list(storage.parts.every_name()) == []


def test_a_part_is_copied_where_the_disk_knows_no_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    storage, key = FolderStorage(tmp_path / "files"), new_key()
    monkeypatch.setattr(os, "link", refuse)
    with storage.parts.opened("a" * 48, 0, lambda: None) as part:
        part.write(b"a film")
        storage.adopt(part.path, key)
    assert b"".join(storage.open(key)) == b"a film"


def test_what_was_deleted_is_gone_and_deleting_again_is_no_error(storage: Storage):
    key = new_key()
    storage.put([b"x"], key)
    storage.delete(key)
    storage.delete(key)
    assert storage.size(key) is None
    with pytest.raises(StorageError):
        b"".join(storage.open(key))


def test_every_key_is_listed_with_its_moment(storage: Storage):
    keys = {new_key() for _ in range(3)}
    for key in keys:
        storage.put([b"x"], key)
    (storage.receiving / "half").write_bytes(b"x")
    listed = dict(storage.every_key())
    assert keys <= set(listed)
    assert not any("half" in key for key in listed)
    assert all(abs(listed[key] - datetime.now(UTC)) < timedelta(minutes=2) for key in keys)


def test_what_never_finished_arriving_is_cleared(storage: Storage):
    (storage.receiving / "half").write_bytes(b"x")
    assert storage.clear_receiving(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert storage.clear_receiving(datetime.now(UTC) + timedelta(hours=1)) == 1


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        ".hidden",
        "a/.b",
        "a\\b",
        "a\x00b",
        "a/b/c/d/e",
        "~/x",
        "a b",
        "é",
    ],
)
def test_a_key_that_is_a_path_trick_is_refused(storage: Storage, key: str):
    for use in (lambda: storage.put([b"x"], key), lambda: storage.size(key), lambda: storage.delete(key)):
        with pytest.raises(ValueError, match="not a key of ours"):
            use()


def test_a_link_inside_the_folder_leads_nowhere_else(tmp_path: Path):
    storage = FolderStorage(tmp_path / "files")
    storage.put([b"x"], "ab/x")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "files" / "cd").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="not a key of ours"):
        storage.size("cd/secret")


def test_the_check_writes_and_leaves_nothing(storage: Storage):
    storage.check()
    assert not [key for key, _ in storage.every_key() if key.startswith("check/")]


def test_a_store_that_is_away_says_so(settings: Settings, tmp_path: Path):
    (tmp_path / "files").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageError):
        FolderStorage(tmp_path / "files").check()


def test_a_put_that_breaks_off_leaves_nothing(tmp_path: Path):
    def breaking() -> Iterator[bytes]:
        yield b"first"
        raise ConnectionError

    storage = FolderStorage(tmp_path)
    with pytest.raises(ConnectionError):
        storage.put(breaking(), "ab/x")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_bytes_are_synced_then_named_then_the_name_is_synced(tmp_path: Path):
    """What a power cut may take is only what was not acknowledged: the kernel is asked in this order."""
    home = tmp_path / "home"
    program = (
        "from pathlib import Path; from portal.adapters.storage import FolderStorage;"
        f"store = FolderStorage(Path({str(home / 'files')!r}));"
        "store.put([b'photo'], 'ab/photo'); print('acknowledged', flush=True);"
        "store.put([b'photo'], 'ab/other'); print('acknowledged', flush=True)"
    )
    recorder = tmp_path / "recorder.py"
    recorder.write_text(
        "import os, sys\n"
        "def note(event, args):\n"
        "    if event == 'os.rename': print('rename', flush=True)\n"
        "sync = os.fsync\n"
        "def fsync(number):\n"
        "    place = os.readlink(f'/proc/self/fd/{number}')\n"
        "    print('sync', place if os.path.isdir(place) else 'file', flush=True)\n"
        "    sync(number)\n"
        "os.fsync = fsync\n"
        "sys.addaudithook(note)\n"
        f"exec({program!r})\n"
    )
    run = subprocess.run([sys.executable, recorder], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = (part.split("\n") for part in run.stdout.split("acknowledged\n")[:2])
    assert first[:4] == ["sync file", f"sync {home}/files", f"sync {home}", f"sync {tmp_path}"]
    assert first[-3:] == ["rename", f"sync {home}/files/ab", ""]
    assert second == ["sync file", "rename", f"sync {home}/files/ab", ""]


def test_two_people_who_are_first_in_a_folder_at_the_same_moment_both_have_it_synced(tmp_path: Path, monkeypatch):
    """The second finds the folder there; that its name is on the disk, only its own sync proves."""
    storage, first_waits, second_is_done = FolderStorage(tmp_path / "files"), Event(), Event()
    synced: dict[str, list[str]] = {"first": [], "second": []}
    real_sync = os.fsync

    def sync(number: int) -> None:
        place = os.readlink(f"/proc/self/fd/{number}")
        if current_thread().name == "first" and place == str(tmp_path / "files"):
            first_waits.set()
            second_is_done.wait(10)
        real_sync(number)
        synced[current_thread().name].append(place)

    monkeypatch.setattr(os, "fsync", sync)
    first = Thread(target=storage.put, args=([b"a"], "ab/first"), name="first")
    second = Thread(target=storage.put, args=([b"b"], "ab/second"), name="second")
    first.start()
    assert first_waits.wait(10)
    second.start()
    second.join(10)
    assert str(tmp_path / "files") in synced["second"]
    second_is_done.set()
    first.join(10)
    assert storage.size("ab/first") == storage.size("ab/second") == 1


def test_the_settings_choose_the_store(settings: Settings, tmp_path: Path):
    home = replace(settings, portal_home=tmp_path)
    assert storage_from(home).folder == tmp_path / "files"
    assert storage_from(replace(home, storage_url="folder:/srv/files")).folder == Path("/srv/files")
    assert isinstance(
        storage_from(replace(home, storage_url="s3://portal", s3_access_key_id="a", s3_secret_access_key="b")),
        S3Storage,
    )
    assert not (tmp_path / "files").exists()
