"""What may be done to accounts, and by whom."""

from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import db
from portal.domain.accounts import operations
from portal.domain.accounts.identifiers import student_number
from portal.domain.accounts.models import User, UserSession
from portal.domain.accounts.operations import ChangeRole, CorrectPerson, Invite
from portal.domain.accounts.visitors import Visitor
from portal.domain.audit.models import AuditEntry
from portal.domain.errors import Conflict, Forbidden, Invalid
from portal.domain.onboarding.roles import change_role
from portal.domain.permissions import Actor, Duty, Role
from tests.at_once import at_once, refused
from tests.cast import actor, gather_cast
from tests.factories import make_session, make_user, now


@pytest.fixture
def registrar(world, cast) -> Actor:
    return actor(make_user(world, "admin", duties=["registrar"]))


def test_an_invited_person_is_reachable_under_normal_names(world, cast):
    command = Invite(
        role=Role.STUDENT, first_name=" Adwoa ", last_name="Sarpong", email="ADWOA@x.test", phone="0201234567"
    )
    adwoa = operations.invite(world, actor(cast.efua), command, at=now())
    assert (adwoa.first_name, adwoa.email, adwoa.phone) == ("Adwoa", "adwoa@x.test", "+233201234567")
    assert adwoa.password_hash is None


@pytest.mark.parametrize(
    "values, field",
    [
        ({"email": "", "phone": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"first_name": " ", "email": "a@b.test"}, "first_name"),
        ({"email": "ama@example.test"}, "email"),
        ({"phone": "024 123 4567"}, "phone"),
    ],
)
def test_an_invitation_that_cannot_reach_anyone_says_what_is_wrong(world, cast, values, field):
    command = Invite(**({"role": Role.STUDENT, "first_name": "A", "last_name": "B"} | values))
    with pytest.raises((Invalid, Conflict)) as refusal:
        operations.invite(world, actor(cast.efua), command, at=now())
    assert list(refusal.value.fields) == [field]


def test_a_registrar_invites_students_but_no_admins(world, cast, registrar):
    operations.invite(
        world, registrar, Invite(role=Role.STUDENT, first_name="A", last_name="B", email="s@x.test"), at=now()
    )
    command = Invite(role=Role.ADMIN, first_name="A", last_name="B", email="t@x.test", duties=frozenset(Duty))
    with pytest.raises(Forbidden):
        operations.invite(world, registrar, command, at=now())


@pytest.mark.parametrize(
    "act",
    [
        lambda *a: operations.hand_over_way_in(*a, at=now()),
        lambda *a: operations.mail_way_in(*a, at=now()),
        lambda *a: operations.deactivate(*a, "because", at=now()),
        lambda *a: operations.end_sessions(*a, Visitor(), at=now()),
        lambda s, actor, user_id: operations.correct_person(
            s, actor, CorrectPerson(user_id=user_id, first_name="A", last_name="B", email="mine@x.test"), at=now()
        ),
    ],
)
def test_a_registrar_gains_no_hold_over_an_admins_account(world, cast, registrar, act):
    with pytest.raises(Forbidden):
        act(world, registrar, cast.efua.id)


def test_a_deactivated_person_is_out_at_once_and_comes_back_with_everything(world, cast):
    _, session = make_session(world, cast.ama)
    operations.deactivate(world, actor(cast.efua), cast.ama.id, "left", at=now())
    world.refresh(session)
    assert session.ended_because == "deactivated"
    with pytest.raises(Conflict):
        operations.deactivate(world, actor(cast.efua), cast.ama.id, "left", at=now())
    operations.reactivate(world, actor(cast.efua), cast.ama.id, at=now())
    assert world.get_one(User, cast.ama.id).deactivated_at is None
    actions = world.scalars(select(AuditEntry.action).where(AuditEntry.for_user_id == cast.ama.id)).all()
    assert sorted(actions) == ["user:deactivate", "user:reactivate"]


def test_deactivating_needs_a_reason(world, cast):
    with pytest.raises(Invalid):
        operations.deactivate(world, actor(cast.efua), cast.ama.id, "  ", at=now())


@pytest.mark.parametrize(
    "act",
    [
        lambda s, efua: operations.deactivate(s, actor(efua), efua.id, "left", at=now()),
        lambda s, efua: operations.change_duties(s, actor(efua), efua.id, frozenset({Duty.CASHIER}), at=now()),
        lambda s, efua: change_role(s, actor(efua), ChangeRole(user_id=efua.id, role=Role.TRAINER), at=now()),
    ],
)
def test_the_last_admin_who_can_run_the_portal_stays(world, cast, act):
    with pytest.raises(Conflict, match="last active admin"):
        act(world, cast.efua)
    make_user(world, "admin", duties=["system"])
    act(world, cast.efua)


def test_an_admin_keeps_at_least_one_duty(world, cast):
    make_user(world, "admin", duties=["system"])
    with pytest.raises(Invalid):
        operations.change_duties(world, actor(cast.efua), cast.efua.id, frozenset(), at=now())


def test_a_role_does_not_change_while_the_person_studies_or_teaches(world, cast):
    for person, role in ((cast.ama, Role.TRAINER), (cast.kofi, Role.STUDENT)):
        with pytest.raises(Conflict, match="1 intake"):
            change_role(world, actor(cast.efua), ChangeRole(user_id=person.id, role=role), at=now())


def test_a_new_role_ends_sessions_and_takes_what_belonged_to_the_old_one(world, cast):
    person = make_user(world, student_number="KM26-0147-K")
    _, session = make_session(world, person)
    change_role(
        world,
        actor(cast.efua),
        ChangeRole(user_id=person.id, role=Role.ADMIN, duties=frozenset({Duty.CASHIER})),
        at=now(),
    )
    world.refresh(person)
    world.refresh(session)
    assert (person.role, person.duties, person.student_number) == ("admin", ["cashier"], None)
    assert session.ended_because == "role changed"


def test_a_student_gets_a_number_once(world, cast):
    person = make_user(world)
    number = operations.ensure_student_number(world, actor(cast.efua), person.id, at=now())
    assert student_number(number) == number
    assert operations.ensure_student_number(world, actor(cast.efua), person.id, at=now()) == number


def test_a_corrected_address_voids_what_went_to_the_old_one(world, cast):
    from portal.domain.accounts import tokens
    from portal.domain.accounts.models import TokenPurpose

    secret = tokens.issue(world, cast.ama.id, TokenPurpose.RESET, None, now())
    command = CorrectPerson(user_id=cast.ama.id, first_name="Ama", last_name="Mensah", email="new@example.test")
    operations.correct_person(world, actor(cast.efua), command, at=now())
    with pytest.raises(tokens.TokenRefused):
        tokens.look_up(world, secret, at=now())


def test_two_admins_who_demote_each_other_at_the_same_moment_do_not_both_succeed(live_engine):
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        other = make_user(session, "admin", duties=["system"])
        session.commit()
        pairs = [(actor(cast.efua), other.id), (actor(other), cast.efua.id)]

    def demote(who: Actor, user_id: object) -> None:
        db.perform(operations.change_duties, who, user_id, frozenset({Duty.CASHIER}), at=now())

    ended = at_once(*(partial(demote, *pair) for pair in pairs))
    assert [type(refusal) for refusal in refused(ended)] == [Conflict]


def test_sessions_of_others_are_left_alone(world, cast):
    _, esis = make_session(world, cast.esi)
    operations.end_sessions(world, actor(cast.efua), cast.ama.id, Visitor(), at=now())
    assert world.get_one(UserSession, esis.id).ended_at is None
