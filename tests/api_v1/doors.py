"""Pages and programs side by side: the same wish of the same person, brought to both doors of the portal."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.accounts.models import User
from portal.domain.assignments.extension_models import Extension
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.note_models import ReviewNote
from portal.domain.assignments.queries import submission_for
from portal.domain.assignments.rubric_models import Rubric
from portal.domain.quizzes.reading import questions_of
from tests.api_v1.conftest import Program
from tests.attacks.attackers import footprint
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import parse, words
from tests.uploads.conversation import T, said

KEPT_OF_A_REFUSED_FORM = {"files"}
"""A page keeps the files of a form that it refuses, so that they need not be sent again."""
NOTHING_HERE = "There is nothing at this address for you."

Files = tuple[tuple[str, bytes], ...]


@dataclass
class Stage:
    """What a rule is tried on: the people, an assignment of Kofi's, and what was done with it so far."""

    world: Session
    cast: Cast
    sign_in: Callable[[User], FlaskClient]
    program_of: Callable[[User], Program]
    assignment: Assignment = None  # given by the one who arranges it
    who: str = ""
    """Who tries, if it is not the one who usually does."""
    there: dict[str, Any] = field(default_factory=dict)
    _browsers: dict[str, FlaskClient] = field(default_factory=dict)
    _programs: dict[str, Program] = field(default_factory=dict)

    def set_work(self, **values: Any) -> None:
        """Have Kofi's assignment with these values; a span of time is so far from now."""
        given = {name: now() + value if isinstance(value, timedelta) else value for name, value in values.items()}
        self.assignment = make_assignment(self.world, self.cast.intake, self.cast.kofi, **given)
        self.world.commit()

    def get_ready(self, usual: str) -> FlaskClient:
        """Return the browser of whoever tries, signed in as their program is: that is no change by a rule."""
        name = self.who or usual
        self._browsers[name] = self.sign_in(getattr(self.cast, name))
        self._programs[name] = self.program_of(getattr(self.cast, name))
        return self._browsers[name]

    def browser(self, usual: str) -> FlaskClient:
        return self._browsers[self.who or usual]

    def program(self, usual: str) -> Program:
        return self._programs[self.who or usual]

    def the(self, model: Any) -> Any:
        """Return the one row of a table."""
        return self.world.scalars(select(model)).one()


Door = Callable[..., TestResponse]


@dataclass(frozen=True)
class Doors:
    """The two ways to wish for the same, and who usually does."""

    page: Door
    program: Door
    usual: str = "ama"


Step = Callable[[Stage], None]


@dataclass(frozen=True)
class Rule:
    """Who wishes for what is refused in these words."""

    what: str
    doors: Doors
    status: int
    words: str
    """Said by both; empty where each names its own field."""
    work: dict[str, Any] = field(default_factory=dict)
    before: tuple[Step, ...] = ()
    sent: dict[str, Any] = field(default_factory=dict)
    who: str = ""


def assert_refused_alike(
    rule: Rule,
    world: Session,
    cast: Cast,
    sign_in: Callable[[User], FlaskClient],
    program_of: Callable[[User], Program],
) -> None:
    """Arrange what a rule is about and try it at both doors: both refuse in the same words, and nothing is changed."""
    stage = Stage(world, cast, sign_in, program_of, who=rule.who)
    stage.set_work(**rule.work)
    for step in rule.before:
        step(stage)
    browser = stage.get_ready(rule.doors.usual)
    before = kept(world)
    page = rule.doors.page(stage, **rule.sent)
    status, shown = heard(browser, page)
    assert kept(world) == before, "a page changed something"
    answer = rule.doors.program(stage, **rule.sent)
    code, sentences = told(answer)
    assert kept(world) == before, "a program changed something"
    assert (status, code) == (rule.status, rule.status), (shown[-400:], sentences)
    assert rule.words in shown
    assert rule.words in " ".join(sentences)


def kept(world: Session) -> dict[str, str]:
    """Return a checksum of everything that no refusal may change."""
    return {name: checksum for name, checksum in footprint(world).items() if name not in KEPT_OF_A_REFUSED_FORM}


def heard(browser: FlaskClient, answer: TestResponse) -> tuple[int, str]:
    """Return status and words of a page; a refusal that is told on the next page is one as things stand (409)."""
    if answer.status_code != 303:
        return answer.status_code, words(answer) if answer.mimetype == "text/html" else answer.text
    following = parse(browser.get(answer.headers["Location"])).css_first("#flash")
    problem = following.css_first(".problem, [class*=problem]")
    return (409, words(problem)) if problem is not None else (303, words(following))


def told(answer: TestResponse) -> tuple[int, list[str]]:
    """Return status and sentences of the API."""
    body = answer.get_json()
    beside = [error["msg"] for error in body.get("errors", ())]
    return answer.status_code, beside or [body["message"]]


