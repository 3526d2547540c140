"""Addresses of pages, as templates write them: a page has dozens, and all are within the portal.

Flask's own `url_for` works out scheme, host and blueprint for each of them anew.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.routing import MapAdapter

KEPT_ADDRESSES = 2048  # pages that many people open name the same things again and again


def register(app: Flask) -> None:
    """Offer `url_for(endpoint, ...)` to templates."""
    app.jinja_env.globals["url_for"] = partial(address_of, app)


def address_of(app: Flask, endpoint: str, /, **values: Any) -> str:
    """Return the address of a page; what its rule does not name becomes a parameter, and `_anchor` a place on it."""
    try:
        return _kept_address(app, endpoint, **values)
    except TypeError:  # a list, for a parameter that repeats, cannot be kept
        return _address(app, endpoint, **values)


@lru_cache(KEPT_ADDRESSES, typed=True)
def _kept_address(app: Flask, endpoint: str, /, **values: Any) -> str:
    return _address(app, endpoint, **values)


def _address(app: Flask, endpoint: str, /, _anchor: str | None = None, **values: Any) -> str:
    address = _adapter(app).build(endpoint, values)
    return f"{address}#{quote(_anchor)}" if _anchor else address


@cache
def _adapter(app: Flask) -> MapAdapter:
    return app.url_map.bind("localhost")
