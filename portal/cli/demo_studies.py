"""What has happened in the demo's running intakes: materials, assignments, work handed in, marks, classes.

`demo_studies.json` says what; its days are counted from today. This says how it comes about.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.adapters.storage import Storage
from portal.cli.demo_files import stored_pdf, stored_picture
from portal.domain.assignments import grouping, marking, setting, submitting
from portal.domain.assignments.group_models import GroupFormation
from portal.domain.assignments.marking import GradeSubmission
from portal.domain.assignments.models import Assignment, AssignmentType, Submission
from portal.domain.assignments.setting import SetAssignment
from portal.domain.assignments.work import SubmitAssignment
from portal.domain.courses import materials
from portal.domain.courses.materials import AddMaterial
from portal.domain.courses.models import MaterialKind, Module
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict
from portal.domain.files.operations import StoredBytes
from portal.domain.live_classes import rooms, scheduling
from portal.domain.live_classes.rooms import AddRoom
from portal.domain.live_classes.scheduling import ScheduleClass
from portal.domain.permissions import Actor
from portal.domain.quizzes import questions
from portal.domain.quizzes.models import QuestionKind
from portal.domain.quizzes.questions import SetOption, SetQuestion, SetQuiz
from portal.domain.results.operations import SetWeights, set_weights
from portal.domain.results.weights import version_of

STUDIES = Path(__file__).with_name("demo_studies.json")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ROOMS = (("Studio", 16), ("Computer lab", 24), ("Screening room", 40))
WEEKS = (-1, 0, 1)  # last week, this week, next week
USUAL_TEXT = "Made on Saturday, by the window of the front room. I moved the chair twice."

FEEDBACK = (
    (88, "The light tells me where to look. Next time come one step closer."),
    (74, "Clean and calm. The background still says more than the face: move it, or blur it."),
    (91, "I would hang this. Send me the version before the crop as well."),
    (63, "Done well, but in a hurry. Take ten minutes more and twenty pictures fewer."),
    (79, "Good choice of moment. Watch the edges of the frame."),
    (55, "The idea is there. Read the notes again and hand it in once more."),
    (84, "Much better than the first one, and you know why."),
    (70, "Solid. Now surprise me."),
)


@dataclass(frozen=True)
class Story:
    """When the demo is filled, and where it is kept."""

    session: Session
    storage: Storage
    zone: ZoneInfo
    at: datetime

    def day(self, days: int, hour: int = 0, minute: int = 0) -> datetime:
        """Return a moment so many days from today, on the institute's clock."""
        there = self.at.astimezone(self.zone).date() + days * DAY
        return datetime.combine(there, time(hour, minute), self.zone)


@dataclass(frozen=True)
class Running:
    """A running intake with its people."""

    intake_id: UUID
    modules: Sequence[Module]
    trainer: Actor
    students: Sequence[Actor]
    link: str


@dataclass(frozen=True)
class Timetable:
    """When the classes of an intake meet: weekday and hour, the last of each week by video call."""

    running: Running
    title: str
    slots: tuple[tuple[int, int], ...]


def tell_studies(story: Story, course: str, running: Running) -> None:
    """Add the materials of a running intake, its assignments, the work handed in and its marks."""
    told = json.loads(STUDIES.read_text(encoding="utf-8"))[course]
    for material in told["materials"]:
        _add_material(story, running, material)
    weights: dict[UUID, Decimal] = {}
    for number, entry in enumerate(told["assignments"]):
        assignment = _set_assignment(story, running, entry)
        if "weight" in entry:
            weights[assignment.id] = Decimal(entry["weight"])
        received = _hand_in_all(story, running, assignment, entry)
        marks = entry.get("marks", {"submissions": 0})
        for place, submission in enumerate(received[: marks["submissions"]]):
            _mark(story, running, submission, place + number, marks)
    if weights:
        command = SetWeights(weights=weights, seen=version_of({}))
        set_weights(story.session, running.trainer, running.intake_id, command, at=story.day(-1, 8))


