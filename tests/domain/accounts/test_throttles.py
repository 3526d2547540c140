"""Counters that all workers share."""

from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from portal import db
from portal.domain.accounts import throttles
from portal.domain.accounts.visitors import Visitor
from tests.at_once import at_once
from tests.factories import now

VISITOR = Visitor(address="203.0.113.7")


def test_many_tries_at_the_same_moment_get_no_more_checks_than_in_a_row(live_engine):
    """Forty threads ask at once; five are let through."""
    at = now()
    keys = [throttles.account_key(None, "somebody"), throttles.address_key(VISITOR)]

    waits = at_once(*[lambda: db.perform(throttles.charge, keys, at=at)] * 40)
    assert waits.count(None) == 5


def test_those_who_sign_in_at_the_same_moment_never_wait_for_each_other_in_a_ring(live_engine, monkeypatch):
    """Charging and proving lock the same counters; were their orders different, each try here would be a deadlock."""
    at, lost = now(), []
    keys = [throttles.account_key(None, "somebody"), throttles.address_key(VISITOR)]
    monkeypatch.setattr(db, "RETRIES", 0)

    def sign_in_often() -> None:
        for _ in range(50):
            try:
                if db.perform(throttles.charge, keys, at=at) is None:
                    db.perform(throttles.prove, keys, cleared=keys[:1], charged_at=at)
            except DBAPIError as error:
                lost.append(error)

    at_once(*[sign_in_often] * 4)
    assert lost == []


def test_a_refused_try_is_not_charged(world):
    at = now()
    keys = [throttles.account_key(None, "somebody")]
    for _ in range(5):
        assert throttles.charge(world, keys, at=at) is None
    until = throttles.charge(world, keys, at=at)
    assert until == at + timedelta(minutes=1)
    assert throttles.charge(world, keys, at=at) == until


def test_a_home_with_many_addresses_of_the_new_kind_is_one():
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]
    assert len({throttles.network_of(address) for address in addresses}) == 1
    assert throttles.network_of("2001:db8:1:3::1") != throttles.network_of(addresses[0])
    assert throttles.network_of("::ffff:203.0.113.7") == throttles.network_of("203.0.113.7")
