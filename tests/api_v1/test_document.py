"""The OpenAPI document is valid, kept in the repository as it is, and true of every answer."""

from __future__ import annotations

import json
import os
from pathlib import Path

from openapi_spec_validator import validate

SNAPSHOT = Path(__file__).with_name("openapi.json")


def test_the_document_is_valid_and_as_reviewed(client) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    validate(document)
    written = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(written)
    assert written == SNAPSHOT.read_text()


def test_every_refusal_is_documented_in_the_shape_it_has(client) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    refusals = {
        answer["content"]["application/json"]["schema"]["$ref"]
        for item in document["paths"].values()
        for method, call in item.items()
        if method != "parameters"
        for status, answer in call["responses"].items()
        if not status.startswith("2") and "content" in answer
    }
    (shape,) = refusals
    default = document["components"]["responses"]["DEFAULT_ERROR"]
    assert default["content"]["application/json"]["schema"]["$ref"] == shape
    assert {"success", "message", "errors"} <= document["components"]["schemas"][shape.rsplit("/", 1)[1]][
        "properties"
    ].keys()


def test_every_post_documents_its_key(client) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    posts = [item["post"] for item in document["paths"].values() if "post" in item]
    assert len(posts) == 31
    for post in posts:
        assert "Idempotency-Key" in {parameter["name"] for parameter in post["parameters"]}


def test_every_documented_call_is_on_the_page_for_people(client) -> None:
    document = client.get("/api/v1/openapi.json").get_json()
    page = client.get("/api/v1/docs").get_data(as_text=True)
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for method in item:
            if method != "parameters":
                assert f"{method.upper()} {path}" in page
