"""What each kind of notification says: its sentences on the page, and whether its mail may wait for the day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from portal.domain.notifications.models import NotificationKind

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """One notification in words: a title that is also the subject of its mail, and a sentence."""

    title: str
    body: str


@dataclass(frozen=True)
class Kind:
    """What a kind needs to know, how it is said, and when its mail is sent."""

    needs: frozenset[str]
    say: Callable[[Data, tzinfo], Said]
    can_wait: bool = True
    """Whether its mail is kept back at night; a class moved to seven in the morning is not."""


def say(kind: NotificationKind | str, data: Data, zone: tzinfo) -> Said:
    """Return what a notification says to a person whose clock is `zone`."""
    return KINDS[NotificationKind(kind)].say(data, zone)


def refuse_incomplete(kind: NotificationKind, data: Data) -> None:
    """Raise `TypeError` if the sentences of this kind lack something: the caller's mistake, found at once."""
    missing = (KINDS[kind].needs | {"path"}) - data.keys()
    if missing:
        raise TypeError(f"A notification of kind {kind} also needs {', '.join(sorted(missing))}")


def moment(text: str, zone: tzinfo) -> str:
    """Return a moment as people say it: Monday 7 December, 10:00."""
    at = datetime.fromisoformat(text).astimezone(zone)
    return f"{at:%A} {at.day} {at:%B}, {at:%H:%M}"


def span(start: str, end: str, zone: tzinfo) -> str:
    """Return from when to when: Monday 7 December, 10:00 to 12:00."""
    ends = datetime.fromisoformat(end).astimezone(zone)
    return f"{moment(start, zone)} to {ends:%H:%M}"


def day(text: str) -> str:
    """Return a date as people say it: Monday 7 December 2026."""
    on = date.fromisoformat(text)
    return f"{on:%A} {on.day} {on:%B %Y}"


def _because(data: Data) -> str:
    reason = str(data.get("reason") or "").strip()
    return f" Reason: {reason}" if reason else ""


def _invitation(_data: Data, _zone: tzinfo) -> Said:
    return Said("You are invited to the portal", "Choose a password to begin.")


def _password_reset(_data: Data, _zone: tzinfo) -> Said:
    return Said("Choose a new password", "Somebody, most likely you, asked to choose a new password.")


def _password_changed(_data: Data, _zone: tzinfo) -> Said:
    return Said("Your password was changed", "If this was not you, tell the office at once.")


def _enrolled(data: Data, _zone: tzinfo) -> Said:
    return Said(
        f"You are enrolled in {data['course']}",
        f"Your intake, {data['intake']}, starts on {day(data['starts_on'])}.",
    )


def _enrolment_ended(data: Data, _zone: tzinfo) -> Said:
    return Said(
        f"Your enrolment in {data['course']} has ended",
        f"Your work, marks and receipts of {data['intake']} stay here for you.{_because(data)}",
    )


def _material_released(data: Data, _zone: tzinfo) -> Said:
    return Said(f"New material: {data['title']}", f"It is there for you in {data['course']}.")


def _assignment_published(data: Data, zone: tzinfo) -> Said:
    return Said(
        f"New assignment: {data['title']}", f"In {data['course']}, to be handed in by {moment(data['due_at'], zone)}."
    )


def _assignment_reminder(data: Data, zone: tzinfo) -> Said:
    return Said(f"Not handed in yet: {data['title']}", f"In {data['course']}, due {moment(data['due_at'], zone)}.")


def _group_changed(data: Data, _zone: tzinfo) -> Said:
    if data.get("left"):
        return Said(f"{data['by']} left your group: {data['title']}", f"“{data['group']}” goes on without them.")
    if data["group"] is None:
        return Said(
            f"You are in no group now: {data['title']}",
            f"{data['by']} took you out of “{data['was']}”. Nothing can be handed in before you are in a group again.",
        )
    change = f"moved you from “{data['was']}”" if data["was"] else "put you into it"
    return Said(f"You are in “{data['group']}” now: {data['title']}", f"{data['by']} {change}.")


def _submission_received(data: Data, zone: tzinfo) -> Said:
    by = f"Handed in for you by {data['by']}. " if data.get("by") else ""
    return Said(
        f"Your work was received: {data['title']}",
        f"{by}Receipt {data['number']}, code {data['code']}, {moment(data['received_at'], zone)}.",
    )


