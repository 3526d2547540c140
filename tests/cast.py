"""The permanent cast of every test: a student, the trainer of her intake, an administrator, and people elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.accounts.identifiers import make_student_number
from portal.domain.accounts.models import User, student_number_sequence
from portal.domain.courses.models import Course, Intake, Module
from portal.domain.enrolments.models import Enrolment
from portal.domain.permissions import Actor, Duty, Role
from tests.factories import make_course, make_enrolment, make_intake, make_module, make_user


@dataclass
class Cast:
    ama: User
    """A student of the photography intake."""
    kofi: User
    """Its trainer."""
    esi: User
    """A student of another intake, who must see nothing of Ama's."""
    yaw: User
    """The trainer of that other intake."""
    efua: User
    """The administrator, with all duties."""
    kojo: User
    """A student who has been deactivated."""
    photography: Course
    film: Course
    intake: Intake
    other_intake: Intake
    module: Module
    enrolment: Enrolment
    other_enrolment: Enrolment

    def within(self, session: Session) -> Cast:
        """Return the same people and things as rows of this session, which asks the database nothing for it."""
        rows = {field.name: session.merge(getattr(self, field.name), load=False) for field in fields(self)}
        return Cast(**rows)


def find_cast(session: Session) -> Cast:
    """Return the cast of a database in which it was gathered."""
    people = {user.email: user for user in session.scalars(select(User))}
    photography, film = session.scalars(select(Course).order_by(Course.title.desc()))
    intakes = {intake.course_id: intake for intake in session.scalars(select(Intake))}
    enrolments = {enrolment.user_id: enrolment for enrolment in session.scalars(select(Enrolment))}
    ama, kofi, esi, yaw, efua, kojo = (
        people[f"{name}@example.test"] for name in ("ama", "kofi", "esi", "yaw", "efua", "kojo")
    )
    return Cast(
        ama=ama,
        kofi=kofi,
        esi=esi,
        yaw=yaw,
        efua=efua,
        kojo=kojo,
        photography=photography,
        film=film,
        intake=intakes[photography.id],
        other_intake=intakes[film.id],
        module=session.scalars(select(Module)).one(),
        enrolment=enrolments[ama.id],
        other_enrolment=enrolments[esi.id],
    )


def gather_cast(session: Session) -> Cast:
    from tests.factories import now

    ama = make_user(
        session,
        first_name="Ama",
        last_name="Mensah",
        email="ama@example.test",
        phone="+233241234567",
        student_number=make_student_number(2026, 1),
    )
    esi = make_user(
        session,
        first_name="Esi",
        last_name="Owusu",
        email="esi@example.test",
        student_number=make_student_number(2026, 2),
    )
    kojo = make_user(
        session,
        first_name="Kojo",
        last_name="Boateng",
        email="kojo@example.test",
        student_number=make_student_number(2026, 3),
        deactivated_at=now(),
    )
    kofi = make_user(session, "trainer", first_name="Kofi", last_name="Asante", email="kofi@example.test")
    yaw = make_user(session, "trainer", first_name="Yaw", last_name="Adjei", email="yaw@example.test")
    efua = make_user(session, "admin", first_name="Efua", last_name="Darko", email="efua@example.test")
    photography = make_course(session, title="Professional Photography", slug="professional-photography")
    film = make_course(session, title="Advanced Film Direction", slug="advanced-film-direction")
    intake = make_intake(session, photography, [kofi], title="November 2026")
    other_intake = make_intake(session, film, [yaw], title="October 2026")
    cast = Cast(
        ama=ama,
        kofi=kofi,
        esi=esi,
        yaw=yaw,
        efua=efua,
        kojo=kojo,
        photography=photography,
        film=film,
        intake=intake,
        other_intake=other_intake,
        module=make_module(session, photography, title="Light", position=1),
        enrolment=make_enrolment(session, ama, intake),
        other_enrolment=make_enrolment(session, esi, other_intake),
    )
    for _ in range(3):
        session.scalar(student_number_sequence.next_value())  # the numbers that Ama, Esi and Kojo have are used up
    session.commit()
    return cast


def actor(person: User) -> Actor:
    """Return a person as operations know who acts."""
    return Actor(id=person.id, role=Role(person.role), duties=frozenset(map(Duty, person.duties)))
