"""What has served its time goes, and nothing else."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import models
from portal.adapters.storage import new_key, storage_from
from portal.domain.accounts.models import (
    Device,
    RefreshToken,
    SecurityEvent,
    SignInThrottle,
    SingleUseToken,
    TokenPurpose,
    UserSession,
)
from portal.domain.files.models import FilePurpose, FileState, StoredFile, Upload, UploadLease
from portal.domain.notifications.models import Notification, NotificationKind
from portal.domain.watch.models import Fault, SlowStatement, Timing
from portal.jobs import sweeping
from portal.outbox import JobMark
from portal.settings import Settings
from portal.web.idempotency import IdempotentRequest
from portal.web.once import DoneAct
from portal.web.stored_state import cache_entries, limit_counters
from tests.factories import make_session, make_user

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LONG_AGO = AT - timedelta(days=2_000)
AGES = {"fresh": timedelta(hours=1), "old": timedelta(days=500)}


def test_old_rows_are_deleted_and_fresh_ones_stay(live_engine: Engine):
    with Session(live_engine) as session:
        person = make_user(session)
        for name, age in AGES.items():
            then = AT - age
            device = Device(user_id=person.id, token_hash=f"device-{name}", created_at=then, last_used_at=then)
            session.add(device)
            session.flush()
            make_session(session, person, token_hash=name, expires_at=then, device_id=device.id)
            session.add(SignInThrottle(key=name, failed_at=[then], blocked_until=then))
            session.add(JobMark(key=name, done_at=then))
            session.add(
                SingleUseToken(
                    purpose=TokenPurpose.RESET, token_hash=name, user_id=person.id, created_at=then, expires_at=then
                )
            )
            plant_what_others_left(session, person.id, name, then)
        session.commit()
    for _again in range(2):  # a job may run twice
        for nightly in (False, True):
            sweeping.sweep_rows(at=AT, nightly=nightly)
        with Session(live_engine) as session:
            for column in (
                SignInThrottle.key,
                JobMark.key,
                SingleUseToken.token_hash,
                UserSession.token_hash,
                RefreshToken.token_hash,
                IdempotentRequest.key,
                DoneAct.fingerprint,
                SecurityEvent.request_id,
                Timing.route,
                SlowStatement.route,
                Fault.route,
                Upload.name,
                UploadLease.holder,
                limit_counters.c.key,
                cache_entries.c.key,
            ):
                assert session.scalars(select(column)).all() == ["fresh"], column
            assert session.scalars(select(Device.token_hash)).all() == ["device-fresh"]
            assert sorted(session.scalars(select(Notification.key))) == ["fresh", "old and unread"]


def plant_what_others_left(session: Session, person_id: UUID, name: str, then: datetime) -> None:
    """Add a row named so, of that moment, to each of the tables that need nothing but a person."""
    session.add(RefreshToken(family_id=person_id, user_id=person_id, token_hash=name, created_at=then, expires_at=then))
    session.add(IdempotentRequest(user_id=person_id, key=name, fingerprint="", created_at=then))
    session.add(DoneAct(user_id=person_id, fingerprint=name, done_at=then))
    session.add(SecurityEvent(at=then, kind="signed-in", request_id=name))
    upload = Upload(
        id=f"{len(name):048x}", owner_id=person_id, purpose="submission", subject_id=person_id, length=1, name=name,
        state="ended", ended_because="terminated", created_at=then, last_received_at=then, expires_at=then,
        closed_at=then,
    )  # fmt: skip
    session.add(upload)
    session.flush()
    session.add(UploadLease(upload_id=upload.id, holder=name, expires_at=then))
    session.add(Timing(span=then, method="GET", route=name, up_to_ms=5, number=1, slowest_ms=4))
    session.add(
        SlowStatement(day=then.date(), fingerprint="", route=name, statement="", number=1, slowest_ms=900, last_at=then)
    )
    session.add(Fault(at=then, kind="job", route=name, error="", source="", reference=""))
    until = then if name == "old" else AT + timedelta(minutes=1)
    session.execute(insert(limit_counters).values(key=name, hits=1, expires_at=until))
    session.execute(insert(cache_entries).values(key=name, name="x", value=1, expires_at=until))
    read_at = then - timedelta(days=300)  # of those that were read the old one is 800 days old
    for key, read in ((name, read_at), (f"{name} and unread", None)):
        if (name, read) != ("fresh", None):
            kind = NotificationKind.PASSWORD_CHANGED
            session.add(Notification(user_id=person_id, kind=kind, key=key, created_at=read_at, read_at=read))


def test_a_sweep_of_the_day_leaves_what_is_looked_for_at_night(live_engine: Engine):
    with Session(live_engine) as session:
        person = make_user(session)
        session.add(
            Notification(
                user_id=person.id, kind=NotificationKind.PASSWORD_CHANGED, key="old", created_at=LONG_AGO,
                read_at=LONG_AGO,
            )
        )  # fmt: skip
        session.commit()
    sweeping.sweep_rows(at=AT)
    with Session(live_engine) as session:
        assert session.scalars(select(Notification.key)).all() == ["old"]


def test_every_table_is_either_swept_or_kept_with_a_reason():
    kept = [table for tables in sweeping.KEPT for table in tables.split()]
    assert sorted([*sweeping.SWEPT, *kept]) == sorted(table.name for table in models.metadata.sorted_tables)


def test_the_trail_cannot_be_swept_by_the_portals_role(live_engine: Engine):
    for table in ("audit_entries", "audit_seals"):
        with live_engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(f"DELETE FROM {table}"))


def test_kept_mail_goes_after_ninety_days_and_young_mail_stays(live_settings: Settings):
    folder = live_settings.portal_home / "mail"
    folder.mkdir()
    for name, age in (("young", timedelta(days=89)), ("old", timedelta(days=91))):
        (folder / f"{name}.eml").write_text("To: Ama")
        moment = (AT - age).timestamp()
        os.utime(folder / f"{name}.eml", (moment, moment))
    sweeping.sweep_mail(live_settings, at=AT)
    sweeping.sweep_mail(live_settings, at=AT)
    assert [path.name for path in folder.iterdir()] == ["young.eml"]


def test_a_device_stays_while_a_session_names_it(live_engine: Engine):
    with Session(live_engine) as session:
        person = make_user(session)
        long_ago = AT - AGES["old"]
        device = Device(user_id=person.id, token_hash="kept", created_at=long_ago, last_used_at=long_ago)
        session.add(device)
        session.flush()
        make_session(session, person, expires_at=AT + timedelta(days=1), device_id=device.id)
        session.commit()
    sweeping.sweep_rows(at=AT, nightly=True)
    with Session(live_engine) as session:
        assert session.scalars(select(Device.token_hash)).all() == ["kept"]


@pytest.mark.parametrize("table", list(sweeping.SWEPT))
def test_every_table_that_is_swept_may_be_swept(live_engine: Engine, table: str):
    """The portal's own role is asked, as at night."""
    swept = sweeping.SWEPT[table]
    with live_engine.connect() as connection:
        connection.execute(text(f"DELETE FROM {table} WHERE {swept.condition}"), {"before": AT - swept.age})
        connection.rollback()


def test_a_file_that_was_never_attached_is_erased_and_an_attached_one_is_not(
    live_settings: Settings, live_engine: Engine, tmp_path
):
    storage = storage_from(replace(live_settings, portal_home=tmp_path))
    keys = {}
    with Session(live_engine) as session:
        owner = make_user(session)
        for state in (FileState.STORED, FileState.ATTACHED):
            key = keys[state] = new_key()
            storage.put([b"work"], key)
            session.add(
                StoredFile(
                    owner_id=owner.id,
                    purpose=FilePurpose.SUBMISSION,
                    state=state,
                    name="portrait.jpg",
                    kind="image/jpeg",
                    size=4,
                    sha256="ab" * 32,
                    storage_key=key,
                    stored_at=AT - timedelta(days=3),
                    attached_at=AT if state is FileState.ATTACHED else None,
                )
            )
        session.commit()
    sweeping.sweep_files(storage, at=AT)
    assert storage.size(keys[FileState.STORED]) == 4, "a backup may still count on it"
    sweeping.sweep_files(storage, at=AT + timedelta(days=1))
    assert [key for key, _ in storage.every_key()] == [keys[FileState.ATTACHED]]
