"""Whatever a program sends, the API answers as its document says: never a 500, never another shape."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import given
from hypothesis.strategies import sampled_from
from schemathesis.specs.openapi.checks import positive_data_acceptance

from portal.domain.accounts.api_tokens import start_family
from portal.web.bearer import token_keys
from tests.attacks.fuzzing import few_or_many, trying
from tests.conftest import undone_at_the_end
from tests.factories import make_assignment, make_live_class, now

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
    ("GET", "/assignments/submissions/{submission_id}"),
    ("POST", "/assignments/submissions/{submission_id}/grade"),
    ("POST", "/assignments/submissions/{submission_id}/withdrawal"),
    ("GET", "/assignments/submissions/{submission_id}/receipt"),
    ("GET", "/receipts/{receipt_name}"),
    ("POST", "/assignments/{assignment_id}/draft"),
    ("GET", "/assignments/{assignment_id}/extensions"),
    ("POST", "/assignments/{assignment_id}/extensions"),
    ("GET", "/assignments/extensions"),
    ("POST", "/assignments/extensions/{extension_id}/decision"),
    ("GET", "/assignments/{assignment_id}/groups"),
    ("GET", "/assignments/{assignment_id}/group"),
    ("POST", "/assignments/{assignment_id}/group"),
    ("DELETE", "/assignments/{assignment_id}/group"),
    ("GET", "/quizzes/{quiz_id}"),
    ("POST", "/quizzes/{quiz_id}/attempts"),
    ("GET", "/quizzes/attempts/{attempt_id}"),
    ("POST", "/quizzes/attempts/{attempt_id}/answers/{question_id}"),
    ("POST", "/quizzes/attempts/{attempt_id}/submission"),
    ("GET", "/quizzes/{quiz_id}/questions"),
    ("POST", "/quizzes/{quiz_id}/questions"),
    ("GET", "/quizzes/{quiz_id}/questions/{question_id}"),
    ("PUT", "/quizzes/{quiz_id}/questions/{question_id}"),
    ("DELETE", "/quizzes/{quiz_id}/questions/{question_id}"),
    ("PUT", "/quizzes/{quiz_id}/questions/{question_id}/place"),
    ("PUT", "/quizzes/{quiz_id}/questions/{question_id}/explanation"),
    ("GET", "/quizzes/{quiz_id}/settings"),
    ("PUT", "/quizzes/{quiz_id}/settings"),
    ("GET", "/quizzes/submissions/{submission_id}"),
    ("POST", "/quizzes/submissions/{submission_id}/grade"),
    ("POST", "/assignments/extensions/{extension_id}/withdrawal"),
    ("GET", "/assignments/{assignment_id}/extensions/given"),
    ("POST", "/assignments/{assignment_id}/extensions/given"),
    ("GET", "/rubrics"),
    ("POST", "/rubrics"),
    ("GET", "/rubrics/{rubric_id}"),
    ("POST", "/rubrics/{rubric_id}/versions"),
    ("POST", "/rubrics/{rubric_id}/archive"),
    ("POST", "/assignments/{assignment_id}/rubric"),
    ("POST", "/assignments/{assignment_id}/archive"),
    ("GET", "/assignments/submissions/{submission_id}/notes"),
    ("POST", "/assignments/submissions/{submission_id}/notes"),
    ("POST", "/assignments/submissions/{submission_id}/notes/{note_id}/answers"),
    ("POST", "/assignments/submissions/{submission_id}/notes/{note_id}/tick"),
    ("GET", "/assignments/{assignment_id}/notes"),
    ("POST", "/assignments/{assignment_id}/notes/{note_id}/answers"),
    ("POST", "/assignments/{assignment_id}/notes/{note_id}/tick"),
    ("GET", "/assignments/{assignment_id}/release"),
    ("POST", "/assignments/{assignment_id}/release"),
    ("POST", "/assignments/submissions/{submission_id}/release"),
    ("GET", "/assignments/{assignment_id}/figures"),
    ("POST", "/assignments/{assignment_id}/reminders"),
    ("POST", "/uploads/assignments/{assignment_id}"),
    ("HEAD", "/uploads/{upload_id}"),
    ("PATCH", "/uploads/{upload_id}"),
    ("DELETE", "/uploads/{upload_id}"),
    ("GET", "/results/my-results/{intake_id}"),
    ("GET", "/results/intakes/{intake_id}/gradebook"),
    ("GET", "/results/intakes/{intake_id}/weights"),
    ("PUT", "/results/intakes/{intake_id}/weights"),
    ("GET", "/attachments/{attachment_id}"),
    ("GET", "/live-classes/upcoming"),
    ("GET", "/dashboard/student"),
    ("GET", "/dashboard/admin"),
]
PEOPLE = ["ama", "kofi", "efua", "nobody"]
# A hand-in of the right shape may still be refused for what it holds: nothing at all, or a file of a wrong kind;
# a mark for being more than the assignment has points, a question for having two right answers where one is, a rubric
# for having nothing to choose, a quiz for closing before it opens, a cursor for being made up.
JUDGED_BY_CONTENT = {
    "/assignments/{assignment_id}/submit": [positive_data_acceptance],
    "/assignments/submissions/{submission_id}/grade": [positive_data_acceptance],
    "/assignments/{assignment_id}/extensions": [positive_data_acceptance],
    "/quizzes/{quiz_id}/questions": [positive_data_acceptance],
    "/quizzes/{quiz_id}/questions/{question_id}": [positive_data_acceptance],
    "/quizzes/{quiz_id}/settings": [positive_data_acceptance],
    "/quizzes/attempts/{attempt_id}/answers/{question_id}": [positive_data_acceptance],
    "/quizzes/submissions/{submission_id}/grade": [positive_data_acceptance],
    "/assignments/extensions": [positive_data_acceptance],
    "/assignments/{assignment_id}/extensions/given": [positive_data_acceptance],
    "/assignments/{assignment_id}/draft": [positive_data_acceptance],
    "/assignments/submissions/{submission_id}/notes": [positive_data_acceptance],
    "/rubrics": [positive_data_acceptance],
    "/rubrics/{rubric_id}/versions": [positive_data_acceptance],
    "/receipts/{receipt_name}": [positive_data_acceptance],
}


schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@pytest.fixture(scope="module")
def document(app, engine):
    """The document, as a program gets it: read once, for to make ready what is drawn from it takes long."""
    with undone_at_the_end(engine):
        return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


def test_every_documented_call_is_tried(document) -> None:
    assert {(call.ok().method.upper(), call.ok().path) for call in document.get_all_operations()} == set(CALLS)


@pytest.mark.parametrize("method, path", CALLS)
@few_or_many(8, 600)
def test_every_answer_is_as_documented(
    document, app, world, cast, settings, monkeypatch, method: str, path: str, examples: int
) -> None:
    monkeypatch.setitem(app.config, "EVEN_ANSWER_SECONDS", 0)
    make_assignment(world, cast.intake, cast.kofi)
    make_live_class(world, cast.intake, cast.kofi)
    world.commit()

    @given(case=document[path][method].as_strategy(), who=sampled_from(PEOPLE))
    @trying(examples)
    def try_out(case: schemathesis.Case, who: str) -> None:
        headers = {"Accept-Encoding": "identity"}
        if who != "nobody":
            token = start_family(world, getattr(cast, who).id, token_keys(settings), at=now()).access_token
            world.commit()
            headers["Authorization"] = f"Bearer {token}"
        case.call_and_validate(headers=headers, excluded_checks=JUDGED_BY_CONTENT.get(path, []))

    try_out()
