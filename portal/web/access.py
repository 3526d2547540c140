"""Default deny: every view says who may use it, or the portal refuses to start.

`@public`, `@signed_in` and `@requires(Permission.X)` answer "may this person do this kind of thing";
the query that loads the row through the person answers for the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.web.bearer import check as check_bearer
from portal.web.htmx import is_htmx, page_address
from portal.web.sessions import Identity, current_identity, note_activity

View = TypeVar("View", bound=Callable[..., Any])

FRESH_MINUTES = 10  # after that money, roles and e-mail ask for the password again


@dataclass(frozen=True)
class Access:
    """What a view says of itself."""

    public: bool = False
    permission: Permission | None = None
    fresh: bool = False
    polled: bool = False
    """Asked again and again by a page left open: never counts as activity of the person."""
    bearer: bool = False
    """Of the JSON API: proves the caller by its Authorization header itself, and knows no cookie."""
    signed_out_too: bool = False
    """Answers a repeat whose token ended with the first request."""
    by_script: bool = False
    """Asked by a script of ours, which cannot show a page: a stranger gets 401, and is sent nowhere."""


def public(view: View) -> View:
    """Open this view to everyone."""
    return _mark(view, Access(public=True))


def signed_in(view: View) -> View:
    """Open this view to every signed-in person, whatever the role."""
    return _mark(view, Access(permission=Permission.KEEP_OWN_ACCOUNT))


def requires(
    permission: Permission, *, fresh: bool = False, polled: bool = False, by_script: bool = False
) -> Callable[[View], View]:
    """Open this view to those whom a role or duty grants this permission; `fresh` asks for the password again."""
    access = Access(permission=permission, fresh=fresh, polled=polled, by_script=by_script)
    return lambda view: _mark(view, access)


def fresh(view: View) -> View:
    """Ask for the password again if it was given more than ten minutes ago. Stands above the other marks."""
    marked = access_of(view)
    if marked is None or marked.permission is None:
        raise TypeError("@fresh stands above @requires or @signed_in")
    return _mark(view, Access(permission=marked.permission, fresh=True, polled=marked.polled))


def bearer(permission: Permission | None, *, signed_out_too: bool = False) -> Callable[[View], View]:
    """Mark a view of the JSON API: `None` is public, else the permission its token's person needs."""
    access = Access(bearer=True, permission=permission, public=permission is None, signed_out_too=signed_out_too)
    return lambda view: _mark(view, access)


def access_of(view: Callable[..., Any]) -> Access | None:
    """Return what a view says of its access, if it says anything."""
    return getattr(view, "access", None)


def register(app: Flask) -> None:
    """Check every request against its view's mark."""
    app.before_request(_check_access)


def refuse_unmarked_views(app: Flask) -> None:
    """Raise if any view does not say who may use it."""
    silent = sorted(
        rule.endpoint for rule in app.url_map.iter_rules() if access_of(app.view_functions[rule.endpoint]) is None
    )
    if silent:
        raise RuntimeError(f"These views do not say who may use them: {', '.join(silent)}")


def _mark(view: View, access: Access) -> View:
    vars(view).update(access=access)
    return view


def _check_access() -> BaseResponse | None:
    if request.endpoint is None:
        return None  # there is no such address: the error page answers
    access = access_of(current_app.view_functions[request.endpoint])
    if access is None:
        abort(403)
    if access.bearer:
        check_bearer(access.permission, signed_out_too=access.signed_out_too)
        return None
    identity = current_identity()
    if identity is not None and not access.polled:
        note_activity(identity)
    if access.public:
        return None
    if identity is None:
        if access.by_script:
            abort(401)
        return ask_to_sign_in()
    if access.permission is None or not identity.may(access.permission):
        abort(403)
    if asks_for_password(access, identity):
        return send_to("auth.confirm_password")
    return None


def asks_for_password(access: Access, identity: Identity) -> bool:
    """Return whether this view wants the password again from somebody who may use it."""
    if not access.fresh or access.permission is None or not identity.may(access.permission):
        return False
    return is_stale(identity)


def is_stale(identity: Identity) -> bool:
    """Return whether the password was given longer ago than what matters allows."""
    return now() - identity.reauthenticated_at > timedelta(minutes=FRESH_MINUTES)


def ask_to_sign_in() -> BaseResponse:
    """Answer a visitor who must sign in first, and bring them back here afterwards."""
    return send_to("auth.sign_in")


def send_to(endpoint: str, *, back_to: str | None = None) -> BaseResponse:
    """Send the person to a page that asks who they are, and afterwards back to the page on which they are."""
    if back_to is None:
        back_to = page_address() if is_htmx() or request.method != "GET" else request.full_path
    address = url_for(endpoint, next=back_to)
    if is_htmx():
        return Response(status=401, headers={"HX-Redirect": address})
    return redirect(address, 303)


def safe_next(target: str | None, otherwise: str) -> str:
    """Return `target` if it is an address within the portal, else `otherwise`: no redirect leaves the house."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return otherwise
    if any(ord(character) < 0x21 or character == "\\" for character in target):
        return otherwise
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else otherwise
