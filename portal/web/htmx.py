"""All that the portal knows of htmx and its headers: a page and its fragments come from one template."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import SplitResult, urlsplit

from flask import Response, make_response, render_template, request
from jinja2_fragments.flask import render_block
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as BaseResponse


def is_htmx() -> bool:
    """Return whether htmx asks, in whatever way."""
    return request.headers.get("HX-Request") == "true"


def wants_fragment() -> bool:
    """Return whether htmx asks for a part of the page, not for the page (boosted links, history)."""
    return (
        is_htmx()
        and request.headers.get("HX-Boosted") != "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
    )


def page_address() -> str:
    """Return path and query of the page on which the person is, as htmx or the Referer tells; `/` if neither does."""
    told = _told_address()
    return _path_of(told) if told is not None and told.netloc in {"", request.host} else "/"


def previous_address() -> str | None:
    """Return path and query of the page from which the person came, if that is a page of ours."""
    told = _told_address()
    return _path_of(told) if told is not None and told.netloc == request.host else None


def respond(
    template: str, block: str | None = None, *, status: int = 200, events: dict[str, Any] | None = None, **context: Any
) -> Response:
    """Return the page, or its block `block` where htmx asks for a fragment.

    `events` are told to the browser as HX-Trigger, named like audit actions.
    """
    if block is not None and wants_fragment():
        body = render_block(template, block, **context)
    else:
        body = render_template(template, **context)
    response = make_response(body, status)
    if events and is_htmx():
        response.headers["HX-Trigger"] = json.dumps(events)
    return response


def go_to(address: str) -> BaseResponse:
    """Send the person to another page after a write: 303 for a browser, HX-Redirect for htmx."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": address})
    return redirect(address, 303)


def unchanged() -> Response:
    """Answer a poll when there is nothing new: htmx swaps nothing."""
    return Response(status=204)


def _told_address() -> SplitResult | None:
    """Return what htmx or the Referer says, which anybody may have made up; None where it is no address."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    except ValueError:
        return None


def _path_of(address: SplitResult) -> str:
    path = "/" + address.path.lstrip("/")  # two slashes would begin the name of another site
    return path + (f"?{address.query}" if address.query else "")
