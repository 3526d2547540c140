"""`portal demo`: an empty portal filled with the institute's catalogue, people to sign in as, and a term under way.

Everything goes through the operations that people use, so that nothing is there which could not have happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy import exists, func, select, text, update

from portal.adapters.storage import storage_from
from portal.cli.demo_studies import Running, Story, Timetable, schedule_classes, tell_studies
from portal.cli.settings import settings_or_exit
from portal.db import bound, session_scope, transaction
from portal.domain.accounts import operations as accounts
from portal.domain.accounts import passwords
from portal.domain.accounts.models import User
from portal.domain.accounts.operations import Invite
from portal.domain.clock import now
from portal.domain.courses import intakes, operations
from portal.domain.courses.intakes import IntakeDescription
from portal.domain.courses.models import Course, Level, Module
from portal.domain.courses.operations import CourseDescription
from portal.domain.enrolments.models import Enrolment
from portal.domain.notifications.models import Notification
from portal.domain.onboarding import operations as onboarding
from portal.domain.permissions import Actor, Duty, Role, system_actor
from portal.jobs.delivery import settled_key
from portal.settings import Settings

CATALOGUE = Path(__file__).with_name("demo_catalogue.json")
DAY = timedelta(days=1)
LOCK = 4_713  # of this command alone: two fillings at once would be two catalogues
FIRST_DAY = -28  # when the demo's people arrived, in days from today

SIGN_INS = {
    "student": ("Abena", "Osei", Role.STUDENT),
    "student2": ("Kwame", "Mensah", Role.STUDENT),
    "trainer": ("Kofi", "Agyeman", Role.TRAINER),
    "trainer2": ("Esi", "Quaye", Role.TRAINER),
    "admin": ("Akosua", "Boateng", Role.ADMIN),
}
OTHERS = (
    "Yaw Adomako", "Adwoa Sarpong", "Kwesi Amoah", "Efua Tetteh", "Kojo Ansah", "Akua Darko",
    "Fiifi Quansah", "Dzifa Agbeko", "Selorm Kpodo", "Mawuli Doe", "Enyonam Gbeho", "Elikem Tsikata",
)  # fmt: skip

PHOTOGRAPHY, FILM = "Professional Photography", "Advanced Film Direction"
DESIGN, WEB = "Graphic Design Essentials", "Web Development Fundamentals"
TIMETABLES = {  # weekday and hour, Monday is 0
    PHOTOGRAPHY: ("Light and people", ((1, 10), (3, 10), (4, 14))),
    WEB: ("Pages by hand", ((0, 9), (2, 9), (4, 16))),
    FILM: ("Scenes", ((0, 14), (2, 14), (3, 17))),
    DESIGN: ("Sketching", ((0, 15), (4, 10), (2, 17))),
}
NEXT_STARTS = (19, 26, 33, 40, 47, 54, 61)  # days from today on which the courses' next intakes begin
NEARLY_FULL, FULL = "Fashion Design", "Culinary Arts"

DRAFT = CourseDescription(
    title="Sound for Film",
    category="Media",
    level=Level.INTERMEDIATE,
    weeks=6,
    price_pesewas=95_000,
    summary="Record, clean and mix sound that carries a scene.",
    description="A draft: two microphones, one quiet room, and a scene that is played with closed eyes.",
)


@click.command()
def demo() -> None:
    """Fill an empty portal with demo data."""
    settings = settings_or_exit()
    if fill_if_empty(settings):
        click.echo(f"Filled. Sign in as {', '.join(f'{name}@demo.test' for name in SIGN_INS)}.")
    else:
        click.echo("There are people in this portal already: nothing was changed.")


def fill_if_empty(settings: Settings) -> bool:
    """Fill a portal in which there is nobody yet; return whether that was done. Production is refused."""
    if settings.production:
        raise click.ClickException("Demo data never goes into a production portal.")
    with bound(settings.database_url), session_scope(), transaction() as session:
        session.execute(select(func.pg_advisory_xact_lock(LOCK)))
        if session.scalar(select(exists().where(User.id.is_not(None)))):
            return False
        _fill(Story(session, storage_from(settings), settings.time_zone, now()), settings.demo_password)
        return True


@dataclass(frozen=True)
class People:
    office: Actor
    trainer: Actor
    trainer2: Actor
    student: Actor
    student2: Actor
    others: Sequence[Actor]


def _fill(story: Story, password: str) -> None:
    people = _invite_everybody(story, password)
    catalogue = _publish_catalogue(story, people.office)
    operations.draft_course(story.session, people.trainer, DRAFT, at=story.day(-2, 15))
    running = _begin_intakes(story, people, catalogue)
    _plan_intakes(story, people, catalogue)
    for course, intake in running.items():
        tell_studies(story, course, intake)
    timetables = [Timetable(running[course], title, slots) for course, (title, slots) in TIMETABLES.items()]
    schedule_classes(story, people.office, timetables)
    _vary_enrolments(story, people, running[PHOTOGRAPHY])
    _settle(story)


def _invite_everybody(story: Story, password: str) -> People:
    """Add the people one can sign in as, and a dozen further students of the same password."""
    at, by = story.day(FIRST_DAY, 9), system_actor("demo")
    shared = passwords.hash_password(password)
    known: dict[str, Actor] = {}
    for name, (first_name, last_name, role) in SIGN_INS.items():
        duties = frozenset(Duty) if role is Role.ADMIN else frozenset()
        known[name] = _invite(story, by, first_name, last_name, f"{name}@demo.test", role, duties, shared, at)
    others = []
    for name in OTHERS:
        first_name, last_name = name.split()
        address = f"{first_name}.{last_name}@demo.test".lower()
        others.append(_invite(story, by, first_name, last_name, address, Role.STUDENT, frozenset(), shared, at))
    return People(known["admin"], known["trainer"], known["trainer2"], known["student"], known["student2"], others)


def _invite(
    story: Story,
    by: Actor,
    first_name: str,
    last_name: str,
    email: str,
    role: Role,
    duties: frozenset[Duty],
    password_hash: str,
    at: datetime,
) -> Actor:
    command = Invite(role=role, first_name=first_name, last_name=last_name, email=email, duties=duties)
    person = accounts.invite(story.session, by, command, at=at)
    person.password_hash, person.password_changed_at = password_hash, at
    return Actor(id=person.id, role=role, duties=duties)


def _publish_catalogue(story: Story, office: Actor) -> dict[str, tuple[Course, list[Module], int]]:
    """Publish the institute's courses; return each by its title, with its modules and its usual seats."""
    at = story.day(FIRST_DAY, 10)
    published = {}
    for entry in json.loads(CATALOGUE.read_text(encoding="utf-8"))["courses"]:
        course = operations.draft_course(story.session, office, _described(entry), at=at)
        operations.publish_course(story.session, office, course.id, at=at)
        modules = [operations.add_module(story.session, office, course.id, part, at=at) for part in entry["syllabus"]]
        published[course.title] = (course, modules, entry["seats"])
    return published