def _multipart(pairs: dict[str, Any], files: Files) -> dict[str, Any]:
    sent = pairs | {"files": [(io.BytesIO(content), name) for name, content in files]}
    return {"data": sent, "content_type": "multipart/form-data"}


def _hand_in_by_page(stage: Stage, text: str = "", links: str = "", files: Files = (), uploads: str = "") -> Any:
    pairs = {"key": str(uuid4()), "text": text, "links": links} | ({"uploads": uploads} if uploads else {})
    pairs |= {"uploads": stage.there["upload"]} if uploads == "sent" else {}
    address = f"/student/assignments/{stage.assignment.id}/submission"
    return stage.browser("ama").post(address, **_multipart(pairs, files))


def _hand_in_by_program(stage: Stage, text: str = "", links: str = "", files: Files = (), uploads: str = "") -> Any:
    pairs: dict[str, Any] = {"submission_text": text, "links": links.split()}
    pairs |= {"uploads": stage.there["upload"] if uploads == "sent" else uploads} if uploads else {}
    return stage.program("ama").post(f"/assignments/{stage.assignment.id}/submit", **_multipart(pairs, files))


def _begin_by_page(stage: Stage, name: str = "photo.jpg", length: int = 100) -> Any:
    headers = T | {"Upload-Length": str(length)} | said(filename=name)
    return stage.browser("ama").post(f"/uploads/assignments/{stage.assignment.id}", headers=headers)


def _begin_by_program(stage: Stage, name: str = "photo.jpg", length: int = 100) -> Any:
    headers = T | {"Upload-Length": str(length)} | said(filename=name)
    return stage.program("ama").post(f"/uploads/assignments/{stage.assignment.id}", headers=headers)


