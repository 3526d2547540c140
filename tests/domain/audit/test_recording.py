"""What the trail keeps of an act."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.domain.audit import operations as audit
from portal.domain.audit.models import AuditDetail, AuditEntry
from portal.domain.audit.origin import clear_origin, set_origin
from portal.domain.permissions import system_actor
from tests.cast import Cast, actor

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_an_entry_says_who_did_what_to_what_for_whom_and_from_where(world: Session, cast: Cast):
    set_origin("197.251.4.7", "request-1")
    try:
        entry_id = audit.record(
            world,
            actor(cast.efua),
            "enrolment:withdraw",
            cast.enrolment,
            for_user=cast.ama.id,
            before={"state": "active", "reason": ""},
            after={"state": "withdrawn", "reason": ""},
            at=AT,
        )
    finally:
        clear_origin()
    entry = world.get_one(AuditEntry, entry_id)
    assert (entry.actor_id, entry.actor, entry.action) == (cast.efua.id, "person", "enrolment:withdraw")
    assert (entry.subject_type, entry.subject_id) == ("enrolments", str(cast.enrolment.id))
    assert (entry.for_user_id, entry.at) == (cast.ama.id, AT)
    assert entry.fields == ["state"]
    assert (str(entry.address), entry.request_id) == ("197.251.4.7", "request-1")
    detail = world.get_one(AuditDetail, entry_id)
    assert detail.after == {"state": "withdrawn", "reason": ""}
    assert audit.digest(detail.salt, detail.before, detail.after) == entry.digest


def test_an_entry_and_its_details_take_one_statement(world: Session, cast: Cast, count_queries):
    world.commit()
    with count_queries() as queries:
        audit.record(world, actor(cast.efua), "room:open", ("rooms", cast.ama.id), after={"name": "Studio 1"}, at=AT)
    assert len(queries.statements) == 1


def test_an_act_without_values_leaves_no_details(world: Session, cast: Cast):
    entry_id = audit.record(world, system_actor("seal"), "trail:verify", ("audit_seals", "12"), at=AT)
    entry = world.get_one(AuditEntry, entry_id)
    assert (entry.actor_id, entry.actor, entry.fields, entry.digest) == (None, "system:seal", [], "")
    assert world.get(AuditDetail, entry_id) is None


def test_values_of_every_kind_come_back_as_their_digest_saw_them(world: Session, cast: Cast):
    values = {"points": Decimal("12.50"), "at": AT, "share": 0.1, "who": cast.ama.id, "duties": {"b", "a"}, "n": 10**20}
    entry_id = audit.record(world, actor(cast.kofi), "grade:give", ("grades", "1"), after=values, at=AT)
    world.commit()
    world.expire_all()
    entry, detail = world.get_one(AuditEntry, entry_id), world.get_one(AuditDetail, entry_id)
    assert detail.after["points"] == "12.50"
    assert detail.after["duties"] == ["a", "b"]
    assert audit.digest(detail.salt, detail.before, detail.after) == entry.digest


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET action = 'nothing:happened'",
        "DELETE FROM audit_entries",
        "UPDATE audit_details SET after = '{}'",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_entries CASCADE",
    ],
)
def test_the_portal_can_take_nothing_back_from_the_trail(world: Session, cast: Cast, change: str):
    audit.record(world, actor(cast.efua), "room:open", ("rooms", "1"), after={"name": "Studio 1"}, at=AT)
    world.commit()
    with pytest.raises(DBAPIError):
        world.execute(text(change))
    world.rollback()


def test_changed_fields_are_those_whose_values_differ():
    assert audit.changed_fields({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b", "c"]
    assert audit.changed_fields(None, {"b": 1, "a": 1}) == ["a", "b"]
    assert audit.changed_fields({"a": 1}, None) == ["a"]
