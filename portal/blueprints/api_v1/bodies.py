"""What the calls of the API read: bodies of the type declared for them, and none that is made to break a reader.

A page elsewhere can have a browser send forms and plain text without asking first; JSON it cannot.
"""

from __future__ import annotations

import json
from typing import Any

import marshmallow as ma
from flask import Request, abort
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from portal.web.forms import too_long

FORMS = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})


class BodyParser(FlaskParser):
    """Reads JSON from JSON and fields from a form; answers 415 to anything else that has content."""

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        if not req.is_json and req.get_data():
            abort(415)
        try:
            value = super().load_json(req, schema)
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except (RecursionError, ValueError):  # too deep, a number too long, half of a character
            abort(400, description="That JSON holds what cannot be read.")
        return value

    def load_form(self, req: Request, schema: ma.Schema) -> Any:
        if req.mimetype not in FORMS and req.content_length:
            abort(415)
        return super().load_form(req, schema)


class ApiBlueprint(Blueprint):
    """A blueprint of the API; its calls are declared with `call`."""

    ARGUMENTS_PARSER = BodyParser()

    def arguments(self, schema: type[ma.Schema], **options: Any) -> Any:
        """Declare what a call takes; the schema is made once, not for every call."""
        return super().arguments(schema(), **options)


def at_most(characters: int) -> ma.validate.Length:
    """The text may not be longer; said as a form says it."""
    return ma.validate.Length(max=characters, error=too_long(characters))
