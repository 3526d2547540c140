"""Both doors to setting a quiz: the forms of its pages, and the calls of a program."""

from __future__ import annotations

from typing import Any

from tests.api_v1.doors import Doors, Stage, address_of, of_trainer
from tests.pages import parse

QUIZ = "/assignments/{assignment}"
OWN = "/quizzes/{assignment}"
HOUR_OF_A_FORM = "%Y-%m-%dT%H:%M"


def _as_question(sent: dict[str, Any]) -> dict[str, Any]:
    """Return a question as its form carries it, option by option."""
    fields = {name: value for name, value in sent.items() if name != "options"}
    for place, option in enumerate(sent.get("options", ())):
        fields[f"options-{place}-text"] = option["text"]
        fields |= {f"options-{place}-is_right": "y"} if option["is_right"] else {}
    return fields


def _by_put(page: str, program: str, form: Any = dict) -> Doors:
    """Return doors of which the program's is a PUT."""
    return Doors(
        of_trainer(page, program, form).page,
        lambda stage, **sent: stage.program("kofi").put(address_of(program, stage), json=sent),
        "kofi",
    )


def _change_by_page(stage: Stage, **changed: Any) -> Any:
    """Change in one of the two forms what is named, with all else as the form has it."""
    address = f"/trainer/assignments/{stage.assignment.id}"
    browser = stage.browser("kofi")
    if changed.keys() <= {"minutes", "shuffle"}:
        return browser.post(f"{address}/quiz", data=changed)
    shown = browser.get(address)
    if shown.status_code != 200:
        return shown
    typed = parse(shown).css("form[data-guard] [type=number], form[data-guard] [type=datetime-local]")
    fields = {field.attributes["name"]: field.attributes.get("value") or "" for field in typed}
    fields |= {"title": stage.assignment.title, "assignment_type": "quiz", "counted_attempt": "latest"}
    named = {"max_points": "points", "due_date": "due_at"}
    for name, value in changed.items():
        fields[named.get(name, name)] = value.strftime(HOUR_OF_A_FORM) if hasattr(value, "strftime") else value
    return browser.post(address, data=fields)


def _change_by_program(stage: Stage, **changed: Any) -> Any:
    """Change what is named in the settings as they are read."""
    kofi, path = stage.program("kofi"), f"/quizzes/{stage.assignment.id}/settings"
    read = kofi.get(path)
    if read.status_code != 200:
        return read
    said = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in changed.items()}
    return kofi.put(path, json=read.get_json()["data"] | said)


ADD_QUESTION = of_trainer(f"{QUIZ}/questions", f"{OWN}/questions", _as_question)
CHANGE_QUESTION = _by_put(f"{QUIZ}/questions/{{question}}", f"{OWN}/questions/{{question}}", _as_question)
EXPLAIN = _by_put(f"{QUIZ}/questions/{{question}}/explanation", f"{OWN}/questions/{{question}}/explanation")
MOVE_QUESTION = _by_put(
    f"{QUIZ}/questions/{{question}}/place",
    f"{OWN}/questions/{{question}}/place",
    lambda sent: {"to": sent["position"]},
)
REMOVE_QUESTION = Doors(
    of_trainer(f"{QUIZ}/questions/{{question}}/removal", "").page,
    lambda stage: stage.program("kofi").delete(address_of(f"{OWN}/questions/{{question}}", stage)),
    "kofi",
)
CHANGE_SETTINGS = Doors(_change_by_page, _change_by_program, "kofi")
