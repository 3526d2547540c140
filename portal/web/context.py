"""What every template may name without being given it."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from jinja2 import StrictUndefined

from portal.domain.clock import now

INSTITUTE = {
    "name": "KM Media Training Institute",
    "place": "Akatsi, Volta Region, Ghana",
    "motto": "Creativity is our Hallmark",
    "since": 2018,
    "hours": "Monday to Friday, 9:00 to 18:00",
}


def register(app: Flask) -> None:
    """Add the names, and make a misspelt one an error."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.context_processor(_names)


def _names() -> dict[str, Any]:
    return {"institute": INSTITUTE, "request_id": g.get("request_id", ""), "now": now()}
