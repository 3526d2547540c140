"""One writes at a time, by a lease that ends by itself; and what the database never lets happen to an upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.storage import new_key, storage_from
from portal.domain.assignments.sending import SendFile, begin_to_send
from portal.domain.errors import Conflict, Gone, Locked, NotFound, TooLarge
from portal.domain.files import leases, uploads
from portal.domain.files.beginning import NewUpload, begin_upload
from portal.domain.files.kinds import GB
from portal.domain.files.models import FilePurpose, Upload, UploadEnd, UploadLease
from portal.domain.files.operations import StoredBytes
from portal.domain.files.uploads import IDLE, LONGEST
from portal.jobs import sweeping
from portal.settings import Settings
from tests.cast import Cast, actor, gather_cast
from tests.factories import make_assignment, now
from tests.uploads.arranging import ROOM, begin, receive


@dataclass
class Bench:
    session: Session
    cast: Cast

    def take(self, name: str, holder: str, offset: int = 0) -> leases.Lease:
        return db.perform(leases.take_lease, self.cast.ama.id, name, holder, offset, at=now())

    def let_time_pass(self) -> None:
        """Do as if the holder had not been heard of for longer than a lease."""
        self.session.execute(text("UPDATE upload_leases SET expires_at = clock_timestamp() - interval '1 second'"))
        self.session.commit()

    def row(self, name: str) -> Upload:
        self.session.expire_all()
        found = self.session.get_one(Upload, name)
        self.session.commit()
        return found


@pytest.fixture
def bench(live_engine: Engine) -> Iterator[Bench]:
    with Session(live_engine, expire_on_commit=False) as session:
        yield Bench(session, gather_cast(session))


def test_while_one_holds_an_upload_another_is_refused(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    assert bench.take(name, "one").held
    with pytest.raises(Locked):
        bench.take(name, "other")
    db.perform(leases.release, name, "other")  # which it does not hold
    with pytest.raises(Locked):
        bench.take(name, "other")
    db.perform(leases.release, name, "one")
    assert bench.take(name, "other").held


def test_whoever_was_passed_can_write_nothing_down(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    bench.take(name, "one")
    bench.let_time_pass()
    db.perform(leases.renew, name, "one")  # nobody came meanwhile: it goes on
    bench.let_time_pass()
    bench.take(name, "other")
    whole = StoredBytes(key=new_key(), size=100, sha256="0" * 64, kind="image/jpeg", name="photo.jpg")
    acts: list[Callable[[], Any]] = [
        lambda: db.perform(leases.renew, name, "one"),
        lambda: db.perform(leases.acknowledge, name, "one", 50, at=now()),
        lambda: db.perform(leases.complete, name, "one", whole, at=now()),
    ]
    for act in acts:
        with pytest.raises(Locked):
            act()
    assert (bench.row(name).state, bench.row(name).offset) == ("receiving", 0)
    assert db.perform(leases.acknowledge, name, "other", 50, at=now()).offset == 50


def test_what_was_acknowledged_is_never_taken_back(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    bench.take(name, "one")
    db.perform(leases.acknowledge, name, "one", 50, at=now())
    assert db.perform(leases.acknowledge, name, "one", 40, at=now()).offset == 50
    for wrong in (0, 49, 51):
        with pytest.raises(Conflict, match="50 bytes of this file are here"):
            bench.take(name, "other", wrong)


def test_an_upload_that_ends_takes_nothing_more_even_from_its_holder(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    bench.take(name, "one")
    db.perform(uploads.end_upload, bench.cast.ama.id, name, UploadEnd.TERMINATED, at=now())
    with pytest.raises(Gone):
        db.perform(leases.acknowledge, name, "one", 50, at=now())
    assert bench.session.scalars(select(UploadLease.holder)).all() == []


def test_only_its_owner_takes_one(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    for person in (bench.cast.esi, bench.cast.kofi, bench.cast.efua):
        with pytest.raises(NotFound):
            db.perform(leases.take_lease, person.id, name, "thief", 0, at=now())


def test_an_upload_is_kept_for_a_day_after_its_last_byte_and_a_week_at_most(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    began = bench.row(name).created_at
    bench.take(name, "one")
    for offset, later, kept in (
        (10, timedelta(hours=1), timedelta(hours=1) + IDLE),
        (20, timedelta(days=5), timedelta(days=5) + IDLE),
        (30, timedelta(days=6, hours=12), LONGEST),
    ):
        assert db.perform(leases.acknowledge, name, "one", offset, at=began + later).expires_at == began + kept


def test_the_sweep_ends_nobody_who_is_sending(bench: Bench, live_settings: Settings) -> None:
    storage = storage_from(live_settings)
    name = begin(bench.session, bench.cast.ama, bench.cast.intake)
    waiting = receive(bench.session, storage, bench.cast.ama, bench.cast.intake, b"\xff\xd8\xff me")
    bench.take(name, "one")
    sweeping.sweep_uploads(storage, at=now() + timedelta(days=2))
    assert (bench.row(name).state, bench.row(waiting).state) == ("receiving", "whole")
    bench.let_time_pass()
    key = bench.row(waiting).storage_key
    assert key
    sweeping.sweep_files(storage, at=now() + timedelta(days=5))
    assert storage.size(key) == 6
    for _twice in range(2):
        sweeping.sweep_uploads(storage, at=now() + timedelta(days=8))
    assert (bench.row(name).ended_because, bench.row(waiting).ended_because) == ("expired", "expired")
    assert storage.size(key) is None


def test_however_many_begin_at_once_no_more_than_ten_gigabytes_are_under_way(bench: Bench) -> None:
    new = NewUpload(purpose=FilePurpose.SUBMISSION, subject_id=bench.cast.intake.id, length=2 * GB, name="film.mp4")

    def try_to_begin(_number: int) -> str:
        with db.session_scope():
            try:
                return db.perform(begin_upload, bench.cast.ama.id, new, ROOM, at=now()).id
            except TooLarge:
                return ""

    with ThreadPoolExecutor(8) as pool:
        begun = [name for name in pool.map(try_to_begin, range(8)) if name]
    assert len(set(begun)) == 5


def test_however_often_one_beginning_comes_at_once_it_is_one_upload(bench: Bench) -> None:
    assignment = make_assignment(bench.session, bench.cast.intake, bench.cast.kofi)
    bench.session.commit()
    send = SendFile(assignment_id=assignment.id, length=100, name="photo.jpg", key="scene-1")

    def begin_it(_number: int) -> str:
        with db.session_scope():
            return db.perform(begin_to_send, actor(bench.cast.ama), send, ROOM, at=now()).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin_it, range(8)))) == 1


WRONG = {
    "more than the whole": '"offset" = 101',
    "less than nothing": '"offset" = -1',
    "less than before": '"offset" = 39',
    "whole with a byte missing": "state = 'whole', kind = 'a', sha256 = repeat('0', 64), storage_key = 'k'",
    "whole without its bytes": "state = 'whole', \"offset\" = 100",
    "all there and not whole": '"offset" = 100',
    "used before it is whole": "state = 'taken', closed_at = now()",
    "used as no file": "state = 'taken', \"offset\" = 100, kind = 'a', sha256 = repeat('0', 64), storage_key = 'k', "
    "closed_at = now()",
    "ended for nothing": "state = 'ended', closed_at = now()",
    "ended for another reason": "state = 'ended', closed_at = now(), ended_because = 'boredom'",
    "ended never": "state = 'ended', ended_because = 'expired'",
    "another state": "state = 'lost'",
    "another length": "length = 101",
    "somebody else's": "owner_id = (SELECT id FROM users WHERE first_name = 'Esi')",
    "for something else": "subject_id = gen_random_uuid()",
    "for another purpose": "purpose = 'material'",
    "another name": "id = repeat('0', 48)",
    "a hash that is none": "sha256 = 'x'",
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_the_database_refuses_what_must_never_be(world: Session, cast: Cast, change: str) -> None:
    name = begin(world, cast.ama, cast.intake)
    leases.take_lease(world, cast.ama.id, name, "one", 0, at=now())
    leases.acknowledge(world, name, "one", 40, at=now())
    with pytest.raises(DBAPIError, match=r"check constraint|acknowledged|stays|does not go from"):
        world.execute(text(f"UPDATE uploads SET {change} WHERE id = :id"), {"id": name})
    world.rollback()


def test_an_upload_that_ended_does_not_begin_again(world: Session, cast: Cast) -> None:
    name = begin(world, cast.ama, cast.intake)
    uploads.end_upload(world, cast.ama.id, name, UploadEnd.TERMINATED, at=now())
    again = "UPDATE uploads SET state = 'receiving', closed_at = NULL, ended_because = NULL WHERE id = :id"
    with pytest.raises(DBAPIError, match="does not go from ended to receiving"):
        world.execute(text(again), {"id": name})
    world.rollback()


def test_two_at_once_hold_in_one_order_and_neither_waits_for_ever(bench: Bench) -> None:
    name = begin(bench.session, bench.cast.ama, bench.cast.intake, length=10_000)
    bench.take(name, "one")

    def work(number: int) -> None:
        with db.session_scope():
            if number % 2:
                db.perform(leases.acknowledge, name, "one", number, at=now())
            else:
                with pytest.raises((Locked, Conflict)):
                    db.perform(leases.take_lease, bench.cast.ama.id, name, f"other {number}", 0, at=now())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert bench.row(name).offset == 39
