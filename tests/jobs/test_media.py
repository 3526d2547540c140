"""What was handed in is looked into by a job: once, one file at a time, whatever ends in the middle."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Executable, func, select, text, update
from sqlalchemy.orm import Session

from portal import db
from portal.adapters import media as adapter
from portal.adapters.disk import Fill
from portal.adapters.media import WhyNot
from portal.adapters.storage import FolderStorage, StorageError, storage_from
from portal.domain.files import copies
from portal.domain.files.kinds import recognise
from portal.domain.files.models import FileCopy, FileFacts, FileState, StoredFile, Upload
from portal.domain.files.operations import StoredBytes
from portal.jobs import media, sweeping
from portal.jobs.app import job_app
from portal.keeping.invariants import Look, check
from portal.settings import Settings
from tests import media_files
from tests.cast import Cast, gather_cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, now
from tests.jobs.worker_process import wait_until, worker
from tests.uploads.arranging import receive


@dataclass
class Lab:
    """A portal into which Ama hands in files."""

    storage: FolderStorage
    cast: Cast
    assignment: Any
    session: Session

    def hand_in(self, *contents: bytes) -> list[StoredFile]:
        """Return the rows of files that Ama has handed in with these contents."""
        sent = [receive(self.session, self.storage, self.cast.ama, self.assignment, content) for content in contents]
        for name, content in zip(sent, contents, strict=True):
            kind = recognise(content[:65_536], "work").media_type
            self.session.execute(update(Upload).where(Upload.id == name).values(kind=kind))
        hand_in(self.session, self.cast, self.assignment, uploads=tuple(sent))
        newest = select(StoredFile).where(StoredFile.purpose == "submission").order_by(StoredFile.id.desc())
        return list(self.session.scalars(newest.limit(len(contents))))[::-1]

    def facts(self, file: StoredFile) -> FileFacts:
        self.session.expire_all()
        return self.session.get_one(FileFacts, file.id)

    def copies(self, file: StoredFile) -> dict[str, StoredFile]:
        self.session.expire_all()
        statement = select(FileCopy.purpose, StoredFile).join(StoredFile, StoredFile.id == FileCopy.copy_id)
        return {row[0]: row[1] for row in self.session.execute(statement.where(FileCopy.file_id == file.id))}

    def kept(self) -> set[str]:
        return {key for key, _ in self.storage.every_key()}

    def jobs(self) -> list[dict[str, Any]]:
        rows = self.session.execute(text("SELECT * FROM procrastinate_jobs WHERE task_name = 'media.make' ORDER BY id"))
        found = [dict(row) for row in rows.mappings()]
        self.session.commit()
        return found


@pytest.fixture
def lab(live_settings: Settings, live_engine: Engine) -> Iterator[Lab]:
    storage = storage_from(live_settings)
    assert isinstance(storage, FolderStorage)
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        session.commit()
        yield Lab(storage, cast, assignment, session)


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    return media_files.film(tmp_path / "film", size=(640, 480)).read_bytes()


def test_what_is_handed_in_is_asked_for_in_the_same_transaction_and_is_read_once(lab: Lab, film: bytes) -> None:
    video, photo = lab.hand_in(film, media_files.picture())
    (job,) = lab.jobs()
    assert (job["queue_name"], job["lock"]) == ("media", "media")
    assert job["args"]["files"] == f"{video.id},{photo.id}"
    for _twice in range(2):
        media.make(lab.storage, job["args"]["files"])
    facts = lab.facts(video)
    assert (facts.state, facts.width, facts.height, facts.codec, facts.tries) == ("ready", 640, 480, "h264", 1)
    made = lab.copies(video) | lab.copies(photo)
    assert {purpose: (copy.kind, copy.purpose, copy.state, copy.owner_id) for purpose, copy in made.items()} == {
        purpose: (kind, "copy", "attached", lab.cast.ama.id)
        for purpose, kind in (("small", "video/mp4"), ("sound", "audio/mp4"), ("preview", "image/webp"))
    }
    assert lab.kept() == {video.storage_key, photo.storage_key, *(copy.storage_key for copy in made.values())}
    assert not list(lab.storage.receiving.iterdir())
    for copy in made.values():
        assert recognise(b"".join(lab.storage.open(copy.storage_key))[:65_536], copy.name).media_type == copy.kind
    assert all(answer.found.holds for answer in check(Look(lab.storage, now())))


def test_text_is_not_asked_for(lab: Lab) -> None:
    lab.hand_in(b"My film in words.\n")
    assert lab.jobs() == []


def test_what_cannot_be_shown_says_why_and_is_not_tried_again(lab: Lab) -> None:
    broken, raw = lab.hand_in(b"\x00\x00\x00\x18ftypmp42" + bytes(900), b"\x00\x00\x00\x18ftypheic" + bytes(900))
    media.make(lab.storage, f"{broken.id},{raw.id}")
    media.make(lab.storage, f"{broken.id},{raw.id}")
    assert lab.facts(broken).why == "It is damaged, or not what it says it is: nothing in it could be read."
    assert lab.facts(raw).why == "Files of this kind cannot be shown here."
    assert lab.facts(broken).tries == 1
    assert lab.kept() == {broken.storage_key, raw.storage_key}


def test_two_workers_at_once_make_one_copy(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (photo,) = lab.hand_in(media_files.picture())
    together, keep = threading.Barrier(2), media._keep
    monkeypatch.setattr(media, "_keep", lambda *values: (together.wait(20), keep(*values)))
    workers = [threading.Thread(target=media.make, args=(lab.storage, str(photo.id))) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    (copy,) = lab.copies(photo).values()
    assert lab.kept() == {photo.storage_key, copy.storage_key}
    assert lab.session.scalar(select(func.count()).select_from(StoredFile).where(StoredFile.purpose == "copy")) == 1


def test_a_crash_between_the_bytes_and_their_rows_leaves_nothing_that_is_not_swept(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo,) = lab.hand_in(media_files.picture())

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copies, "write_down_copies", crash)
        with pytest.raises(KeyboardInterrupt):
            media.make(lab.storage, str(photo.id))
    (orphan,) = lab.kept() - {photo.storage_key}
    media.make(lab.storage, str(photo.id))
    (copy,) = lab.copies(photo).values()
    for key in lab.kept():
        os.utime(lab.storage.folder / key, (0, 0))
    sweeping.sweep_files(lab.storage, at=now())
    assert lab.kept() == {photo.storage_key, copy.storage_key}
    assert orphan != copy.storage_key


def test_a_file_on_which_the_program_ends_again_and_again_is_given_up(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo,) = lab.hand_in(media_files.picture())
    looks = []
    monkeypatch.setattr(adapter, "make_copies", lambda *values: looks.append(values) or WhyNot.FAILED)
    for _ in range(copies.MOST_TRIES + 2):
        media.make(lab.storage, str(photo.id))
    assert len(looks) == copies.MOST_TRIES
    assert lab.facts(photo).why == copies.AGAIN_AND_AGAIN


@pytest.mark.parametrize("missing", ("program", "room", "bytes"))
def test_what_is_no_fault_of_the_file_does_not_count_as_a_try(
    missing: str, lab: Lab, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (video,) = lab.hand_in(film)
    with monkeypatch.context() as patch:
        if missing == "program":
            patch.setattr(adapter, "films_can_be_opened", lambda: False)
        elif missing == "room":
            patch.setattr(media, "fill_of", lambda folder: Fill(share=0.96, free_bytes=10))
        else:
            patch.setattr(FolderStorage, "path", _nothing)
        for _ in range(copies.MOST_TRIES + 2):
            media.make(lab.storage, str(video.id))
    assert (lab.facts(video).state, lab.facts(video).tries) == ("waiting", 0)
    media.make(lab.storage, str(video.id))
    assert lab.facts(video).state == "ready"


def _nothing(storage: FolderStorage, key: str) -> Path:
    raise StorageError("nothing is there")


def test_a_copy_of_another_kind_than_it_must_be_is_not_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (photo,) = lab.hand_in(media_files.picture())

    def lie(kind: str, source: Path, targets: dict[adapter.Copy, Path]) -> adapter.Made:
        targets[adapter.Copy.PREVIEW].write_bytes(b"<html><script>alert(1)</script>")
        return adapter.Made(adapter.Facts(width=1, height=1), (adapter.Copy.PREVIEW,))

    monkeypatch.setattr(adapter, "make_copies", lie)
    media.make(lab.storage, str(photo.id))
    assert lab.copies(photo) == {}
    assert lab.kept() == {photo.storage_key}


def test_files_that_were_left_are_asked_for_again_once_an_hour(lab: Lab) -> None:
    photo, document = lab.hand_in(media_files.picture(), b"Words.\n")
    lab.session.execute(text("DELETE FROM procrastinate_jobs"))
    lab.session.execute(update(StoredFile).values(attached_at=now() - timedelta(hours=1)))
    lab.session.commit()
    for _ in range(3):
        media.ask_again()
    (job,) = lab.jobs()
    assert job["args"]["files"] == str(photo.id)
    with db.session_scope():
        db.perform(copies.ask_again, at=now() + timedelta(hours=2))
    assert len(lab.jobs()) == 2
    media.make(lab.storage, str(photo.id))
    with db.session_scope():
        db.perform(copies.ask_again, at=now() + timedelta(hours=9))
    assert len(lab.jobs()) == 2
    assert document.kind == "text/plain"


def test_what_was_left_is_found_without_reading_what_was_looked_into(lab: Lab) -> None:
    (photo,) = lab.hand_in(media_files.picture())
    assert photo.to_look_into
    plan = plan_of(lab.session, copies.left_behind(now()))
    assert "ix_files_to_look_into" in plan
    assert "ix_file_facts_waiting" in plan
    media.make(lab.storage, str(photo.id))
    lab.session.expire_all()
    assert not photo.to_look_into


def plan_of(session: Session, statement: Executable) -> str:
    """Return how PostgreSQL finds the rows of a statement where it reads no table whole unless it must."""
    asked = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(session.scalars(text(f"EXPLAIN {asked}")))
    session.rollback()
    return plan


def test_copies_go_with_the_file_they_were_made_of(lab: Lab) -> None:
    (photo,) = lab.hand_in(media_files.picture())
    media.make(lab.storage, str(photo.id))
    (copy,) = lab.copies(photo).values()
    lab.session.execute(
        update(StoredFile).where(StoredFile.id == photo.id).values(state=FileState.DELETED, deleted_at=now())
    )
    lab.session.commit()
    sweeping.sweep_files(lab.storage, at=now())
    assert lab.copies(photo)["preview"].state == "deleted"
    sweeping.sweep_files(lab.storage, at=now() + timedelta(hours=25))
    assert lab.kept() == set()
    assert copy.name == "photo (preview).webp"


def test_what_was_written_down_once_is_not_written_over(lab: Lab) -> None:
    (photo,) = lab.hand_in(media_files.picture())
    media.make(lab.storage, str(photo.id))
    late = StoredBytes(key="aa/late", size=1, sha256="0" * 64, kind="image/webp", name="late")
    with db.session_scope():
        preview = {copies.CopyPurpose.PREVIEW: late}
        assert not db.perform(copies.write_down_copies, photo.id, {"width": 1, "height": 1}, preview, at=now())
        db.perform(copies.write_down_refusal, photo.id, "No.", at=now())
    assert lab.facts(photo).state == "ready"
    assert lab.copies(photo)["preview"].storage_key != "aa/late"


def test_jobs_of_media_run_one_at_a_time_beside_all_others(settings: Settings) -> None:
    task = job_app(settings).tasks["media.make"]
    assert (task.queue, task.lock) == (copies.LANE, copies.LANE)


@pytest.mark.soak
def test_a_worker_makes_copies_and_another_takes_over_from_one_that_was_killed(
    lab: Lab, live_settings: Settings, film: bytes
) -> None:
    files = lab.hand_in(film, media_files.picture(), film[:])
    with worker(live_settings):
        wait_until(lambda: _states(lab).count("ready") >= 1, 60, "the first copies are made")
    with worker(live_settings), worker(live_settings):
        wait_until(lambda: _states(lab).count("ready") == 3, 90, "all copies are made")
    made = [copy.storage_key for file in files for copy in lab.copies(file).values()]
    assert len(made) == 5
    assert set(made) <= lab.kept()


def _states(lab: Lab) -> list[str]:
    with db.session_scope() as session:
        return list(session.scalars(select(FileFacts.state)))
