"""Tokens of the API: who may come in with what, and for how long."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import (
    TokenKeys,
    api_person,
    read_access_token,
    revoke_family,
    rotate,
    start_family,
)
from portal.domain.accounts.models import RefreshToken
from tests.cast import Cast
from tests.factories import now

KEYS = TokenKeys(issuer="http://localhost", signing=("s" * 40, "t" * 40), deriving=("d" * 40, "e" * 40))
OTHER = TokenKeys(issuer="http://localhost", signing=("x" * 40,), deriving=("d" * 40,))


@pytest.fixture
def pair(world: Session, cast: Cast):
    return start_family(world, cast.ama.id, KEYS, at=now())


def test_a_token_opens_for_fifteen_minutes_and_its_clock_may_be_a_little_off(pair) -> None:
    assert pair.expires_in == 15 * 60
    assert read_access_token(pair.access_token, KEYS, at=now() + timedelta(minutes=15, seconds=20))
    assert read_access_token(pair.access_token, KEYS, at=now() + timedelta(minutes=15, seconds=40)) is None


def test_a_token_signed_with_an_earlier_key_still_opens(world: Session, cast: Cast) -> None:
    earlier = TokenKeys(KEYS.issuer, (KEYS.signing[1],), KEYS.deriving)
    pair = start_family(world, cast.ama.id, earlier, at=now())
    assert read_access_token(pair.access_token, KEYS, at=now())


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-api"},
        {"iss": "https://elsewhere.example"},
        {"exp": "9999999999"},
        {"exp": True},
        {"sub": "../../etc/passwd"},
        {"family": None},
    ],
)
def test_a_token_that_says_something_odd_is_refused(pair, change) -> None:
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    forged = jwt.encode(claims | change, KEYS.signing[0], algorithm="HS256", headers={"typ": "at+jwt"})
    assert read_access_token(forged, KEYS, at=now()) is None


@pytest.mark.parametrize("headers", [{}, {"typ": "JWT"}, {"typ": "at+jwt", "kid": "../../dev/null"}])
def test_only_our_own_type_of_token_opens(pair, headers) -> None:
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    forged = jwt.encode(claims, KEYS.signing[0], algorithm="HS256", headers=headers)
    assert bool(read_access_token(forged, KEYS, at=now())) == (headers.get("typ") == "at+jwt")


def test_no_other_algorithm_and_no_missing_signature_opens(pair) -> None:
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    for forged in (
        jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt"}),
        jwt.encode(claims, KEYS.signing[0] * 2, algorithm="HS512", headers={"typ": "at+jwt"}),
        pair.access_token.rsplit(".", 1)[0] + ".",
        "a" * 4000,
        "",
    ):
        assert read_access_token(forged, KEYS, at=now()) is None
    assert read_access_token(pair.access_token, OTHER, at=now()) is None


def test_a_refresh_token_is_replaced_at_every_use(world: Session, pair) -> None:
    second = rotate(world, pair.refresh_token, KEYS, at=now())
    third = rotate(world, second.refresh_token, KEYS, at=now())
    assert len({pair.refresh_token, second.refresh_token, third.refresh_token}) == 3


def test_a_repeat_within_a_minute_gets_the_same_successor_even_after_the_key_changed(world: Session, pair) -> None:
    at = now()
    second = rotate(world, pair.refresh_token, KEYS, at=at)
    renewed = TokenKeys(KEYS.issuer, KEYS.signing, ("n" * 40, *KEYS.deriving))
    repeat = rotate(world, pair.refresh_token, renewed, at=at + timedelta(seconds=59))
    assert repeat.refresh_token == second.refresh_token


def test_a_repeat_after_a_minute_ends_the_sign_in(world: Session, pair) -> None:
    at = now()
    second = rotate(world, pair.refresh_token, KEYS, at=at)
    assert rotate(world, pair.refresh_token, KEYS, at=at + timedelta(seconds=61)) is None
    assert rotate(world, second.refresh_token, KEYS, at=at + timedelta(seconds=62)) is None


def test_a_repeat_after_the_successor_was_used_ends_the_sign_in(world: Session, pair) -> None:
    at = now()
    second = rotate(world, pair.refresh_token, KEYS, at=at)
    third = rotate(world, second.refresh_token, KEYS, at=at)
    assert rotate(world, pair.refresh_token, KEYS, at=at + timedelta(seconds=1)) is None
    assert rotate(world, third.refresh_token, KEYS, at=at + timedelta(seconds=2)) is None
    claims = read_access_token(third.access_token, KEYS, at=at)
    assert api_person(world, claims) is None


def test_thirty_days_after_signing_in_it_is_over_however_often_it_was_renewed(world: Session, pair) -> None:
    at = now()
    second = rotate(world, pair.refresh_token, KEYS, at=at + timedelta(days=29))
    assert rotate(world, second.refresh_token, KEYS, at=at + timedelta(days=30, minutes=1)) is None


def test_a_deactivated_person_is_out_at_once_whatever_the_token_says(world: Session, cast: Cast, pair) -> None:
    claims = read_access_token(pair.access_token, KEYS, at=now())
    assert api_person(world, claims).id == cast.ama.id
    cast.ama.deactivated_at = now()
    world.flush()
    assert api_person(world, claims) is None
    assert rotate(world, pair.refresh_token, KEYS, at=now()) is None


def test_signing_out_makes_the_access_token_worthless_too(world: Session, pair) -> None:
    claims = read_access_token(pair.access_token, KEYS, at=now())
    revoke_family(world, claims.family_id, "signed out", at=now())
    assert api_person(world, claims) is None


def test_a_sign_in_repeated_with_its_key_is_the_same_sign_in(world: Session, cast: Cast) -> None:
    at = now()
    first = start_family(world, cast.ama.id, KEYS, request_key="try-1", at=at)
    repeat = start_family(world, cast.ama.id, KEYS, request_key="try-1", at=at + timedelta(seconds=40))
    assert (repeat.refresh_token, repeat.access_token) == (first.refresh_token, first.access_token)
    assert repeat.expires_in == first.expires_in - 40
    assert world.scalar(select(func.count()).select_from(RefreshToken)) == 1


def test_a_key_of_one_person_leads_to_no_token_of_another(world: Session, cast: Cast) -> None:
    ama = start_family(world, cast.ama.id, KEYS, request_key="try-1", at=now())
    esi = start_family(world, cast.esi.id, KEYS, request_key="try-1", at=now())
    assert ama.refresh_token != esi.refresh_token
    assert read_access_token(esi.access_token, KEYS, at=now()).user_id == cast.esi.id


@pytest.mark.parametrize("later", [timedelta(minutes=16), timedelta(0)])
def test_a_key_that_has_done_its_work_begins_a_new_sign_in(world: Session, cast: Cast, later: timedelta) -> None:
    at = now()
    first = start_family(world, cast.ama.id, KEYS, request_key="always-the-same", at=at)
    rotate(world, first.refresh_token, KEYS, at=at)
    again = start_family(world, cast.ama.id, KEYS, request_key="always-the-same", at=at + later)
    assert again.refresh_token != first.refresh_token
    assert rotate(world, again.refresh_token, KEYS, at=at + later)
