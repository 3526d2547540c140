"""Addresses of pages, as templates write them: a page has dozens, and all are within the portal.

Flask's own `url_for` works out scheme, host and blueprint for each of them anew.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from flask import Flask
from werkzeug.routing import MapAdapter


def register(app: Flask) -> None:
    """Offer `url_for(endpoint, ...)` to templates."""
    app.jinja_env.globals["url_for"] = partial(address_of, app)


def address_of(app: Flask, endpoint: str, /, **values: Any) -> str:
    """Return the address of a page; what its rule does not name becomes a parameter."""
    return _adapter(app).build(endpoint, values) if values else _plain_address(app, endpoint)


@cache
def _plain_address(app: Flask, endpoint: str) -> str:
    return _adapter(app).build(endpoint)


@cache
def _adapter(app: Flask) -> MapAdapter:
    return app.url_map.bind("localhost")
