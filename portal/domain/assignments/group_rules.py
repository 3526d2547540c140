"""The rules of groups that need no rows: how a lot is drawn, which dates a group has, until when students choose,
and what becomes of a group with fewer members than were meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

Drawn = TypeVar("Drawn")

MOST_IN_A_GROUP = 50


class ChoiceRefusal(StrEnum):
    """Why a student cannot choose a group now, as a sentence for the student."""

    TRAINER_FORMS = "Your trainer forms the groups of this assignment. Ask your trainer if you are in none."
    OVER = "The time to choose a group has passed. Ask your trainer."
    HANDED_IN = "Your group has handed in, so it stays as it is. Ask your trainer if it must change."


class SmallGroupAdvice(StrEnum):
    """What somebody in a group with fewer members than were meant can do, as a sentence for the student."""

    CHOOSE = "Ask somebody who is in no group to join yours, or leave it and join another."
    ASK_TRAINER = "Ask your trainer to bring somebody in, or you into another group."


def latest_hours(granted: Iterable[int]) -> int:
    """Return by how many hours the dates of a group are later: by the most that any of its members was granted.

    Nobody who was given time loses it by working with others, and nobody hands in later than somebody of the group.
    """
    return max(granted, default=0)


def choice_refusal(
    by_students: bool, until: datetime | None, due_at: datetime, at: datetime, *, handed_in: bool
) -> ChoiceRefusal | None:
    """Return why nobody chooses at this moment, or None; without a date of its own it ends when the work is due."""
    if not by_students:
        return ChoiceRefusal.TRAINER_FORMS
    if at > (until or due_at):
        return ChoiceRefusal.OVER
    return ChoiceRefusal.HANDED_IN if handed_in else None


def advice_if_small(members: int, least: int, *, can_choose: bool, handed_in: bool) -> SmallGroupAdvice | None:
    """Return what a group can do that has fewer members than were meant; None where it is large enough, or done.

    It may hand in all the same: nobody loses work because a partner left.
    """
    if members >= least or handed_in:
        return None
    return SmallGroupAdvice.CHOOSE if can_choose else SmallGroupAdvice.ASK_TRAINER


def can_be_divided(students: int, least: int, most: int) -> bool:
    """Return whether so many students can all be in groups of at least and at most so many."""
    return math.ceil(students / most) * least <= students


def sizes(students: int, of: int, least: int, most: int) -> list[int]:
    """Return how large the groups become when so many students form groups of so many, as even as can be.

    No group is larger than `most`, nor smaller than `least` unless there is no other way; where it does not come out
    even some have one more than wanted, or one fewer.
    """
    if students <= 0:
        return []
    of = max(least, min(of, most))
    number = max(students // of, math.ceil(students / most))
    small, larger = divmod(students, number)
    if small > of and students // (number + 1) >= least:  # the rest is more than one more for each
        number += 1
        small, larger = divmod(students, number)
    return [small + 1] * larger + [small] * (number - larger)


def split(students: Sequence[Drawn], of: int, least: int, most: int) -> list[list[Drawn]]:
    """Return students, in the order of the lot, as groups."""
    drawn = iter(students)
    return [[next(drawn) for _ in range(size)] for size in sizes(len(students), of, least, most)]


def free_names(number: int, taken: Iterable[str]) -> list[str]:
    """Return so many names `Group 1`, `Group 2` that no group has."""
    known = {name.casefold() for name in taken}
    names = (f"Group {count}" for count in range(1, number + len(known) + 1))
    return [name for name in names if name.casefold() not in known][:number]
