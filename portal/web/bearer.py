"""Who calls the JSON API: the Authorization header alone, read before limits are counted, judged after."""

from __future__ import annotations

from functools import cache

from flask import Flask, abort, current_app, g, request
from werkzeug.datastructures import WWWAuthenticate

from portal import db
from portal.domain.accounts.api_tokens import (
    ApiPerson,
    TokenKeys,
    as_api_person,
    read_access_token,
    select_person,
    was_signed_out,
    whose,
)
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.settings import Settings
from portal.web import limits
from portal.web.counters import Finder

API_PREFIX = "/api/v1/"
MAX_TOKEN_LENGTH = 4096
BEARER = WWWAuthenticate("bearer")  # RFC 6750, 3: a 401 says how to come in


def register(app: Flask) -> None:
    """Load the caller of every API request, if its token says who."""
    app.before_request(_load_caller)


def token_keys(settings: Settings) -> TokenKeys:
    """Return the keys this portal signs and verifies API tokens with."""
    return TokenKeys(issuer=settings.portal_url, signing=settings.token_keys, deriving=settings.signing_keys)


def caller_or_none() -> ApiPerson | None:
    """Return the person whose token this request carries, where there is one."""
    person: ApiPerson | None = g.get("api_person")
    return person


def caller() -> ApiPerson:
    """Return the person whose token this request carries; views with a permission always have one."""
    person = caller_or_none()
    if person is None:
        raise RuntimeError("this view is public: the caller is not known")
    return person


def check(permission: Permission | None, *, signed_out_too: bool = False) -> None:
    """Count the call, then refuse the caller: 401 without a good token, 403 without the permission."""
    limits.check_api_call(public_read=permission is None and request.method in {"GET", "HEAD"})
    if signed_out_too and g.get("api_signed_out"):
        return
    if g.get("api_token_refused"):
        abort(401, description="The token is not valid, or no longer.", www_authenticate=BEARER)
    if permission is None:
        return
    person = caller_or_none()
    if person is None:
        abort(401, description="This call needs a token: Authorization: Bearer <token>.", www_authenticate=BEARER)
    if not person.may(permission):
        abort(403, description="Your role does not allow this.")


def _load_caller() -> None:
    if not request.path.startswith(API_PREFIX):
        return
    header = request.headers.get("Authorization", "")
    if not header:
        return
    scheme, _, token = header.partition(" ")
    claims = None
    if scheme.lower() == "bearer" and len(token) <= MAX_TOKEN_LENGTH:
        claims = read_access_token(token.strip(), token_keys(current_app.config["SETTINGS"]), at=now())
    g.api_person, g.api_calls, g.api_signed_out = None, None, False
    if claims is not None:
        counted = limits.are_counted_with_the_person(current_app, request)
        row, g.api_calls = _finder().find(whose(claims), counted=counted)
        g.api_person = as_api_person(row, claims) if row is not None else None
        if row is None:
            g.api_signed_out = was_signed_out(db.current_session(), claims)
            db.release_connection()
    g.api_token_refused = g.api_person is None


@cache
def _finder() -> Finder:
    return Finder(select_person(), "api/person:", seconds=limits.WINDOW_MINUTES * 60)
