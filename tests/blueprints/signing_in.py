"""How tests sign in as people do: by the form."""

from __future__ import annotations

from typing import Any

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.accounts import passwords
from portal.domain.accounts.models import User
from tests.pages import CheckedClient, parse

PASSWORD = "seven goats under a mango"
WRONG = "eight goats under a mango"


def with_password(world: Session, person: User, password: str = PASSWORD) -> User:
    """Give a person a password."""
    person.password_hash = passwords.hash_password(password)
    world.commit()
    return person


def browser(app: Flask) -> CheckedClient:
    """Return a new browser."""
    return app.test_client()


def fill_in(client: CheckedClient, address: str, _from: str = "203.0.113.7", **fields: Any) -> TestResponse:
    """Open a page, fill in its form and send it."""
    page = client.get(address, environ_base={"REMOTE_ADDR": _from})
    token = parse(page).css_first("form input[name=csrf_token]").attributes["value"]
    return client.post(address, data={"csrf_token": token, **fields}, environ_base={"REMOTE_ADDR": _from})


def try_to_sign_in(
    client: CheckedClient, name: str, password: str, _from: str = "203.0.113.7", **more: Any
) -> TestResponse:
    return fill_in(client, "/login", _from, email=name, password=password, **more)


def is_signed_in(client: CheckedClient) -> bool:
    return bool(client.get("/account").status_code == 200)
