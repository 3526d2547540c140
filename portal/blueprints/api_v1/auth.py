"""Signing in to the API, renewing the sign-in, leaving, and who one is."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response, abort, current_app
from sqlalchemy.orm import Session

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.blueprints.api_v1.schemas import NO_NUL, SignedInSchema, TokenSchema, UserSchema
from portal.db import perform
from portal.domain.accounts import api_tokens, security_events
from portal.domain.accounts.api_tokens import ApiPerson, TokenKeys, TokenPair
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.accounts.sign_in import Credentials, Refusal, prove_password
from portal.domain.accounts.visitors import Visitor
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web import limits
from portal.web.bearer import caller, caller_or_none, token_keys
from portal.web.errors import error_answer
from portal.web.even_answers import evenly_timed
from portal.web.idempotency import key_of_request
from portal.web.visitors import the_visitor

blueprint = ApiBlueprint("api_auth", __name__, url_prefix="/api/v1/auth", description="Signing in")

WRONG = "That name and password do not belong together, or the account may not sign in now."
WAIT = "Too many wrong tries. Wait, then try again."
WORTHLESS = "The refresh token is not valid, or no longer. Sign in again."
MAX_SECRET = 200


class CredentialsSchema(ma.Schema):
    """The name (e-mail, phone or student number) and the password."""

    email = ma.fields.String(required=True, validate=[ma.validate.Length(1, 254), NO_NUL])
    password = ma.fields.String(required=True, validate=ma.validate.Length(1, 1024), load_only=True)


class RefreshSchema(ma.Schema):
    """The refresh token last received."""

    refresh_token = ma.fields.String(required=True, validate=ma.validate.Length(1, MAX_SECRET))


class NothingSchema(ma.Schema):
    """There is nothing to tell."""


@call(blueprint, "/login", "POST", enveloped(SignedInSchema), permission=None, refusals={401: WRONG})
@blueprint.arguments(CredentialsSchema)
def login(sent: dict[str, str]) -> dict[str, Any] | Response:
    """Sign in

    The same waits hold as on the sign-in page. The answer to a wrong name and to a wrong password is the same.
    With `Idempotency-Key` a repeat is the same sign-in.
    """
    limits.check_failures("api-sign-in")
    at = now()
    with evenly_timed():
        proof = prove_password(Credentials(sent["email"], sent["password"]), the_visitor(), at=at)
    if isinstance(proof, Refusal):
        limits.count_failure("api-sign-in")
        return _refuse_sign_in(proof, at)
    pair, person = perform(_start, proof.user_id, _keys(), key_of_request(), the_visitor(), at=at)
    return success({"user": _user(person), **_tokens(pair)}, "Signed in.")


@call(blueprint, "/refresh", "POST", enveloped(TokenSchema), permission=None, refusals={401: WORTHLESS})
@blueprint.arguments(RefreshSchema)
def refresh(sent: dict[str, str]) -> dict[str, Any]:
    """Renew the sign-in

    A refresh token works once. Within a minute a repeat gets the same successor; later it ends the sign-in.
    """
    limits.check_failures("api-refresh")
    pair = perform(_rotate, sent["refresh_token"], _keys(), the_visitor(), at=now())
    if pair is None:
        limits.count_failure("api-refresh")
        abort(401, description=WORTHLESS)
    return success(_tokens(pair), "Renewed.")


@call(
    blueprint,
    "/logout",
    "POST",
    enveloped(NothingSchema),
    permission=Permission.KEEP_OWN_ACCOUNT,
    signed_out_too=True,
)
def logout() -> dict[str, Any]:
    """Sign out

    Ends this sign-in: its refresh tokens and its access token are worth nothing from now on.
    A repeat is answered alike.
    """
    if (person := caller_or_none()) is not None:
        perform(_end, person, the_visitor(), at=now())
    return success({}, "Signed out.")


@call(blueprint, "/profile", "GET", enveloped(UserSchema), permission=Permission.KEEP_OWN_ACCOUNT)
def profile() -> dict[str, Any]:
    """Who one is"""
    return success(_user(caller()))


def _refuse_sign_in(refusal: Refusal, at: datetime) -> Response:
    if refusal.wait_until is None:
        return error_answer(401, WRONG)
    return error_answer(429, WAIT, retry_after=math.ceil((refusal.wait_until - at).total_seconds()))


def _keys() -> TokenKeys:
    return token_keys(current_app.config["SETTINGS"])


def _start(
    session: Session, user_id: Any, keys: TokenKeys, request_key: str | None, visitor: Visitor, *, at: datetime
) -> tuple[TokenPair, ApiPerson]:
    pair = api_tokens.start_family(session, user_id, keys, request_key=request_key, at=at)
    claims = api_tokens.read_access_token(pair.access_token, keys, at=at)
    person = api_tokens.api_person(session, claims) if claims else None
    if person is None:
        abort(401, description=WRONG)  # deactivated between the password and now
    security_events.record(session, SecurityEventKind.SIGNED_IN, visitor=visitor, user_id=user_id, at=at)
    return pair, person


def _rotate(
    session: Session, refresh_token: str, keys: TokenKeys, visitor: Visitor, *, at: datetime
) -> TokenPair | None:
    pair = api_tokens.rotate(session, refresh_token, keys, at=at)
    if pair is None and (row := api_tokens.family_of(session, refresh_token)) and row.revoked_at == at:
        kind = SecurityEventKind.REFRESH_TOKEN_REUSED
        security_events.record(session, kind, visitor=visitor, user_id=row.user_id, at=at)
    return pair


def _end(session: Session, person: ApiPerson, visitor: Visitor, *, at: datetime) -> None:
    api_tokens.revoke_family(session, person.family_id, api_tokens.SIGNED_OUT, at=at)
    security_events.record(session, SecurityEventKind.SIGNED_OUT, visitor=visitor, user_id=person.id, at=at)


def _tokens(pair: TokenPair) -> dict[str, Any]:
    return {"token": pair.access_token, "refresh_token": pair.refresh_token, "expires_in": pair.expires_in}


def _user(person: ApiPerson) -> dict[str, Any]:
    return {
        "id": person.id,
        "email": person.email,
        "phone": person.phone,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "role": person.role,
        "student_number": person.student_number,
        "time_zone": person.time_zone,
        "created_at": person.created_at,
    }