def _described(entry: dict[str, Any]) -> CourseDescription:
    typed = {"level": Level(entry["level"]), "outcomes": tuple(entry["outcomes"]), "syllabus": tuple(entry["syllabus"])}
    plain = {name: value for name, value in entry.items() if name != "seats"}
    return CourseDescription(**(plain | typed))


def _begin_intakes(
    story: Story, people: People, catalogue: dict[str, tuple[Course, list[Module], int]]
) -> dict[str, Running]:
    """Have four courses run since three weeks ago, each with its trainer and students."""
    abena, kwame, others = people.student, people.student2, people.others

    def begin(title: str, trainer: Actor, students: Iterable[Actor], room_name: str) -> Running:
        course, modules, seats = catalogue[title]
        intake_id = _make_intake(story, people.office, course, seats, starts=-21, closes=-24, trainers=[trainer])
        enrolled = tuple(students)
        _enrol(story, people.office, intake_id, enrolled, on=-23)
        return Running(intake_id, modules, trainer, enrolled, f"https://meet.jit.si/{room_name}")

    return {
        PHOTOGRAPHY: begin(PHOTOGRAPHY, people.trainer, (abena, *others[:7]), "KMMediaPhotography"),
        FILM: begin(FILM, people.trainer2, (kwame, *others[5:9]), "KMMediaFilm"),
        DESIGN: begin(DESIGN, people.trainer, (abena, *others[6:11]), "KMMediaDesign"),
        WEB: begin(WEB, people.trainer2, others[8:12], "KMMediaWeb"),
    }


