"""Weights: how they are shared out and typed, and that an intake's add to 100 whoever changes them when."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.db import perform
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.setting import archive_assignment
from portal.domain.audit.models import AuditDetail, AuditEntry
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.results.operations import SetWeights, set_weights
from portal.domain.results.weights import plain, share_out, version_of, weight_of
from tests.at_once import at_once, refused
from tests.cast import Cast, actor, gather_cast
from tests.factories import make_assignment, now

D = Decimal

NONE = version_of({})


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_what_is_shared_out_adds_to_a_hundred_and_goes_by_the_parts(parts: list[int]) -> None:
    weights = share_out(parts)
    assert sum(weights) == (100 if any(parts) else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(weight - D(100 * part) / max(sum(parts), 1)) < D("0.01")
    by_part = sorted(zip(parts, weights, strict=True))
    assert all(one[1] <= other[1] for one, other in pairwise(by_part) if one[0] < other[0])


def test_three_equal_parts_differ_by_a_hundredth() -> None:
    assert share_out([1, 1, 1]) == [D("33.34"), D("33.33"), D("33.33")]
    assert share_out([20, 40, 0]) == [D("33.33"), D("66.67"), D("0")]


@pytest.mark.parametrize(
    ("typed", "weight"), [("", "0"), ("20", "20"), (" 12.5 % ", "12.5"), ("33,34", "33.34"), ("100", "100"), ("0", "0")]
)
def test_a_weight_is_typed_so(typed: str, weight: str) -> None:
    assert weight_of(typed) == D(weight)
    assert weight_of(plain(D(weight))) == D(weight)


@pytest.mark.parametrize("typed", ["ten", "-1", "101", "100.01", "33.333", "1e1", "٣", "=1", "NaN"])
def test_what_is_no_weight_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        weight_of(typed)


@pytest.fixture
def work(world: Session, cast: Cast) -> list[Assignment]:
    made = [make_assignment(world, cast.intake, cast.kofi) for _ in range(3)]
    world.commit()
    return made


def weigh(
    session: Session, cast: Cast, work: list[Assignment], *weights: str, seen: str = NONE, by: Any = None
) -> None:
    chosen = {row.id: D(weight) for row, weight in zip(work, weights, strict=False)}
    command = SetWeights(weights=chosen, seen=seen)
    set_weights(session, actor(by or cast.kofi), cast.intake.id, command, at=now())


def weights_of(session: Session, work: list[Assignment]) -> list[D]:
    session.flush()
    found = dict(session.execute(select(Assignment.id, Assignment.weight)).all())
    return [found[row.id] for row in work]


def test_new_work_weighs_nothing_until_somebody_says_so(world: Session, work: list[Assignment]) -> None:
    assert weights_of(world, work) == [0, 0, 0]


def test_weights_are_kept_and_the_trail_says_what_changed(world: Session, cast: Cast, work: list[Assignment]) -> None:
    weigh(world, cast, work, "60", "39.5", "0.5")
    assert weights_of(world, work) == [D(60), D("39.5"), D("0.5")]
    seen = version_of(dict(zip([row.id for row in work], weights_of(world, work), strict=True)))
    weigh(world, cast, work, "60", "40", seen=seen)  # who is not named weighs nothing
    assert weights_of(world, work) == [D(60), D(40), D(0)]
    entries = world.scalars(select(AuditEntry).where(AuditEntry.action == "intake:weigh").order_by(AuditEntry.id)).all()
    assert [entry.subject_id for entry in entries] == [str(cast.intake.id)] * 2
    assert set(entries[1].fields) == {str(work[1].id), str(work[2].id)}
    detail = world.scalars(select(AuditDetail).where(AuditDetail.entry_id == entries[1].id)).one()
    assert detail.after == {str(work[1].id): "40", str(work[2].id): "0"}


def test_the_same_weights_again_change_nothing(world: Session, cast: Cast, work: list[Assignment]) -> None:
    weigh(world, cast, work, "60", "40")
    weigh(world, cast, work, "60", "40", seen="of long ago")
    assert world.scalar(select(func.count()).where(AuditEntry.action == "intake:weigh")) == 1


@pytest.mark.parametrize(
    ("weights", "why"),
    [
        (["60", "30"], "add to 90 of 100"),
        (["60", "40.01"], r"add to 100\.01 of 100"),
        (["0", "0", "0"], "add to 0 of 100"),
        (["101", "-1"], "check the weights"),
        (["33.335", "66.665"], "check the weights"),
        (["NaN", "100"], "check the weights"),
    ],
)
def test_what_does_not_add_to_a_hundred_is_refused_whole(
    world: Session, cast: Cast, work: list[Assignment], weights: list[str], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        weigh(world, cast, work, *weights)
    assert weights_of(world, work) == [0, 0, 0]


def test_work_of_another_intake_cannot_weigh_here(world: Session, cast: Cast, work: list[Assignment]) -> None:
    elsewhere = make_assignment(world, cast.other_intake, cast.yaw)
    for stranger in (elsewhere.id, uuid4()):
        command = SetWeights(weights={work[0].id: D(60), stranger: D(40)}, seen=NONE)
        with pytest.raises(Invalid):
            set_weights(world, actor(cast.kofi), cast.intake.id, command, at=now())


def test_only_a_trainer_of_the_intake_decides(world: Session, cast: Cast, work: list[Assignment]) -> None:
    for stranger in (cast.yaw, cast.efua):
        with pytest.raises(NotFound):
            weigh(world, cast, work, "60", "40", by=stranger)


def test_whoever_saw_other_weights_is_told(world: Session, cast: Cast, work: list[Assignment]) -> None:
    weigh(world, cast, work, "60", "40")
    with pytest.raises(Conflict, match="somebody else"):
        weigh(world, cast, work, "50", "50")
    assert weights_of(world, work)[0] == 60


def test_work_that_nobody_saw_is_put_away_only_without_weight(world: Session, cast: Cast) -> None:
    draft = make_assignment(world, cast.intake, cast.kofi, state="draft", published_at=None, weight=D(100))
    with pytest.raises(Conflict, match="final mark"):
        archive_assignment(world, actor(cast.kofi), draft.id, at=now())


def test_the_database_refuses_weights_that_do_not_add_to_a_hundred(live_engine: Engine) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        one, other = (make_assignment(session, cast.intake, cast.kofi).id for _ in range(2))
        session.commit()
        change = text("UPDATE assignments SET weight = :weight WHERE id = :id")
        session.execute(change, {"weight": 60, "id": one})
        with pytest.raises(IntegrityError, match="add to 60"):
            session.commit()
        session.rollback()
        session.execute(change, {"weight": 60, "id": one})
        session.execute(change, {"weight": 40, "id": other})
        session.commit()
        with pytest.raises(IntegrityError):
            session.execute(change, {"weight": 101, "id": one})


def test_two_trainers_at_once_leave_the_weights_of_one(live_engine: Engine) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        work = [make_assignment(session, cast.intake, cast.kofi).id for _ in range(4)]
        session.commit()

        def press(place: int) -> None:
            rest = [D(10), D(20), D(30), D(40)]
            weights: dict[UUID, D] = dict(zip(work, rest[place:] + rest[:place], strict=True))
            perform(set_weights, actor(cast.kofi), cast.intake.id, SetWeights(weights=weights, seen=NONE), at=now())

        ended = at_once(*(partial(press, place) for place in range(4)))
        assert len(refused(ended)) == 3
        assert session.scalar(select(func.sum(Assignment.weight))) == 100
