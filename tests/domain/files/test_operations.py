"""Rows of files: recorded, attached once, given up after a day, erased with what never had a row."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.adapters.storage import FolderStorage, new_key
from portal.domain.errors import Conflict
from portal.domain.files import operations as files
from portal.domain.files.models import FilePurpose, FileState, StoredFile
from portal.domain.files.operations import LONGEST_NAME, StoredBytes, display_name

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def stored(key: str | None = None) -> StoredBytes:
    return StoredBytes(key=key or new_key(), size=3, sha256="a" * 64, kind="image/jpeg", name="me.jpg")


@pytest.fixture
def record(world: Session, cast):
    def record(at: datetime = NOON, key: str | None = None) -> StoredFile:
        return files.record_file(world, owner_id=cast.ama.id, purpose=FilePurpose.SUBMISSION, stored=stored(key), at=at)

    return record


def test_a_file_is_attached_once(world: Session, record):
    row = record()
    assert row.state == FileState.STORED
    files.attach(world, row, at=NOON)
    assert (row.state, row.attached_at) == (FileState.ATTACHED, NOON)
    with pytest.raises(Conflict):
        files.attach(world, row, at=NOON)


def test_a_file_nobody_attached_is_given_up_after_a_day(world: Session, record):
    forgotten, fresh, used = record(), record(NOON + timedelta(hours=2)), record()
    files.attach(world, used, at=NOON)
    assert files.give_up_unattached(world, at=NOON + DAY) == []
    given_up = NOON + DAY + timedelta(minutes=1)
    assert files.give_up_unattached(world, at=given_up) == []
    assert (forgotten.state, fresh.state, used.state) == ("deleted", "stored", "attached")
    with pytest.raises(Conflict):
        files.attach(world, forgotten, at=NOON + DAY)
    assert forgotten.storage_key in files.give_up_unattached(world, at=given_up + DAY)


def test_bytes_of_a_deleted_file_stay_for_a_day_and_are_named_again_for_another(world: Session, record):
    row = record()
    files.attach(world, row, at=NOON)
    files.detach(world, row, at=NOON)
    assert files.give_up_unattached(world, at=NOON + timedelta(hours=23)) == []
    assert files.give_up_unattached(world, at=NOON + DAY) == [row.storage_key]
    assert files.give_up_unattached(world, at=NOON + DAY + timedelta(hours=23)) == [row.storage_key]
    assert files.give_up_unattached(world, at=NOON + 2 * DAY) == []


def test_bytes_without_a_row_are_erased_after_a_day_and_all_others_stay(world: Session, record, tmp_path: Path):
    store, at = FolderStorage(tmp_path), datetime.now(UTC)
    keys = [new_key() for _ in range(3)]
    for key in keys:
        store.put([b"abc"], key)
    owned, ownerless, fresh = keys
    record(key=owned)
    half = store.receiving / "half"
    half.write_bytes(b"ab")
    two_days_ago = (at - 2 * DAY).timestamp()
    for old in (store.path(owned), store.path(ownerless), half):
        os.utime(old, (two_days_ago, two_days_ago))
    assert files.erase_ownerless(world, store, at=at) == 1
    assert [store.size(key) for key in (owned, ownerless, fresh)] == [3, None, 3]
    assert not half.exists()


@pytest.mark.parametrize(
    "given_name, shown",
    [
        ("me.jpg", "me.jpg"),
        ("C:\\Users\\Ama\\me.jpg", "me.jpg"),
        ("../../etc/passwd", "passwd"),
        ("  my   work .jpg ", "my work .jpg"),
        ("in\u202egpj.exe", "ingpj.exe"),
        ("a\x00b\nc.jpg", "abc.jpg"),
        ("Ame\u0301lie.jpg", "Amélie.jpg"),
        ("", "file"),
        (None, "file"),
        ("...", "file"),
    ],
)
def test_a_name_is_shown_without_folders_and_tricks(given_name, shown):
    assert display_name(given_name) == shown


def test_a_long_name_keeps_its_ending():
    shown = display_name("x" * 400 + ".jpeg")
    assert len(shown) == LONGEST_NAME
    assert shown.endswith("x.jpeg")


@given(st.text(max_size=400))
def test_every_name_can_be_shown(name):
    shown = display_name(name)
    assert 0 < len(shown) <= LONGEST_NAME
    assert not set(shown) & set("/\\\n\r\x00\u202e")
    assert display_name(shown) == shown