def _plan_intakes(story: Story, people: People, catalogue: dict[str, tuple[Course, list[Module], int]]) -> None:
    """Open the next intake of every course for applications: one is full, one nearly so."""
    for number, (title, (course, _, seats)) in enumerate(catalogue.items()):
        starts = NEXT_STARTS[number % len(NEXT_STARTS)]
        trainers = [people.trainer2 if number % 2 else people.trainer]
        intake_id = _make_intake(
            story, people.office, course, seats, starts=starts, closes=starts - 5, trainers=trainers
        )
        if title in {FULL, NEARLY_FULL}:
            _enrol(story, people.office, intake_id, people.others[:10], on=-4)


def _make_intake(
    story: Story, office: Actor, course: Course, seats: int, *, starts: int, closes: int, trainers: Sequence[Actor]
) -> UUID:
    first = story.day(starts).date()
    command = IntakeDescription(
        title=f"{first:%B %Y}",
        starts_on=first,
        ends_on=first + course.weeks * 7 * DAY,
        application_deadline=story.day(closes).date(),
        seats=seats,
    )
    trainer_ids = [trainer.person_id for trainer in trainers]
    at = story.day(FIRST_DAY, 11)
    return intakes.make_intake(story.session, office, course.id, command, trainer_ids=trainer_ids, at=at).id


def _enrol(story: Story, office: Actor, intake_id: UUID, students: Iterable[Actor], *, on: int) -> None:
    for number, student in enumerate(students):
        at = story.day(on + number % 3, 10, 5 * number)
        reason = "First instalment paid at the counter"
        onboarding.enrol_by_hand(story.session, office, intake_id, student.person_id, reason, at=at)


def _vary_enrolments(story: Story, people: People, photography: Running) -> None:
    """Suspend one student and let another withdraw, as happens in every intake."""
    own = select(Enrolment.id).where(Enrolment.intake_id == photography.intake_id)
    away, gone = (
        story.session.scalars(own.where(Enrolment.user_id == student.id)).one() for student in photography.students[-2:]
    )
    onboarding.suspend(story.session, people.office, away, "Away for three weeks, agreed", at=story.day(-1, 11))
    onboarding.withdraw(story.session, people.office, gone, "Moved to Kumasi", at=story.day(-1, 12))


def _settle(story: Story) -> None:
    """Let nobody be told today of what happened weeks ago: older notifications are read, and no mail is sent."""
    session, at = story.session, story.at
    session.flush()
    yesterday = at - 2 * DAY
    session.execute(update(Notification).where(Notification.created_at < yesterday).values(read_at=at))
    session.execute(
        text(
            "DELETE FROM procrastinate_jobs WHERE task_name = 'mail.deliver' "
            "OR task_name = 'materials.announce' AND scheduled_at IS NULL"
        )
    )
    marks = "INSERT INTO job_marks (key, done_at) SELECT :settled || id, :at FROM notifications WHERE mailed_at IS NULL"
    session.execute(text(marks), {"settled": settled_key(""), "at": at})