def _submission_withdrawn(data: Data, _zone: tzinfo) -> Said:
    return Said(
        f"Withdrawn: {data['title']}",
        f"{data['by']} has withdrawn what your group handed in, receipt {data['number']}. It counts for nothing now.",
    )


def _hand_in_refused(data: Data, _zone: tzinfo) -> Said:
    return Said(f"Not handed in: {data['title']}", f"{data['why']} What you sent is still on its page.")


def _not_handed_in(data: Data, zone: tzinfo) -> Said:
    return Said(
        f"Not handed in yet: {data['title']}",
        f"Your files have arrived and wait for you. It is due {moment(data['due_at'], zone)}.",
    )


def _extension_asked(data: Data, _zone: tzinfo) -> Said:
    return Said(f"More time is asked for: {data['title']}", f"{data['more']} more. Grant or refuse it.")


def _extension_decided(data: Data, zone: tzinfo) -> Said:
    answer = f" {data['answer']}" if data.get("answer") else ""
    due = f"It is due {moment(data['due_at'], zone)}."
    if data["more"]:
        return Said(f"You have {data['more']} more: {data['title']}", f"{due}{answer}")
    return Said(f"No more time: {data['title']}", f"{due}{answer}")


def _mark_released(data: Data, _zone: tzinfo) -> Said:
    return Said(f"Your mark is there: {data['title']}", f"See mark and feedback of your work in {data['course']}.")


def _class_scheduled(data: Data, zone: tzinfo) -> Said:
    return Said(
        f"New class: {data['title']}",
        f"{data['course']}: {span(data['starts_at'], data['ends_at'], zone)}, {data['place']}.",
    )


def _class_moved(data: Data, zone: tzinfo) -> Said:
    return Said(
        f"Class moved: {data['title']}",
        f"{data['course']}: now {span(data['starts_at'], data['ends_at'], zone)}, {data['place']}. "
        f"It was {moment(data['was_at'], zone)}.",
    )


def _class_cancelled(data: Data, zone: tzinfo) -> Said:
    return Said(
        f"Class cancelled: {data['title']}",
        f"{data['course']}: there is no class on {moment(data['starts_at'], zone)}.{_because(data)}",
    )


def _names(names: str = "") -> frozenset[str]:
    return frozenset(names.split())


KINDS: dict[NotificationKind, Kind] = {
    NotificationKind.INVITATION: Kind(_names(), _invitation, can_wait=False),
    NotificationKind.PASSWORD_RESET: Kind(_names(), _password_reset, can_wait=False),
    NotificationKind.PASSWORD_CHANGED: Kind(_names(), _password_changed, can_wait=False),
    NotificationKind.ENROLLED: Kind(_names("course intake starts_on"), _enrolled),
    NotificationKind.ENROLMENT_ENDED: Kind(_names("course intake"), _enrolment_ended),
    NotificationKind.MATERIAL_RELEASED: Kind(_names("course title"), _material_released),
    NotificationKind.ASSIGNMENT_PUBLISHED: Kind(_names("course title due_at"), _assignment_published),
    NotificationKind.ASSIGNMENT_REMINDER: Kind(_names("course title due_at"), _assignment_reminder),
    NotificationKind.GROUP_CHANGED: Kind(_names("title by group was"), _group_changed, can_wait=False),
    NotificationKind.SUBMISSION_RECEIVED: Kind(
        _names("title number code received_at"), _submission_received, can_wait=False
    ),
    NotificationKind.SUBMISSION_WITHDRAWN: Kind(_names("title number by"), _submission_withdrawn, can_wait=False),
    NotificationKind.HAND_IN_REFUSED: Kind(_names("title why"), _hand_in_refused, can_wait=False),
    NotificationKind.NOT_HANDED_IN: Kind(_names("title due_at"), _not_handed_in, can_wait=False),
    NotificationKind.EXTENSION_ASKED: Kind(_names("title more"), _extension_asked),
    NotificationKind.EXTENSION_DECIDED: Kind(_names("title more due_at"), _extension_decided, can_wait=False),
    NotificationKind.MARK_RELEASED: Kind(_names("course title"), _mark_released),
    NotificationKind.CLASS_SCHEDULED: Kind(_names("course title starts_at ends_at place"), _class_scheduled),
    NotificationKind.CLASS_MOVED: Kind(
        _names("course title starts_at ends_at place was_at"), _class_moved, can_wait=False
    ),
    NotificationKind.CLASS_CANCELLED: Kind(_names("course title starts_at"), _class_cancelled, can_wait=False),
}
