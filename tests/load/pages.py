"""What is measured: the main pages and calls, who asks for each, and a hand-in of one megabyte."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

import brotli
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import TokenKeys, start_family
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Submission, SubmissionState
from tests.factories import make_session, now
from tests.load.server import JWT_KEY, SECRET_KEY
from tests.load.term import BUSY_STUDENT, Sizes, key, open_assignment_of
from tests.load.visitors import RequestOf, ask_once
from tests.load.weights import Fetched

MEGABYTE = 1_000_000
HAND_IN = "A hand-in of 1 MB"
LISTS = ("API: courses", "API: own assignments")
READING = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip, br\r\n{own}\r\n"


@dataclass(frozen=True)
class Page:
    """A page or call as it is asked for."""

    name: str
    request_of: RequestOf
    expected: int = 200


@dataclass(frozen=True)
class SignedIn:
    """What a browser holds: the cookie, and the token its forms carry."""

    cookie: str
    csrf: str


def the_pages(database_url: str, sizes: Sizes, port: int, visitors: int) -> list[Page]:
    """Return everything to measure on a filled database, with the people it needs signed in."""
    engine = create_engine(database_url)
    with Session(engine) as session:
        student = _sign_in(session, key("student", BUSY_STUDENT))
        trainer = _sign_in(session, key("trainer", 0))
        admin = _sign_in(session, key("admin", 0))
        numbers = [who % sizes.students for who in range(visitors)]
        senders = [(_sign_in(session, key("student", one)), open_assignment_of(one, sizes)) for one in numbers]
        token = start_family(session, key("student", BUSY_STUDENT), _keys(port), at=now()).access_token
        submission = _one_to_mark(session, key("intake", 0))
        session.commit()
    engine.dispose()
    assignment = open_assignment_of(BUSY_STUDENT, sizes)

    def page(name: str, path: str, person: SignedIn | None = None) -> Page:
        return Page(name, _reading(path, port, _cookie(person)))

    return [
        page("Home", "/"),
        page("Catalogue", "/courses"),
        page("Course", "/courses/course-0"),
        page("Student: dashboard", "/student/", student),
        page("Student: assignment", f"/student/assignments/{assignment}", student),
        page("Student: materials", f"/student/courses/{key('intake', 0)}", student),
        page("Student: week of classes", "/student/live-classes", student),
        page("Trainer: marking queue", "/trainer/marking", trainer),
        page("Trainer: one submission", f"/trainer/submissions/{submission}", trainer),
        page("Admin: dashboard", "/admin/", admin),
        page("Admin: people", "/admin/people", admin),
        page("API: courses", "/api/v1/courses"),
        Page(
            "API: own assignments",
            _reading("/api/v1/assignments/my-assignments", port, f"Authorization: Bearer {token}\r\n"),
        ),
        Page(HAND_IN, _handing_in(senders, port), expected=303),
    ]


def fetchers(database_url: str, port: int) -> dict[str, Callable[[str], Fetched]]:
    """Return for everybody with a start page how their browser fetches an address of the portal on this port."""
    engine = create_engine(database_url)
    with Session(engine) as session:
        people = {
            "Public": None,
            "Student": _sign_in(session, key("student", BUSY_STUDENT)),
            "Trainer": _sign_in(session, key("trainer", 0)),
            "Admin": _sign_in(session, key("admin", 0)),
        }
        session.commit()
    engine.dispose()
    return {who: partial(_fetch, port, person) for who, person in people.items()}


def _fetch(port: int, person: SignedIn | None, path: str) -> Fetched:
    answer = ask_once(port, _reading(path, port, _cookie(person))(0))
    assert answer.status == 200, f"{path}: {answer.head!r}"
    octets = len(answer.head) + len(b"\r\n\r\n") + len(answer.body)
    encoding = next((name for name in (b"br", b"gzip") if b"Content-Encoding: " + name in answer.head), b"")
    read = {b"br": brotli.decompress, b"gzip": gzip.decompress}.get(encoding, bytes)
    return Fetched(octets, read(answer.body).decode(errors="replace"))


def _cookie(person: SignedIn | None) -> str:
    return f"Cookie: portal={person.cookie}\r\n" if person else ""


def _reading(path: str, port: int, own: str) -> RequestOf:
    request = READING.format(path=path, port=port, own=own).encode()
    return lambda _visitor: request


def _handing_in(senders: list[tuple[SignedIn, UUID]], port: int) -> RequestOf:
    """Each visitor is another student, and every hand-in a new attempt: a repeated key would hand in nothing."""
    photo = b"\xff\xd8\xff\xe0" + os.urandom(MEGABYTE)

    def request(visitor: int) -> bytes:
        person, assignment = senders[visitor]
        fields = {"csrf_token": person.csrf, "key": str(uuid4()), "text": "My work.", "links": ""}
        mark = uuid4().hex
        form = "".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        file = 'Content-Disposition: form-data; name="files"; filename="photo.jpg"\r\nContent-Type: image/jpeg'
        body = b"".join((form.encode(), f"--{mark}\r\n{file}\r\n\r\n".encode(), photo, f"\r\n--{mark}--\r\n".encode()))
        head = (
            f"POST /student/assignments/{assignment}/submission HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Cookie: portal={person.cookie}\r\nContent-Type: multipart/form-data; boundary={mark}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    return request


def _sign_in(session: Session, person: UUID) -> SignedIn:
    user = session.get(User, person)
    assert user is not None
    cookie, row = make_session(session, user)
    return SignedIn(cookie, URLSafeTimedSerializer(SECRET_KEY, salt="wtf-csrf-token").dumps(row.csrf_token))


def _one_to_mark(session: Session, intake: UUID) -> UUID:
    """Return a submission of this intake, one that waits for its mark where there is any."""
    waits = Submission.state == SubmissionState.SUBMITTED
    statement = (
        select(Submission.id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Assignment.intake_id == intake)
        .order_by(waits.desc(), Submission.submitted_at)
        .limit(1)
    )
    return session.execute(statement).scalar_one()


def _keys(port: int) -> TokenKeys:
    return TokenKeys(issuer=f"http://127.0.0.1:{port}", signing=(JWT_KEY,), deriving=(SECRET_KEY,))