def of_student(page: str, program: str, form: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Doors:
    return _doors("ama", "/student", page, program, form)


def of_trainer(page: str, program: str, form: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Doors:
    return _doors("kofi", "/trainer", page, program, form)


def _doors(who: str, front: str, page: str, program: str, form: Callable[[dict[str, Any]], dict[str, Any]]) -> Doors:
    """Return doors that take the same fields, as a form and as JSON; `form` says what the form calls them."""
    return Doors(
        lambda stage, **sent: stage.browser(who).post(front + address_of(page, stage), data=form(_filled(stage, sent))),
        lambda stage, **sent: stage.program(who).post(address_of(program, stage), json=_filled(stage, sent)),
        who,
    )


def address_of(pattern: str, stage: Stage) -> str:
    """Fill in the ids of what there is; of the questions of a quiz, the first."""
    models = {"submission": Submission, "extension": Extension, "note": ReviewNote, "rubric": Rubric}
    ids = {name: stage.the(model).id for name, model in models.items() if f"{{{name}}}" in pattern}
    if "{question}" in pattern:
        ids["question"] = questions_of(stage.world, stage.assignment.id)[0].id
    return pattern.format(assignment=stage.assignment.id, **ids)


def _filled(stage: Stage, sent: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent, with what only the stage knows: a function is asked."""
    return {name: value(stage) if callable(value) else value for name, value in sent.items()}


def _as_mark(sent: dict[str, Any]) -> dict[str, Any]:
    """Return a mark as the form of the bench carries it."""
    named = {"points": sent.get("grade") or "", "feedback": sent.get("feedback", ""), "reason": sent.get("reason", "")}
    named |= {"seen": sent.get("seen") or ""} | ({"release": "y"} if sent.get("release") else {})
    return named | {f"level-{level['criterion_id']}": level["level_id"] for level in sent.get("levels", ())}


def _as_rubric(sent: dict[str, Any]) -> dict[str, Any]:
    """Return a rubric as its form carries it, row by row."""
    fields = {"title": sent["title"], "course_id": sent.get("course_id") or ""}
    for place, criterion in enumerate(sent["criteria"]):
        fields[f"criteria-{place}-title"] = criterion["title"]
        for level_place, level in enumerate(criterion["levels"]):
            fields |= {f"criteria-{place}-levels-{level_place}-{name}": value for name, value in level.items()}
    return fields


def _as_decision(sent: dict[str, Any]) -> dict[str, Any]:
    return {"decision": "grant", "hours": sent["hours"], "answer": sent.get("answer", "")}


def _as_draft(sent: dict[str, Any]) -> dict[str, Any]:
    return {"text": sent.get("submission_text", ""), "links": "\n".join(sent.get("links", ()))}


def _as_note(sent: dict[str, Any]) -> dict[str, Any]:
    return {"key": str(uuid4()), "position": sent["file"], "place": sent["place"], "text": sent["text"]}


def _as_answer(sent: dict[str, Any]) -> dict[str, Any]:
    return {"key": str(uuid4()), "text": sent["text"]}


def _as_ticked(sent: dict[str, Any]) -> dict[str, Any]:
    return {"hours": sent["hours"], "ids": sent["enrolment_ids"]}


def _choose_by_page(stage: Stage, version_id: Any) -> Any:
    """Change the rubric in the form of the assignment, with all else as the form has it."""
    browser, address = stage.browser("kofi"), f"/trainer/assignments/{stage.assignment.id}"
    shown = browser.get(address)
    if shown.status_code != 200:
        return shown
    due_at = parse(shown).css_first("input[name=due_at]").attributes["value"]
    fields = {"title": stage.assignment.title, "assignment_type": "homework", "points": stage.assignment.points}
    fields |= {"weight": 1, "due_at": due_at, "max_files": 10, "counted_attempt": "latest", "late_floor_percent": 0}
    return browser.post(address, data=fields | {"rubric_version_id": version_id(stage)})


def _choose_by_program(stage: Stage, version_id: Any) -> Any:
    path = f"/assignments/{stage.assignment.id}/rubric"
    return stage.program("kofi").post(path, json={"version_id": version_id(stage)})


HAND_IN = Doors(_hand_in_by_page, _hand_in_by_program)
BEGIN_UPLOAD = Doors(_begin_by_page, _begin_by_program)
KEEP_DRAFT = of_student("/assignments/{assignment}/draft", "/assignments/{assignment}/draft", _as_draft)
WITHDRAW = of_student("/submissions/{submission}/withdrawal", "/assignments/submissions/{submission}/withdrawal")
ASK = of_student("/assignments/{assignment}/extensions", "/assignments/{assignment}/extensions")
TAKE_A_DAY = Doors(
    lambda stage: stage.browser("ama").post(f"/student/assignments/{stage.assignment.id}/extensions/automatic"),
    lambda stage: stage.program("ama").post(f"/assignments/{stage.assignment.id}/extensions", json={"automatic": True}),
)
TAKE_BACK = of_student("/extensions/{extension}/withdrawal", "/assignments/extensions/{extension}/withdrawal")
DECIDE = of_trainer("/extensions/{extension}/decision", "/assignments/extensions/{extension}/decision", _as_decision)
GIVE = of_trainer("/assignments/{assignment}/extensions", "/assignments/{assignment}/extensions/given", _as_ticked)
MARK = of_trainer("/submissions/{submission}/grade", "/assignments/submissions/{submission}/grade", _as_mark)
RELEASE = of_trainer("/submissions/{submission}/release", "/assignments/submissions/{submission}/release")
RELEASE_ALL = of_trainer("/assignments/{assignment}/release", "/assignments/{assignment}/release")
CREATE_RUBRIC = of_trainer("/rubrics", "/rubrics", _as_rubric)
CHANGE_RUBRIC = of_trainer("/rubrics/{rubric}", "/rubrics/{rubric}/versions", _as_rubric)
PUT_AWAY = of_trainer("/rubrics/{rubric}/archive", "/rubrics/{rubric}/archive")
CHOOSE_RUBRIC = Doors(_choose_by_page, _choose_by_program, "kofi")
PUT_NOTE = of_trainer("/submissions/{submission}/notes", "/assignments/submissions/{submission}/notes", _as_note)
ANSWER_NOTE = of_trainer(
    "/submissions/{submission}/notes/{note}/answers",
    "/assignments/submissions/{submission}/notes/{note}/answers",
    _as_answer,
)
ANSWER_OWN_NOTE = of_student(
    "/assignments/{assignment}/notes/{note}/answers", "/assignments/{assignment}/notes/{note}/answers", _as_answer
)
TICK_OWN_NOTE = of_student(
    "/assignments/{assignment}/notes/{note}/tick",
    "/assignments/{assignment}/notes/{note}/tick",
    lambda sent: {"done": "yes" if sent["done"] else ""},
)
ARCHIVE = of_trainer("/assignments/{assignment}/archive", "/assignments/{assignment}/archive")
REMIND = of_trainer("/assignments/{assignment}/reminders", "/assignments/{assignment}/reminders")
OWN_RECEIPT = Doors(
    lambda stage: stage.browser("ama").get(f"/student/submissions/{stage.the(Submission).id}/receipt"),
    lambda stage: stage.program("ama").get(f"/assignments/submissions/{stage.the(Submission).id}/receipt"),
)
VERIFY = Doors(
    lambda stage, code: stage.browser("ama").get(f"/receipts/{stage.the(Submission).number}-{code}"),
    lambda stage, code: stage.program("ama").get(f"/receipts/{stage.the(Submission).number}-{code}"),
)


def first_criterion(stage: Stage) -> Any:
    """Return the first criterion of the rubric that the work is marked by."""
    return submission_for(stage.world, stage.cast.kofi.id, stage.the(Submission).id).rubric.criteria[0]
