"""An app with a few views of its own, for what every view has in common: errors, headers, limits, files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, abort, g, jsonify, request
from sqlalchemy.exc import OperationalError

from portal.app import create_app
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from portal.domain.permissions import Permission
from portal.settings import Settings
from portal.web import limits
from portal.web.access import bearer, public, requires
from portal.web.uploads import MB, receive_all, takes_files
from tests.pages import under_test

REFUSALS = {
    "not_found": NotFound("There is no such assignment for you."),
    "forbidden": Forbidden("Only the registrar may do this."),
    "conflict": Conflict("The intake is full.", fields={"intake": "No seat is left."}),
    "too_large": TooLarge("That file is larger than 50 MB."),
    "invalid": Invalid("The end is before the start.", fields={"ends_at": "Choose a later time."}),
    "unavailable": Unavailable("The store of files does not answer."),
}


def app_with(settings: Settings, *more: Callable[[Blueprint], None]) -> Flask:
    """Return the portal with the probes below and those that `more` adds."""
    app = under_test(create_app(settings))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    probes = Blueprint("probes", __name__)
    for add in (_add_errors, _add_answers, *more):
        add(probes)
    app.register_blueprint(probes)
    return app


def _add_errors(probes: Blueprint) -> None:
    @probes.get("/probe/refusal/<name>")
    @probes.get("/api/v1/probe/refusal/<name>", endpoint="api_refusal")
    @public
    def refusal(name: str) -> str:
        raise REFUSALS[name]

    @probes.get("/probe/abort/<int:code>")
    @probes.get("/api/v1/probe/abort/<int:code>", endpoint="api_abort")
    @public
    def abortion(code: int) -> str:
        abort(code)

    @probes.get("/probe/fault")
    @probes.get("/api/v1/probe/fault", endpoint="api_fault")
    @public
    def fault() -> str:
        raise RuntimeError("SELECT secret FROM /srv/portal/private")

    @probes.get("/probe/database-away")
    @public
    def database_away() -> str:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

    @probes.post("/probe/form")
    @public
    def form() -> str:
        return "kept"


def _add_answers(probes: Blueprint) -> None:
    @probes.get("/probe/page")
    @public
    def page() -> str:
        return "<!doctype html><html lang=en><title>Probe</title><p>Hello</p></html>"

    @probes.get("/probe/own")
    @requires(Permission.KEEP_OWN_ACCOUNT)
    def own() -> str:
        return "<!doctype html><html lang=en><title>Probe</title><p>Yours</p></html>"

    @probes.get("/probe/token/<token>")
    @public
    def token(token: str) -> str:
        g.token_page = True
        return "<!doctype html><html lang=en><title>Probe</title><p>Reset</p></html>"

    @probes.get("/probe/address")
    @public
    def address() -> Any:
        return jsonify(address=limits.address(), host=request.host, scheme=request.scheme, id=g.request_id)

    @probes.get("/api/v1/probe/open")
    @bearer(None)
    def open_call() -> Any:
        return jsonify(success=True)

    @probes.get("/api/v1/probe/closed")
    @bearer(Permission.STUDY)
    def closed_call() -> Any:
        return jsonify(success=True)

    @probes.post("/probe/files")
    @requires(Permission.SUBMIT_ASSIGNMENT)
    @takes_files(60 * MB)
    def files() -> Any:
        kept = receive_all(request.files.getlist("files"))
        return jsonify(
            [{"key": f.key, "size": f.size, "sha256": f.sha256, "kind": f.kind, "name": f.name} for f in kept]
        )