def schedule_classes(story: Story, office: Actor, timetables: Sequence[Timetable]) -> None:
    """Put the classes of three weeks into the timetable, and one that can be joined soon."""
    added = [rooms.add_room(story.session, office, AddRoom(*room), at=story.day(-30, 9)) for room in ROOMS]
    monday = -story.at.astimezone(story.zone).weekday()
    for place, timetable in enumerate(timetables):
        room = added[place % len(added)]
        for week in WEEKS:
            *in_room, (weekday, hour) = timetable.slots
            for each_weekday, each_hour in in_room:
                starts_at = story.day(monday + 7 * week + each_weekday, each_hour)
                _schedule(story, timetable.running, f"{timetable.title}, week {week + 4}", starts_at, 2 * HOUR, room.id)
            starts_at = story.day(monday + 7 * week + weekday, hour)
            _schedule(story, timetable.running, f"Questions, week {week + 4}", starts_at, HOUR)
    quarter = timedelta(minutes=15)
    soon = story.at.replace(minute=0, second=0, microsecond=0) + (story.at.minute // 15 + 1) * quarter
    _schedule(story, timetables[0].running, "Looking at pictures together", soon, HOUR)


def _add_material(story: Story, running: Running, entry: dict[str, Any]) -> None:
    released = entry["released"]
    command = AddMaterial(
        intake_id=running.intake_id,
        module_id=running.modules[entry["module"]].id,
        kind=MaterialKind(entry["kind"]),
        title=entry["title"],
        body=entry.get("body", ""),
        url=entry.get("url", ""),
        file=_file(story, entry) if "file" in entry else None,
        released_at=None if released is None else story.day(released, 8),
    )
    written = -1 if released is None else min(released, -1)
    materials.add_material(story.session, running.trainer, command, at=story.day(written, 8))


def _file(story: Story, entry: dict[str, Any]) -> StoredBytes:
    if "lines" in entry:
        return stored_pdf(story.storage, entry["file"], entry["lines"])
    return stored_picture(story.storage, entry["file"], entry["warm"])


def _set_assignment(story: Story, running: Running, entry: dict[str, Any]) -> Assignment:
    command = SetAssignment(
        title=entry["title"],
        assignment_type=AssignmentType(entry.get("type", "homework")),
        instructions=entry["instructions"],
        points=entry.get("points", 100),
        due_at=story.day(entry["due"], 18),
        cut_off_at=story.day(entry["cut_off"], 18) if "cut_off" in entry else None,
        attempts_allowed=entry.get("attempts"),
        **_in_groups(entry),
    )
    at = story.day(entry["set"], 8)
    assignment = setting.create_assignment(story.session, running.trainer, running.intake_id, command, at=at)
    for asked in entry.get("questions", ()):
        options = tuple(
            SetOption(text=text, is_right=place in asked["right"])
            for place, text in enumerate(asked.get("options", ()))
        )
        words = {"text": asked["text"], "explanation": asked["explanation"]}
        question = SetQuestion(kind=QuestionKind(asked["kind"]), points=asked["points"], options=options, **words)
        questions.add_question(story.session, running.trainer, assignment.id, question, at=at)
    if "minutes" in entry:
        how = SetQuiz(minutes=entry["minutes"], shuffle=True)
        questions.set_quiz(story.session, running.trainer, assignment.id, how, at=at)
    if entry.get("published", True):
        setting.publish_assignment(story.session, running.trainer, assignment.id, at=at)
    if "groups" in entry:
        _form_groups(story, running, assignment, entry["groups"], at)
    return assignment


def _in_groups(entry: dict[str, Any]) -> dict[str, Any]:
    """Return that students choose groups of two to four, where some are named."""
    if "groups" not in entry:
        return {}
    return {"group_formation": GroupFormation.STUDENTS, "group_least": 2, "group_most": 4}


def _form_groups(
    story: Story, running: Running, assignment: Assignment, groups: dict[str, list[int]], at: datetime
) -> None:
    """Form groups of the students at these places; the others are still to choose."""
    rows = story.session.execute(
        select(Enrolment.user_id, Enrolment.id).where(Enrolment.intake_id == running.intake_id)
    )
    enrolled = {row.user_id: row.id for row in rows}
    wanted = [
        grouping.NewGroup(tuple(enrolled[running.students[place].person_id] for place in places), name)
        for name, places in groups.items()
    ]
    grouping.form_groups(story.session, running.trainer, assignment.id, wanted, at=at)


def _hand_in_all(story: Story, running: Running, assignment: Assignment, entry: dict[str, Any]) -> list[Submission]:
    """Have students hand in, some on the last day and some earlier; those named as late only now."""
    work = entry.get("work", {"students": 0, "day": 0})
    first = work.get("from", 0)
    received = []
    for number, student in enumerate(running.students[first : first + work["students"]]):
        moment = story.day(work["day"] - number % 3, 16, 40)
        received.append(_hand_in(story, student, assignment, entry, number, moment))
    late = [
        _hand_in(story, running.students[place], assignment, entry, place, story.at) for place in entry.get("late", ())
    ]
    return received + late


def _hand_in(
    story: Story, student: Actor, assignment: Assignment, entry: dict[str, Any], number: int, moment: datetime
) -> Submission:
    picture = entry.get("picture", False)
    command = SubmitAssignment(
        assignment_id=assignment.id,
        key=str(uuid4()),
        text=entry.get("text", USUAL_TEXT),
        links=tuple(entry.get("links", ())),
        files=(stored_picture(story.storage, f"IMG_{147 + 3 * number:04}.jpg", 12 * number),) if picture else (),
    )
    at = min(moment, story.at - timedelta(minutes=20))
    return submitting.submit_assignment(story.session, student, command, at=at)


def _mark(story: Story, running: Running, submission: Submission, number: int, marks: dict[str, Any]) -> None:
    points, feedback = FEEDBACK[number % len(FEEDBACK)]
    command = GradeSubmission(
        submission_id=submission.id, points=Decimal(points), feedback=feedback, release=marks["released"]
    )
    at = min(story.day(marks["day"], 19, 5), story.at - timedelta(minutes=10))
    marking.grade_submission(story.session, running.trainer, command, at=at)


def _schedule(
    story: Story, running: Running, title: str, starts_at: datetime, length: timedelta, room_id: UUID | None = None
) -> None:
    """Put one class into the timetable, by video call where it has no room, unless another one is in its way."""
    command = ScheduleClass(
        intake_id=running.intake_id,
        trainer_id=running.trainer.person_id,
        title=title,
        starts_at=starts_at,
        ends_at=starts_at + length,
        room_id=room_id,
        meeting_url=None if room_id else running.link,
    )
    with suppress(Conflict):
        scheduling.schedule_class(story.session, running.trainer, command, at=min(starts_at, story.at) - 7 * DAY)
