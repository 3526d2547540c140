"""The forms in which a class is scheduled, moved and cancelled; they check shape, the operations the rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from wtforms import IntegerField, SelectField
from wtforms.validators import NumberRange

from portal.domain.live_classes import meeting_links, scheduling
from portal.domain.live_classes.queries import Choice, StaffClass
from portal.domain.live_classes.scheduling import MoveClass, ScheduleClass
from portal.web.forms import LocalDateTimeField, LongTextField, PortalForm, SelectChoice, TextField, at_most, required
from portal.web.once import KeyedForm

SHORTEST, LONGEST = (int(length.total_seconds()) // 60 for length in (scheduling.SHORTEST, scheduling.LONGEST))
USUAL_MINUTES = 120


def _id_or_none(text: str | UUID | None) -> UUID | None:
    return UUID(str(text)) if text else None


def _as_choice(offered: Choice) -> SelectChoice:
    return SelectChoice(str(offered.id), offered.name)


class TimeAndPlaceForm(PortalForm):
    starts_at = LocalDateTimeField("Date and time", [required()])
    minutes = IntegerField(
        "Duration",
        [required(), NumberRange(SHORTEST, LONGEST, f"Choose {SHORTEST} to {LONGEST} minutes.")],
        default=USUAL_MINUTES,
    )
    room_id = SelectField("Room", coerce=_id_or_none)
    meeting_url = TextField("Meeting link", [at_most(meeting_links.LONGEST)])

    def time_and_place(self) -> dict[str, Any]:
        """Return what a command needs of the valid form."""
        values: dict[str, Any] = self.data
        return {
            "starts_at": values["starts_at"],
            "ends_at": values["starts_at"] + timedelta(minutes=values["minutes"]),
            "room_id": values["room_id"],
            "meeting_url": values["meeting_url"],
        }

    def move_of(self, live_class_id: UUID) -> MoveClass:
        """Return the command of the valid form."""
        return MoveClass(live_class_id=live_class_id, **self.time_and_place())

    def offer_rooms(self, rooms: Iterable[Choice]) -> None:
        """Let the form choose among these rooms, or none."""
        self.room_id.choices = [SelectChoice("", "No room, online only"), *map(_as_choice, rooms)]


class ScheduleForm(TimeAndPlaceForm, KeyedForm):
    title = TextField("Title", [required(), at_most(scheduling.LONGEST_TITLE)])
    trainer_id = SelectField("Trainer", coerce=_id_or_none)
    description = LongTextField("What it is about", [at_most(scheduling.LONGEST_DESCRIPTION)])

    def offer_trainers(self, trainers: Iterable[Choice], person_id: UUID) -> None:
        """Let the form choose among these trainers; whoever schedules comes first if they are one of them."""
        ordered = sorted(trainers, key=lambda trainer: trainer.id != person_id)
        self.trainer_id.choices = [_as_choice(trainer) for trainer in ordered]

    def schedule_for(self, intake_id: UUID) -> ScheduleClass:
        """Return the command of the valid form."""
        values: dict[str, Any] = self.data
        return ScheduleClass(
            intake_id=intake_id,
            trainer_id=values["trainer_id"],
            title=values["title"],
            description=values["description"] or "",
            **self.time_and_place(),
        )


class CancelForm(PortalForm):
    reason = TextField("Reason", [required("Say why; the students read it."), at_most(scheduling.LONGEST_REASON)])


def time_and_place_of(found: StaffClass) -> TimeAndPlaceForm:
    """Return the form of a class as it stands, or as it was typed."""
    minutes = int((found.ends_at - found.starts_at).total_seconds()) // 60
    return TimeAndPlaceForm(
        starts_at=found.starts_at, minutes=minutes, room_id=found.room_id, meeting_url=found.meeting_url
    )
