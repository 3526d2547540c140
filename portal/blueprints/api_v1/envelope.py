"""The one shape of the API's answers, and the decorators that document it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import marshmallow as ma
from flask_smorest import Blueprint

from portal.domain.keyset import PAGE_SIZE, Page
from portal.domain.permissions import Permission
from portal.web.access import View, bearer
from portal.web.idempotency import HEADER, KEY_PATTERN, key_of_request
from portal.web.pagination import PARAMETER, links

P = ParamSpec("P")

MAX_PAGE_SIZE = 100
SECURED: list[dict[str, list[str]]] = [{"bearer": []}]
KEY_PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": HEADER,
    "description": "A name of the client's own choosing for this request: sent again with it, nothing is done twice.",
    "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
}


class PaginationSchema(ma.Schema):
    page = ma.fields.Integer(required=True)
    limit = ma.fields.Integer(required=True)
    total = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "null from 10,000 on"})
    total_pages = ma.fields.Integer(required=True, allow_none=True, data_key="totalPages")
    has_next = ma.fields.Boolean(required=True, data_key="hasNext")
    has_previous = ma.fields.Boolean(required=True, data_key="hasPrev")


class NeighboursSchema(ma.Schema):
    previous = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "address of the page before, null on the first"}
    )
    next = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "address of the page after, null on the last"}
    )


class ErrorItemSchema(ma.Schema):
    type = ma.fields.String(required=True)
    msg = ma.fields.String(required=True)
    path = ma.fields.String(required=True)
    location = ma.fields.String(required=True)
    value = ma.fields.Raw(allow_none=True)


class RefusalSchema(ma.Schema):
    """What every refused call answers."""

    success = ma.fields.Boolean(required=True, metadata={"const": False})
    message = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(ErrorItemSchema))
    retry_after = ma.fields.Integer(data_key="retryAfter", metadata={"description": "seconds, with 429"})


class PageArguments(ma.Schema):
    """Which page of a list."""

    class Meta:
        unknown = ma.EXCLUDE

    page = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, 10_000))
    limit = ma.fields.Integer(load_default=10, validate=ma.validate.Range(1, MAX_PAGE_SIZE))


class PlaceArguments(ma.Schema):
    """How much of a list, and from where."""

    class Meta:
        unknown = ma.EXCLUDE

    limit = ma.fields.Integer(load_default=PAGE_SIZE, validate=ma.validate.Range(1, MAX_PAGE_SIZE))
    cursor = ma.fields.String(
        data_key=PARAMETER, metadata={"description": "as it is in `next` and `previous`; made up, it is a 400"}
    )


def success(data: Any, message: str = "") -> dict[str, Any]:
    """Return an answer's body."""
    return {"success": True, "message": message, "data": data}


def page_of(
    items: Sequence[Any], *, page: int, limit: int, total: int | None, more: bool, message: str = ""
) -> dict[str, Any]:
    """Return the body of a list: its rows and where they stand in the whole."""
    pagination = {
        "page": page,
        "limit": limit,
        "total": total,
        "total_pages": None if total is None else math.ceil(total / limit),
        "has_next": more,
        "has_previous": page > 1,
    }
    return success(list(items), message) | {"pagination": pagination}


def page_beside_others(page: Page[Any]) -> dict[str, Any]:
    """Return the body of a list that goes on from a place: its rows and the addresses of the pages beside them."""
    previous, following = links(page)
    return success(list(page.items)) | {"pagination": {"previous": previous, "next": following}}


def enveloped(
    schema: type[ma.Schema], *, many: bool = False, paginated: type[ma.Schema] | None = None
) -> type[ma.Schema]:
    """Return the schema of an answer whose `data` is this schema, with where it stands in a list where it is a page."""
    fields: dict[str, ma.fields.Field[Any]] = {
        "success": ma.fields.Boolean(required=True),
        "message": ma.fields.String(required=True),
        "data": ma.fields.Nested(schema, many=many, required=True),
    }
    if paginated:
        fields["pagination"] = ma.fields.Nested(paginated, required=True)
    name = schema.__name__.removesuffix("Schema") + ("Page" if paginated else "List" if many else "") + "Answer"
    return ma.Schema.from_dict(fields, name=name)


def call(
    blueprint: Blueprint,
    rule: str,
    method: str,
    answer: type[ma.Schema],
    *,
    permission: Permission | None,
    status: int = 200,
    signed_out_too: bool = False,
    refusals: Mapping[int, str] | None = None,
) -> Callable[[View], View]:
    """Declare one call of the API: its address, who may make it, its answer and its documented refusals."""
    refused = {422: "What was sent is not valid.", 429: "Too many calls; retryAfter says when to go on."}
    if permission is not None:
        refused |= {401: "The token is missing, wrong or no longer valid.", 403: "The role does not allow this."}
    described: dict[str, Any] = {"responses": refusals_described(refused | dict(refusals or {}))}
    if permission is not None:
        described["security"] = SECURED
    if method == "POST":
        described["parameters"] = [KEY_PARAMETER]

    def declare(view: View) -> View:
        declared: Any = _keyed(view) if method == "POST" else view
        declared = bearer(permission, signed_out_too=signed_out_too)(declared)
        declared = blueprint.response(status, answer)(declared)
        declared = blueprint.doc(**described)(declared)
        registered: View = blueprint.route(rule, methods=[method])(declared)
        return registered

    return declare


def refusals_described(meanings: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """Return the document's words on refusals, by status: all at once, since each decorator copies what it finds."""
    body = {"application/json": {"schema": RefusalSchema}}
    return {code: {"description": meaning, "content": body} for code, meaning in sorted(meanings.items())}


def _keyed(view: Callable[P, Any]) -> Callable[P, Any]:
    """Refuse a key that is none before anything else is looked at."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Any:
        key_of_request()
        return view(*args, **kwargs)

    return answer
