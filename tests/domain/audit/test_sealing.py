"""Whether the chain of seals tells of every change: the trail is changed by the owner of the tables, who could."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, create_engine, select, text
from sqlalchemy.orm import Session

from portal.domain.audit import operations as audit
from portal.domain.audit import sealing
from portal.domain.audit.models import AuditEntry, AuditSeal
from portal.domain.permissions import system_actor
from portal.settings import Settings

LATER = timedelta(minutes=2)


def now() -> datetime:
    return datetime.now(UTC)


def write(session: Session, count: int) -> list:
    return [
        audit.record(
            session, system_actor("test"), "room:open", ("rooms", str(number)), after={"name": f"R{number}"}, at=now()
        )
        for number in range(count)
    ]


@pytest.fixture
def tampering(live_engine: Engine, live_settings: Settings, cluster, live_database: str) -> Iterator[Connection]:
    """A connection that may do what nobody may: the superuser's, with triggers and foreign keys off."""
    engine = create_engine(cluster.superuser_url(live_database).replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET session_replication_role = replica"))
        yield connection
    engine.dispose()


@pytest.fixture
def trail(live_engine: Engine) -> Iterator[Session]:
    """Five sealed entries."""
    with Session(live_engine) as session:
        write(session, 5)
        session.commit()
        assert sealing.seal(session, at=now()) == 5
        session.commit()
        yield session


def test_entries_are_chained_in_the_order_in_which_they_were_made(trail: Session):
    places = trail.execute(select(AuditSeal.position, AuditSeal.entry_id).order_by(AuditSeal.position)).all()
    assert [place.position for place in places] == [1, 2, 3, 4, 5]
    assert [place.entry_id for place in places] == list(trail.scalars(select(AuditEntry.id).order_by(AuditEntry.id)))


def test_an_untouched_trail_is_found_whole(trail: Session):
    write(trail, 3)
    trail.commit()
    sealing.seal(trail, at=now())
    found = sealing.verify(trail, at=now() + LATER)
    assert found.sound
    assert found.sealed == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE audit_entries SET action = 'x:y' WHERE subject_id = '2'", "position 3 was changed"),
        (
            "UPDATE audit_entries SET at = at + interval '1 microsecond' WHERE subject_id = '2'",
            "position 3 was changed",
        ),
        ("UPDATE audit_entries SET address = '10.0.0.1' WHERE subject_id = '4'", "position 5 was changed"),
        ("""UPDATE audit_details SET after = '{"name": "X"}' WHERE after ->> 'name' = 'R1'""", "details of entry"),
        ("DELETE FROM audit_entries WHERE subject_id = '3'", "at position 4 is missing"),
        ("DELETE FROM audit_seals WHERE position = 2", "Position 2 is missing"),
        ("DELETE FROM audit_seals WHERE position = 1", "Position 1 is missing"),
        ("UPDATE audit_seals SET row_hash = repeat('a', 64) WHERE position = 2", "seal of position 2 was changed"),
        ("UPDATE audit_seals SET previous_seal = repeat('a', 64) WHERE position = 5", "does not follow"),
        (
            "UPDATE audit_seals SET entry_id = (SELECT entry_id FROM audit_seals WHERE position = 1), "
            "position = 9 WHERE position = 5",
            "Position 5 is missing",
        ),
    ],
)
def test_every_change_is_found(trail: Session, tampering: Connection, change: str, said: str):
    tampering.execute(text("ALTER TABLE audit_seals DROP CONSTRAINT IF EXISTS uq_audit_seals_entry_id"))
    assert tampering.execute(text(change)).rowcount == 1
    trail.expire_all()
    found = sealing.verify(trail, at=now())
    assert not found.sound
    assert any(said in problem for problem in found.problems), found.problems


def test_two_entries_that_changed_places_are_found(trail: Session, tampering: Connection):
    tampering.execute(text("ALTER TABLE audit_seals DROP CONSTRAINT uq_audit_seals_entry_id"))
    tampering.execute(
        text(
            "UPDATE audit_seals SET (entry_id, row_hash) = (SELECT other.entry_id, other.row_hash "
            "FROM audit_seals other WHERE other.position = 5 - audit_seals.position) WHERE position IN (2, 3)"
        )
    )
    found = sealing.verify(trail, at=now())
    assert [problem for problem in found.problems if "seal of position" in problem]


def test_a_chain_cut_off_at_its_end_is_found_by_a_head_that_was_noted_down(trail: Session, tampering: Connection):
    before = sealing.verify(trail, at=now())
    head = (before.sealed, before.head)
    tampering.execute(text("DELETE FROM audit_entries WHERE subject_id = '4'"))
    tampering.execute(text("DELETE FROM audit_seals WHERE position = 5"))
    trail.rollback()
    assert sealing.verify(trail, at=now()).sound
    assert not sealing.verify(trail, at=now(), known_head=head).sound


def test_erased_details_leave_the_trail_whole(trail: Session, tampering: Connection):
    tampering.execute(text("DELETE FROM audit_details WHERE after ->> 'name' = 'R1'"))
    found = sealing.verify(trail, at=now())
    assert found.sound
    assert found.erased == 1


def test_an_entry_without_a_seal_is_named_after_a_minute(trail: Session):
    (entry_id,) = write(trail, 1)
    trail.commit()
    assert sealing.verify(trail, at=now()).sound
    found = sealing.verify(trail, at=now() + LATER)
    assert not found.sound
    assert str(entry_id) in found.unsealed[0]


def test_a_second_sealer_at_the_same_moment_does_nothing(trail: Session, live_engine: Engine):
    write(trail, 1)
    trail.commit()
    with Session(live_engine) as first, Session(live_engine) as second:
        assert sealing.seal(first, at=now()) == 1
        assert sealing.seal(second, at=now()) == 0
        first.commit()
        second.rollback()
        assert sealing.seal(second, at=now()) == 0


def test_an_entry_committed_after_younger_ones_were_sealed_still_gets_its_place(trail: Session, live_engine: Engine):
    with Session(live_engine) as slow:
        write(slow, 1)
        write(trail, 2)
        trail.commit()
        assert sealing.seal(trail, at=now()) == 2
        trail.commit()
        slow.commit()
    assert sealing.seal(trail, at=now()) == 1
    trail.commit()
    assert sealing.verify(trail, at=now() + LATER).sound


def test_entries_written_after_the_clock_was_moved_back_are_sealed_at_once(trail: Session, monkeypatch):
    tomorrow = time.time_ns() + 24 * 3600 * 10**9
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time_ns", lambda: tomorrow)
        write(trail, 1)
    trail.commit()
    assert sealing.seal(trail, at=now() + timedelta(days=1)) == 1
    trail.commit()
    write(trail, 2)
    trail.commit()
    assert sealing.seal(trail, at=now()) == 2
    assert sealing.verify(trail, at=now() + LATER).sound
