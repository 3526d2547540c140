"""The OpenAPI document, and the page that shows it to people without any script."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, render_template
from flask_smorest import Api

from portal.web.access import bearer

METHODS = ("get", "head", "post", "put", "patch", "delete")


def register(app: Flask, api: Api) -> None:
    """Add `/api/v1/openapi.json` and `/api/v1/docs`, both public."""
    document: dict[str, Any] = {}

    def whole() -> dict[str, Any]:
        if not document:
            document.update(_finished(api.spec.to_dict()))
        return document

    @app.get("/api/v1/openapi.json", endpoint="api_v1.openapi")
    @bearer(None)
    def openapi() -> Response:
        return jsonify(whole())

    @app.get("/api/v1/docs", endpoint="api_v1.docs")
    @bearer(None)
    def docs() -> str:
        return render_template("api_v1/docs.html", document=whole(), calls=_calls(whole()))


def _finished(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with paths below its server's address, as OpenAPI wants them."""
    paths = {path.removeprefix("/api/v1"): item for path, item in document["paths"].items()}
    return document | {"paths": paths}


def _calls(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every call as the page shows it: its address, words, parameters, body, answers."""
    return [
        {
            "id": f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "secured": bool(operation.get("security")),
            "parameters": operation.get("parameters", []),
            "body": _body(operation),
            "answers": operation.get("responses", {}),
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def _body(operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    return [f"{kind}: {described['schema'].get('$ref', '').rsplit('/', 1)[-1]}" for kind, described in content.items()]
