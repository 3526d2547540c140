"""Handing in what comes in pieces, as its student, and doing what the worker would."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.assignments.models import PendingHandIn
from portal.jobs import hand_ins
from tests.factories import now
from tests.pages import words
from tests.uploads.conversation import JPEG, begun, send

PDF = b"%PDF-1.7\n" + b"an essay " * 20
JOB = "assignments.hand_in_if_complete"


def hand_in(client: FlaskClient, assignment: Any, *uploads: str, **form: Any) -> TestResponse:
    data = {"key": str(uuid4()), "text": "", "links": "", "uploads": list(uploads)} | form
    return client.post(
        f"/student/assignments/{assignment.id}/submission", data=data, content_type="multipart/form-data"
    )


def half_of(client: FlaskClient, assignment: Any, name: str = "scene.jpg") -> str:
    """Return the address of an upload of which some has come."""
    address = begun(client, assignment, name=name)
    send(client, address, 0, JPEG[:40])
    return address


def ask(client: FlaskClient, assignment: Any, *addresses: str, **form: Any) -> TestResponse:
    """Ask to hand in when these are whole."""
    names = [address.rpartition("/")[2] for address in addresses]
    return hand_in(client, assignment, when="complete", awaited=names, **form)


def finish(client: FlaskClient, address: str) -> None:
    assert send(client, address, 40, JPEG[40:]).status_code == 204


def jobs(world: Session) -> list[str]:
    """Return what the worker was asked to look at."""
    rows = world.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = :name"), {"name": JOB})
    return [row.args["pending_id"] for row in rows]


def work(world: Session) -> None:
    """Do what the worker would: every job that was asked for, in its order."""
    world.expire_all()
    for pending_id in jobs(world):
        hand_ins.hand_in_if_complete(pending_id, at=now())


def page(client: FlaskClient, assignment: Any) -> str:
    return words(client.get(f"/student/assignments/{assignment.id}"))


def pending(world: Session) -> PendingHandIn:
    world.expire_all()
    return world.scalars(select(PendingHandIn)).one()
