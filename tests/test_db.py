"""Keys and transactions: what every row and every verb rests on."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, bindparam, select, text, update
from sqlalchemy.orm import Session

from portal import db
from portal.db import uuid7
from portal.domain import numbering
from portal.domain.accounts.models import User
from portal.embedded import ClusterAccess


def test_a_new_key_is_a_version_7_uuid_of_now_and_sorts_after_the_one_before() -> None:
    keys = []
    for _ in range(200):
        keys.append(uuid7())
        time.sleep(0.000_001)
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}
    assert keys == sorted(keys)
    assert abs((keys[0].int >> 80) / 1000 - time.time()) < 5


def test_an_exception_undoes_all_of_a_transaction(connection, world, cast) -> None:
    with pytest.raises(RuntimeError), db.transaction() as session:
        session.get_one(User, cast.ama.id).first_name = "Somebody"
        session.flush()
        raise RuntimeError
    assert world.scalar(select(User.first_name).where(User.id == cast.ama.id)) == "Ama"


def test_transactions_do_not_nest(connection) -> None:
    with db.transaction(), pytest.raises(RuntimeError, match="does not nest"), db.transaction():
        pass


def test_an_operation_that_lost_a_deadlock_is_done_again_as_a_whole(connection, world) -> None:
    tries = []

    def loses_twice(session) -> int:
        tries.append(1)
        if len(tries) < 3:
            session.connection().exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$")
        return numbering.take(session, "receipts-of-2026")

    assert db.perform(loses_twice) == 1
    assert len(tries) == 3


def test_a_number_of_an_undone_transaction_is_given_again(connection) -> None:
    assert db.perform(numbering.take, "receipts-of-2026") == 1
    with pytest.raises(RuntimeError), db.transaction() as session:
        assert numbering.take(session, "receipts-of-2026") == 2
        raise RuntimeError
    assert db.perform(numbering.take, "receipts-of-2026") == 2


def test_what_changed_is_announced_after_the_commit_only(connection) -> None:
    told: list[set[str]] = []
    db.on_change(told.append)
    try:
        with pytest.raises(RuntimeError), db.transaction() as session:
            db.changed(session, "catalogue")
            raise RuntimeError
        assert told == []
        with db.transaction() as session:
            db.changed(session, "catalogue")
            assert told == []
        assert told == [{"catalogue"}]
    finally:
        db._change_listeners.remove(told.append)


def test_a_session_whose_server_ended_its_connection_is_closed_in_silence_and_keeps_no_place_in_the_pool(
    portal_engine: Engine, cluster: ClusterAccess, live_database: str
) -> None:
    with db.session_scope() as session:
        session.execute(text("SELECT 1"))
        with psycopg.connect(cluster.superuser_url(), autocommit=True) as above:
            above.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (live_database,)
            )
    assert portal_engine.pool.checkedout() == 0
    with db.session_scope() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_what_is_asked_outside_a_transaction_begins_none(live_engine) -> None:
    with db.session_scope() as session:
        session.execute(select(User.first_name))
        assert _driver(session).info.transaction_status == TransactionStatus.IDLE
        with db.transaction() as writing:
            writing.execute(select(User.first_name))
            assert _driver(writing).info.transaction_status == TransactionStatus.INTRANS
        session.execute(select(User.first_name))
        assert _driver(session).info.transaction_status == TransactionStatus.IDLE


def test_a_change_outside_a_transaction_is_refused(live_engine):
    with db.session_scope() as session:
        with pytest.raises(RuntimeError, match="belongs into transaction"):
            session.execute(update(User).values(first_name="Kofi"))
        session.add(User(role="student", first_name="Adwoa", last_name="Sarpong"))
        with pytest.raises(RuntimeError, match="belongs into transaction"):
            session.flush()
        session.rollback()


def test_a_statement_that_is_asked_by_page_after_page_is_prepared(live_engine) -> None:
    for _ in range(8):
        with db.session_scope() as session:
            session.execute(select(User.first_name).where(User.id == uuid7())).all()
    with db.single_statement() as connection:
        prepared = connection.execute(text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    assert any("users.first_name" in statement for statement in prepared), prepared


def test_a_statement_that_is_made_once_is_found_again_without_a_look_at_its_parts() -> None:
    looked_for: list[Any] = []

    class Alike(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            looked_for.append(key)
            return super().get(key, default)

    compiled = db.CompiledStatement(Alike())
    key, with_other_values = ("dialect", "parts", ("id",), False, False), ("dialect", "parts", ("title",), False, False)
    assert compiled.get(key) is None
    compiled[key] = "SELECT 1"
    assert [compiled.get(key) for _ in range(3)] == ["SELECT 1"] * 3
    assert looked_for == [key, key], "when it was made, and when it was first asked for again"
    assert compiled.get(with_other_values) is None


def test_one_statement_answers_for_each_of_its_values(world, cast) -> None:
    named = select(User.first_name).where(User.id == bindparam("id"))
    people = [cast.ama, cast.kofi, cast.ama]
    assert [db.read(world, named, {"id": one.id}).scalar_one() for one in people] == [one.first_name for one in people]


def _driver(session: Session) -> Any:
    return session.connection().connection.driver_connection
