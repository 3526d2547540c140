"""Verifying a receipt: anybody who holds one sees that it is ours, and whether a file is one of its files."""

from __future__ import annotations

from flask import Response, g, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.public import blueprint
from portal.db import current_session
from portal.domain.assignments.queries.public_receipts import UNKNOWN, public_receipt
from portal.domain.assignments.receipts import read_receipt, read_sha256
from portal.web.access import public
from portal.web.formats import ordinal
from portal.web.htmx import go_to, respond

LONGEST = 200  # characters of what is typed; a receipt has 32, a SHA-256 64


@blueprint.get("/receipts")
@public
def receipts() -> BaseResponse:
    """Ask for number and code, and lead to the receipt."""
    typed = " ".join(request.args.get(name, "")[:LONGEST] for name in ("number", "code")).strip()
    if (read := read_receipt(typed)) is not None:
        return go_to(url_for("public.receipt", receipt_name="-".join(read)))
    return respond(
        "public/receipts.html",
        number=request.args.get("number", "")[:LONGEST],
        code=request.args.get("code", "")[:LONGEST],
        problem=f"{UNKNOWN} Compare it with the receipt, letter by letter." if typed else None,
    )


@blueprint.get("/receipts/<receipt_name>")
@public
def receipt(receipt_name: str) -> Response:
    """Show what a receipt proves, without a name; a typed SHA-256 is looked for among its files."""
    g.token_page = True
    found = public_receipt(current_session(), receipt_name)
    typed = request.args.get("sha256", "")[:LONGEST]
    sha256 = read_sha256(typed)
    places = [ordinal(place) for place in found.places_of(sha256)] if sha256 else []
    return respond("public/receipt.html", "comparison", found=found, typed=typed, sha256=sha256, places=places)
