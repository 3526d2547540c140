"""Speaking tus to the portal as a browser of somebody signed in."""

from __future__ import annotations

import base64
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

T = {"Tus-Resumable": "1.0.0"}
O = {"Content-Type": "application/offset+octet-stream"}  # noqa: E741 - as in the table of the protocol's cases
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(96))
"""A hundred bytes that are a picture."""


def said(**pairs: str | bytes) -> dict[str, str]:
    """Return the header that tells what a file is called, and more."""
    parts = [
        f"{key} {base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()}"
        for key, value in pairs.items()
    ]
    return {"Upload-Metadata": ",".join(parts)}


def creation(assignment: Any) -> str:
    return f"/uploads/assignments/{assignment.id}"


def begin(
    client: FlaskClient, assignment: Any, length: int = 100, name: str = "photo.jpg", **options: Any
) -> TestResponse:
    headers = T | {"Upload-Length": str(length)} | said(filename=name) | options.pop("headers", {})
    return client.post(creation(assignment), headers=headers, **options)


def begun(client: FlaskClient, assignment: Any, length: int = 100, name: str = "photo.jpg") -> str:
    """Return the address of a new upload."""
    answer = begin(client, assignment, length, name)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def send(client: FlaskClient, address: str, offset: int | str, data: bytes, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.patch(address, headers=T | O | {"Upload-Offset": str(offset)} | named, data=data)


def offset(client: FlaskClient, address: str) -> int:
    """Return how much of an upload is acknowledged."""
    answer = client.head(address, headers=T)
    assert answer.status_code == 200, answer.status_code
    return int(answer.headers["Upload-Offset"])


def sent(client: FlaskClient, assignment: Any, data: bytes = JPEG, name: str = "photo.jpg") -> str:
    """Return the public name of an upload that is whole."""
    address = begun(client, assignment, len(data), name)
    answer = send(client, address, 0, data)
    assert answer.status_code == 204, answer.text
    return address.rpartition("/")[2]
