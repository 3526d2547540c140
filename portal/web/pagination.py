"""Lists a page at a time: a place in a list as text that nobody can make up, and the links either way.

A cursor is signed for the address and the order it was made for: taken elsewhere or changed, it is a 400.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import abort, current_app, request, url_for
from itsdangerous import BadData, URLSafeSerializer

from portal.domain.keyset import Keyset, Page

PARAMETER = "cursor"
ORDERING = ("sort", "order")  # parameters that change the order, and so the meaning of a place
LONGEST = 1000  # characters of a cursor

_READERS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "whole": int,
    "exact": Decimal,
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "id": UUID,
}
_KINDS: tuple[tuple[type, str], ...] = (  # the first that fits: a datetime is a date as well
    (str, "text"),
    (int, "whole"),
    (Decimal, "exact"),
    (datetime, "moment"),
    (date, "day"),
    (UUID, "id"),
)


def cursor_of_request() -> Keyset | None:
    """Return the place this request asks for, or None for the first page."""
    text = request.args.get(PARAMETER)
    return parse(text, _scope()) if text else None


def links(page: Page[Any]) -> tuple[str | None, str | None]:
    """Return the addresses of the previous and the next page, with every other parameter kept."""
    return _link(page.previous), _link(page.next)


def render(place: Keyset, scope: str) -> str:
    """Return a place as text, signed for one list."""
    return _signer(scope).dumps([_tagged(place.value), _tagged(place.key), place.backwards])


def parse(text: str, scope: str) -> Keyset:
    """Return the place a text names; answer 400 if it is not one of ours for this list."""
    try:
        value, key, backwards = _signer(scope).loads(text[:LONGEST])
        return Keyset(_untagged(value), _untagged(key), bool(backwards))
    except (BadData, ValueError, TypeError, KeyError):
        abort(400, "This link into the list is not whole. Start again at its first page.")


def _link(place: Keyset | None) -> str | None:
    if place is None or request.endpoint is None:
        return None
    values: dict[str, Any] = {name: given for name, given in request.args.lists() if not name.startswith("_")}
    values |= (request.view_args or {}) | {PARAMETER: render(place, _scope())}
    return url_for(request.endpoint, **values)


def _scope() -> str:
    return "|".join([request.endpoint or "", *(request.args.get(name, "") for name in ORDERING)])


def _signer(scope: str) -> URLSafeSerializer:
    settings = current_app.config["SETTINGS"]
    return URLSafeSerializer(list(reversed(settings.signing_keys)), salt=f"cursor:{scope}")


def _tagged(value: Any) -> list[Any]:
    name = next((name for kind, name in _KINDS if isinstance(value, kind)), None)
    if name is None:
        raise TypeError(f"a list cannot be sorted by {type(value).__name__}")
    if isinstance(value, str | int):
        return [name, value]
    return [name, value.isoformat() if isinstance(value, date) else str(value)]


def _untagged(tagged: list[Any]) -> Any:
    name, value = tagged
    return _READERS[name](value)
