"""Bytes that are missing, changed or left behind: `portal check` notices what is wrong, and only that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from portal import db
from portal.adapters.storage import FolderStorage, new_key
from portal.domain.files.models import Upload
from portal.jobs import sweeping
from portal.keeping.invariants import Look, check
from tests.factories import now
from tests.keeping.at_work import World
from tests.keeping.at_work import arranged as arranged
from tests.keeping.at_work import live_template as live_template
from tests.keeping.at_work import world as world

LONG_AGO = timedelta(days=3)


def cut_the_bytes(world: World) -> None:
    os.truncate(world.storage.folder / world.file_of_receipt().storage_key, 3)


def change_the_bytes(world: World) -> None:
    path = world.storage.folder / world.file_of_receipt().storage_key
    path.write_bytes(path.read_bytes()[::-1])


@pytest.mark.parametrize(
    ("harm", "said", "quick_sees_it"),
    [
        (World.lose_the_bytes, "its bytes are missing", True),
        (cut_the_bytes, "3 bytes where its row says 14", True),
        (change_the_bytes, "another SHA-256", False),
    ],
)
def test_bytes_that_are_not_what_the_receipt_says_are_noticed(
    world: World, harm: Callable[[World], None], said: str, quick_sees_it: bool
) -> None:
    harm(world)
    assert said in world.broken()["every_attached_file_has_its_bytes"]
    assert ("every_attached_file_has_its_bytes" in world.broken(quick=True)) is quick_sees_it


def test_bytes_without_a_row_are_noticed_once_the_sweep_should_have_taken_them(world: World) -> None:
    key = new_key()
    world.storage.put([b"an upload whose form was refused"], key)
    (world.storage.receiving / "cut-off").write_bytes(b"half of one")
    assert world.broken() == {}
    then = time.time() - LONG_AGO.total_seconds()
    for path in (world.storage.folder / key, world.storage.receiving / "cut-off"):
        os.utime(path, (then, then))
    assert world.broken() == {
        "no_bytes_without_a_row": f"{key} has no row / cut-off began to arrive long ago and never ended"
    }
    sweeping.sweep_files(world.storage, at=now())
    assert world.broken() == {}


def test_a_file_that_has_arrived_while_the_check_looked_is_no_fault(world: World) -> None:
    (world.storage.receiving / "it-has-its-name-now").symlink_to("it-is-not-here-any-more")
    assert world.broken() == {}


def test_a_part_without_its_upload_is_noticed_once_the_sweep_should_have_taken_it(world: World) -> None:
    parts = world.storage.parts
    with parts.opened("0" * 48, 0, lambda: None) as part:
        part.write(b"half of a film")
    assert world.broken() == {}
    then = time.time() - LONG_AGO.total_seconds()
    os.utime(part.path, (then, then))
    assert world.broken() == {"no_part_without_its_upload": f"part {'0' * 48} belongs to no upload under way"}
    sweeping.sweep_uploads(world.storage, at=now())
    assert world.broken() == {}


@pytest.mark.parametrize("quick", [True, False])
def test_bytes_of_uploads_that_are_not_there_are_noticed(world: World, quick: bool) -> None:
    for name, _ in world.storage.parts.every_name():
        world.storage.parts.remove(name)
    with db.session_scope() as session:
        world.storage.delete(session.scalars(select(Upload.storage_key).where(Upload.state == "whole")).one())
    broken = world.broken(quick=quick)
    assert "has 0 bytes where 40 were acknowledged" in broken["every_receiving_upload_has_its_bytes"]
    assert "its bytes are missing" in broken["every_whole_upload_has_its_bytes"]
    sweeping.sweep_uploads(world.storage, at=now() + timedelta(hours=2))
    assert world.broken().keys() == {"every_whole_upload_has_its_bytes"}


def test_bytes_of_a_deleted_file_are_noticed_once_they_should_be_gone(world: World) -> None:
    world.plant(
        "DELETE FROM submission_files", "UPDATE files SET state = 'deleted', deleted_at = now() - interval '2 hours'"
    )
    assert world.broken() == {}
    world.plant("UPDATE files SET deleted_at = now() - interval '3 days'")
    assert "was deleted and is still there" in world.broken()["no_bytes_without_a_row"]


def test_no_connection_is_held_while_bytes_are_read(world: World, portal_engine: Engine) -> None:
    taken = []

    class WatchedStorage(FolderStorage):
        def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
            taken.append(portal_engine.pool.checkedout())
            return super().open(key, start, length)

    look = Look(WatchedStorage(world.storage.folder), now())
    assert all(answer.found.holds for answer in check(look))
    assert taken == [0, 0]  # a file of a receipt, and an upload that waits
