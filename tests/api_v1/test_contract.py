"""Whatever a program sends, the API answers as its document says: never a 500, never another shape."""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from portal.domain.accounts.api_tokens import start_family
from portal.web.bearer import token_keys
from tests.factories import make_assignment, make_live_class, now

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "10"))  # of each call; `make soak` tries many more
CALLS = [
    ("GET", "/auth/profile"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("GET", "/courses"),
    ("GET", "/courses/{course_id}"),
    ("GET", "/assignments/my-assignments"),
    ("GET", "/assignments/{assignment_id}"),
    ("POST", "/assignments/{assignment_id}/submit"),
    ("GET", "/live-classes/upcoming"),
    ("GET", "/dashboard/student"),
    ("GET", "/dashboard/admin"),
]
# A hand-in of the right shape may still be refused for what it holds: nothing at all, or a file of a wrong kind.
JUDGED_BY_CONTENT = {"/assignments/{assignment_id}/submit": [positive_data_acceptance]}


@pytest.fixture
def document(app, connection):
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


def test_every_documented_call_is_tried(document) -> None:
    assert {(call.ok().method.upper(), call.ok().path) for call in document.get_all_operations()} == set(CALLS)


@pytest.mark.parametrize("method, path", CALLS)
def test_every_answer_is_as_documented(document, world, cast, settings, method: str, path: str) -> None:
    make_assignment(world, cast.intake, cast.kofi)
    make_live_class(world, cast.intake, cast.kofi)
    world.commit()
    person = cast.efua if path.endswith("/admin") else cast.ama

    @given(case=document[path][method].as_strategy())
    @_thorough
    def try_out(case: schemathesis.Case) -> None:
        token = start_family(world, person.id, token_keys(settings), at=now()).access_token
        world.commit()
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        case.call_and_validate(headers=headers, excluded_checks=JUDGED_BY_CONTENT.get(path, []))

    try_out()


_thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
