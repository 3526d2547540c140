"""What has served its time goes, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from portal.adapters.storage import new_key, storage_from
from portal.domain.accounts.models import Device, SignInThrottle, SingleUseToken, TokenPurpose, UserSession
from portal.domain.files.models import FilePurpose, FileState, StoredFile
from portal.jobs import sweeping
from portal.outbox import JobMark
from portal.settings import Settings
from tests.factories import make_session, make_user

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
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
        session.commit()
    sweeping.sweep_rows(at=AT)
    with Session(live_engine) as session:
        for column in (SignInThrottle.key, JobMark.key, SingleUseToken.token_hash, UserSession.token_hash):
            assert session.scalars(select(column)).all() == ["fresh"], column
        assert session.scalars(select(Device.token_hash)).all() == ["device-fresh"]


def test_a_device_stays_while_a_session_names_it(live_engine: Engine):
    with Session(live_engine) as session:
        person = make_user(session)
        long_ago = AT - AGES["old"]
        device = Device(user_id=person.id, token_hash="kept", created_at=long_ago, last_used_at=long_ago)
        session.add(device)
        session.flush()
        make_session(session, person, expires_at=AT + timedelta(days=1), device_id=device.id)
        session.commit()
    sweeping.sweep_rows(at=AT)
    with Session(live_engine) as session:
        assert session.scalars(select(Device.token_hash)).all() == ["kept"]


@pytest.mark.parametrize("table", list(sweeping.SWEPT))
def test_every_table_that_is_swept_may_be_swept(live_engine: Engine, table: str):
    """The portal's own role is asked, as at night."""
    condition, age = sweeping.SWEPT[table]
    with live_engine.connect() as connection:
        connection.execute(text(f"DELETE FROM {table} WHERE {condition}"), {"before": AT - age})
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
