"""What a page or a call makes is made once: by its key, or because a second one cannot be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BLUEPRINTS = Path(__file__).resolve().parents[2] / "portal" / "blueprints"
MODULES = sorted(BLUEPRINTS.rglob("*.py"))
MAKES = ("add_", "ask_", "attach_", "begin_", "create_", "draft_", "enrol_", "form_", "give_", "invite_", "keep_")
MAKES += ("make_", "schedule_", "submit_", "take_")
ONCE_ALL_THE_SAME = {
    "add_note": "a key of the note",
    "add_room": "a name stands once, and a closed room of that name is opened",
    "ask_for_reset": "a mail with a link that works once, as often as it is asked for",
    "attach_to_brief": "the same bytes stand in a brief once",
    "begin_attempt": "one attempt is open, and a repeat finds it",
    "enrol_by_hand": "a student has one seat in an intake",
    "form_groups": "whoever is in a group is put into no other",
    "invite_by": "an e-mail address, a phone number stands once",
    "keep_files": "bytes for a form that is shown again; what is not handed in is swept",
    "keep_phrase": "the same words are kept once",
    "make_group": "a student is in one group",
    "submit_assignment": "a key of the hand-in",
    "take_all_work": "nothing is made: the trail says each time who took it",
}


def calls_of(path: Path) -> Iterator[tuple[str, str]]:
    """Every call of `perform` or `perform_once` in a module: which of the two, and the operation it is for."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args:
            by = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            operation = node.args[0]
            if by in {"perform", "perform_once"}:
                yield by, operation.attr if isinstance(operation, ast.Attribute) else getattr(operation, "id", "")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(BLUEPRINTS)))
def test_whatever_is_made_is_made_once(path: Path) -> None:
    made = [(by, operation) for by, operation in calls_of(path) if operation.startswith(MAKES)]
    assert [operation for by, operation in made if by == "perform" and operation not in ONCE_ALL_THE_SAME] == []


def test_no_reason_outlives_its_operation() -> None:
    performed = {operation for path in MODULES for by, operation in calls_of(path) if by == "perform"}
    assert sorted(ONCE_ALL_THE_SAME.keys() - performed) == []
