"""A program that calls the API for a person, and what every answer must look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.accounts.api_tokens import start_family
from portal.web.bearer import token_keys
from tests.factories import now


class Program:
    """Calls `/api/v1` with a token, and checks the envelope of every answer."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self._client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self._checked(self._client.get(f"/api/v1{path}", query_string=query, headers=self.headers))

    def follow(self, address: str) -> TestResponse:
        """Get what an answer gave the address of."""
        return self._checked(self._client.get(address, headers=self.headers))

    def post(self, path: str, *, key: str | None = None, **content: Any) -> TestResponse:
        headers = self.headers | content.pop("headers", {}) | ({"Idempotency-Key": key} if key else {})
        return self._checked(self._client.post(f"/api/v1{path}", headers=headers, **content))

    def delete(self, path: str) -> TestResponse:
        return self._checked(self._client.delete(f"/api/v1{path}", headers=self.headers))

    def put(self, path: str, **content: Any) -> TestResponse:
        return self._checked(self._client.put(f"/api/v1{path}", headers=self.headers, **content))

    @staticmethod
    def _checked(response: TestResponse) -> TestResponse:
        body = response.get_json()
        assert body["success"] is (response.status_code < 400)
        assert isinstance(body["message"], str)
        assert ("data" in body) is body["success"]
        return response


def assert_refused(response: TestResponse, status: int, field: str | None = None) -> None:
    """The answer refuses with this status, in the documented shape, and names the field."""
    body = response.get_json()
    assert response.status_code == status, body
    assert body["success"] is False
    assert body["message"]
    if field:
        assert field in {error["path"] for error in body["errors"]}


@pytest.fixture
def program(app: Flask, world: Session, settings: Any) -> Callable[..., Program]:
    """`program(cast.ama)` calls the API as Ama; `program()` as nobody."""

    def program(person: Any = None) -> Program:
        if person is None:
            return Program(app, None)
        token = start_family(world, person.id, token_keys(settings), at=now()).access_token
        world.commit()
        return Program(app, token)

    return program
