"""Drafting, editing, publishing and archiving courses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.audit.models import AuditEntry
from portal.domain.courses import operations
from portal.domain.courses.models import CourseState, Level, Module
from portal.domain.courses.operations import CourseDescription
from portal.domain.courses.transitions import TRANSITIONS, CourseStep, state_after
from portal.domain.errors import Conflict, Forbidden, Invalid, NotFound
from tests.cast import Cast, actor
from tests.factories import make_module, make_user

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def described(**values: object) -> CourseDescription:
    known: dict[str, object] = {
        "title": "Sound for Film",
        "category": "Media",
        "level": Level.BEGINNER,
        "weeks": 6,
        "price_pesewas": 90_000,
        "summary": "Record and mix sound that carries a scene.",
        "description": "Eight microphones, one quiet room.",
        "outcomes": ("Record dialogue on location",),
    }
    return CourseDescription(**(known | values))


def test_a_trainer_drafts_a_course_and_the_office_publishes_it(world: Session, cast: Cast) -> None:
    draft = operations.draft_course(world, actor(cast.kofi), described(), at=AT)
    assert (draft.state, draft.slug, draft.drafted_by) == (CourseState.DRAFT, "sound-for-film", cast.kofi.id)
    published = operations.publish_course(world, actor(cast.efua), draft.id, at=AT)
    assert (published.state, published.published_at) == (CourseState.PUBLISHED, AT)
    trail = world.scalars(
        select(AuditEntry.action).where(AuditEntry.subject_id == str(draft.id)).order_by(AuditEntry.id)
    )
    assert trail.all() == ["course:draft", "course:publish"]


def test_a_trainer_does_not_publish_a_course(world: Session, cast: Cast) -> None:
    draft = operations.draft_course(world, actor(cast.kofi), described(), at=AT)
    with pytest.raises(Forbidden):
        operations.publish_course(world, actor(cast.kofi), draft.id, at=AT)


def test_an_admin_without_the_content_duty_does_not_draft(world: Session) -> None:
    registrar = make_user(world, "admin", duties=["registrar"])
    with pytest.raises(Forbidden):
        operations.draft_course(world, actor(registrar), described(), at=AT)


def test_a_trainer_edits_only_their_own_draft(world: Session, cast: Cast) -> None:
    draft = operations.draft_course(world, actor(cast.kofi), described(), at=AT)
    assert operations.edit_course(world, actor(cast.kofi), draft.id, described(weeks=8), at=AT).weeks == 8
    with pytest.raises(NotFound):
        operations.edit_course(world, actor(cast.yaw), draft.id, described(), at=AT)
    operations.publish_course(world, actor(cast.efua), draft.id, at=AT)
    with pytest.raises(Forbidden):
        operations.edit_course(world, actor(cast.kofi), draft.id, described(), at=AT)


def test_a_course_keeps_its_address_once_it_has_been_public(world: Session, cast: Cast) -> None:
    efua = actor(cast.efua)
    course = operations.draft_course(world, efua, described(), at=AT)
    assert operations.edit_course(world, efua, course.id, described(title="Film Sound"), at=AT).slug == "film-sound"
    operations.publish_course(world, efua, course.id, at=AT)
    assert operations.edit_course(world, efua, course.id, described(title="Sound"), at=AT).slug == "film-sound"


def test_a_course_that_says_too_little_is_not_published(world: Session, cast: Cast) -> None:
    course = operations.draft_course(world, actor(cast.efua), described(summary="", outcomes=()), at=AT)
    with pytest.raises(Invalid) as refused:
        operations.publish_course(world, actor(cast.efua), course.id, at=AT)
    assert set(refused.value.fields) == {"summary", "outcomes"}


def test_an_archived_course_can_be_published_again(world: Session, cast: Cast) -> None:
    efua = actor(cast.efua)
    operations.archive_course(world, efua, cast.photography.id, at=AT)
    with pytest.raises(Conflict):
        operations.archive_course(world, efua, cast.photography.id, at=AT)
    cast.photography.description, cast.photography.outcomes = "All of it.", ["See light"]
    world.flush()
    first_published = cast.photography.published_at
    again = operations.publish_course(world, efua, cast.photography.id, at=AT + timedelta(days=30))
    assert (again.state, again.published_at) == (CourseState.PUBLISHED, first_published)


@pytest.mark.parametrize("step", list(CourseStep))
@pytest.mark.parametrize("state", list(CourseState))
def test_a_course_moves_only_along_the_arrows(state: CourseState, step: CourseStep) -> None:
    if (state, step) in TRANSITIONS:
        assert state_after(state, step) is TRANSITIONS[state, step]
    else:
        with pytest.raises(Conflict):
            state_after(state, step)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"category": ""}, "category"),
        ({"weeks": 0}, "weeks"),
        ({"price_pesewas": -1}, "price_pesewas"),
    ],
)
def test_a_course_that_cannot_be_is_refused_beside_its_field(
    world: Session, cast: Cast, change: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        operations.draft_course(world, actor(cast.efua), described(**change), at=AT)
    assert field in refused.value.fields


@pytest.mark.parametrize("who", [lambda cast: cast.efua, lambda cast: cast.kofi])
def test_those_who_teach_a_course_and_the_office_order_its_modules(
    world: Session, cast: Cast, who: Callable[[Cast], User]
) -> None:
    person = actor(who(cast))
    lenses = operations.add_module(world, person, cast.photography.id, "Lenses", at=AT)
    operations.move_module(world, person, lenses.id, up=True, at=AT)
    operations.move_module(world, person, lenses.id, up=True, at=AT)  # already the first
    world.commit()
    ordered = select(Module.title).where(Module.course_id == cast.photography.id).order_by(Module.position)
    assert world.scalars(ordered).all() == ["Lenses", "Light"]


def test_the_trainer_of_another_course_does_not_touch_its_modules(world: Session, cast: Cast) -> None:
    module = make_module(world, cast.photography, position=2)
    with pytest.raises(NotFound):
        operations.add_module(world, actor(cast.yaw), cast.photography.id, "Mine", at=AT)
    with pytest.raises(NotFound):
        operations.move_module(world, actor(cast.yaw), module.id, up=True, at=AT)
