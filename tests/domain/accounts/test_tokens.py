"""Secrets that are given once."""

from datetime import timedelta

import pytest

from portal.domain.accounts import tokens
from portal.domain.accounts.models import SingleUseToken, TokenPurpose
from portal.domain.accounts.tokens import TokenRefused
from tests.factories import now

INVITATION, RESET = TokenPurpose.INVITATION, TokenPurpose.RESET


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_secret_works_once(world, cast, by_hand):
    secret = tokens.issue(world, cast.ama.id, INVITATION, cast.efua.id, now(), by_hand=by_hand)
    assert tokens.look_up(world, secret, at=now()).user_id == cast.ama.id
    assert tokens.redeem(world, secret, INVITATION, at=now()) == cast.ama.id
    with pytest.raises(TokenRefused):
        tokens.redeem(world, secret, INVITATION, at=now())


@pytest.mark.parametrize("purpose, lifetime", [(INVITATION, timedelta(days=7)), (RESET, timedelta(minutes=30))])
def test_an_invitation_lives_seven_days_and_a_reset_thirty_minutes(world, cast, purpose, lifetime):
    at = now()
    secret = tokens.issue(world, cast.ama.id, purpose, None, at)
    assert tokens.look_up(world, secret, at=at + lifetime - timedelta(seconds=1))
    for act in (tokens.look_up, lambda *args, at: tokens.redeem(*args, purpose, at=at)):
        with pytest.raises(TokenRefused):
            act(world, secret, at=at + lifetime)


def test_a_newer_secret_makes_the_older_one_worthless(world, cast):
    older = tokens.issue(world, cast.ama.id, RESET, None, now())
    newer = tokens.issue(world, cast.ama.id, RESET, None, now())
    with pytest.raises(TokenRefused):
        tokens.redeem(world, older, RESET, at=now())
    assert tokens.redeem(world, newer, RESET, at=now()) == cast.ama.id


def test_an_invitation_is_no_reset(world, cast):
    secret = tokens.issue(world, cast.ama.id, INVITATION, None, now())
    with pytest.raises(TokenRefused):
        tokens.redeem(world, secret, RESET, at=now())


def test_a_code_may_be_typed_carelessly(world, cast):
    code = tokens.issue(world, cast.ama.id, INVITATION, None, now(), by_hand=True)
    careless = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert tokens.look_up(world, careless, at=now()).user_id == cast.ama.id


def test_a_code_has_eighty_bits_and_a_link_two_hundred_and_fifty_six():
    assert len(tokens.CODE_CHARACTERS) ** tokens.CODE_LENGTH >= 2**80
    assert len({tokens.new_token() for _ in range(1000)}) == 1000
    assert len(tokens.new_token()) == tokens.LINK_LENGTH


def test_only_hashes_are_kept(world, cast):
    secret = tokens.issue(world, cast.ama.id, INVITATION, None, now())
    row = world.query(SingleUseToken).one()
    assert secret not in str(vars(row))
    assert len(row.token_hash) == 64


def test_a_deactivated_persons_secret_is_refused(world, cast):
    secret = tokens.issue(world, cast.kojo.id, RESET, None, now())
    with pytest.raises(TokenRefused):
        tokens.look_up(world, secret, at=now())
