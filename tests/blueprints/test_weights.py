"""A trainer says what each assignment of an intake weighs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import parse, words

D = Decimal


@pytest.fixture
def work(world: Session, cast: Cast) -> list[Assignment]:
    made = [make_assignment(world, cast.intake, cast.kofi, points=points) for points in (20, 40, 100)]
    world.commit()
    return made


def address(cast: Cast) -> str:
    return f"/trainer/intakes/{cast.intake.id}/weights"


def form(client: FlaskClient, cast: Cast, work: list[Assignment], *typed: str, do: str = "save") -> dict[str, str]:
    """Return the fields as the page had them, with what was typed."""
    page = parse(client.get(address(cast)))
    seen = page.css_first("[name=seen]").attributes["value"] or ""
    fields = {f"weight-{row.id}": text for row, text in zip(work, typed, strict=False)}
    return {"seen": seen, "do": do} | fields


def shown(answer: Any, work: list[Assignment]) -> list[str]:
    page = parse(answer)
    return [page.css_first(f"#weight-{row.id}").attributes["value"] or "" for row in work]


def kept(world: Session, work: list[Assignment]) -> list[D]:
    found = dict(world.execute(select(Assignment.id, Assignment.weight)).all())
    return [found[row.id] for row in work]


def test_weights_are_typed_saved_and_shown_again(kofi: FlaskClient, world: Session, cast: Cast, work: Any) -> None:
    assert "Weights add to 0 of 100" in words(kofi.get(address(cast)))
    answer = kofi.post(address(cast), data=form(kofi, cast, work, "60", "39,5", "0.5"))
    assert answer.headers["Location"] == f"/trainer/intakes/{cast.intake.id}/gradebook"
    assert kept(world, work) == [D(60), D("39.5"), D("0.5")]
    assert shown(kofi.get(address(cast)), work) == ["60", "39.5", "0.5"]


def test_a_sum_that_is_not_a_hundred_is_refused_and_nothing_typed_is_lost(
    kofi: FlaskClient, world: Session, cast: Cast, work: Any
) -> None:
    answer = kofi.post(address(cast), data=form(kofi, cast, work, "60", "30"))
    assert answer.status_code == 422
    assert "Weights add to 90 of 100: 10 still to be given" in words(parse(answer).css_first("#sum"))
    assert shown(answer, work) == ["60", "30", ""]
    assert kept(world, work) == [0, 0, 0]
    assert "10 too much" in words(kofi.post(address(cast), data=form(kofi, cast, work, "60", "50")))


def test_what_is_no_number_is_refused_beside_its_field(kofi: FlaskClient, cast: Cast, work: Any) -> None:
    answer = kofi.post(address(cast), data=form(kofi, cast, work, "sixty", "40"))
    assert answer.status_code == 422
    field = parse(answer).css_first(f"#weight-{work[0].id}")
    assert field.attributes["aria-invalid"] == "true"
    assert "0 to 100" in words(parse(answer).css_first(f"#{field.attributes['aria-describedby']}"))
    assert shown(answer, work)[0] == "sixty"


def test_buttons_fill_the_fields_and_keep_nothing(kofi: FlaskClient, world: Session, cast: Cast, work: Any) -> None:
    equally = kofi.post(address(cast), data=form(kofi, cast, work, do="equally"))
    assert shown(equally, work) == ["33.34", "33.33", "33.33"]
    assert "Not saved yet" in words(equally)
    by_points = kofi.post(address(cast), data=form(kofi, cast, work, do="by_points"))
    assert shown(by_points, work) == ["12.5", "25", "62.5"]
    of_two = kofi.post(address(cast), data=form(kofi, cast, work, "1", "1", "", do="equally"))
    assert shown(of_two, work) == ["50", "50", ""]  # practice stays practice
    assert kept(world, work) == [0, 0, 0]


def test_the_sum_is_told_while_typing(kofi: FlaskClient, cast: Cast, work: Any) -> None:
    data = form(kofi, cast, work, "60", "39", "x", do="sum")
    answer = kofi.post(address(cast), data=data, headers={"HX-Request": "true"})
    assert [node.attributes.get("id") for node in parse(answer).body.iter()] == ["sum"]
    assert "holds no number" in words(answer)
    data[f"weight-{work[2].id}"] = "1"
    assert "add to 100 of 100" in words(kofi.post(address(cast), data=data, headers={"HX-Request": "true"}))


def test_whoever_looked_at_older_weights_is_told_and_may_save_after_looking(
    kofi: FlaskClient, world: Session, cast: Cast, work: Any
) -> None:
    late = form(kofi, cast, work, "50", "50")
    kofi.post(address(cast), data=form(kofi, cast, work, "60", "40"))
    answer = kofi.post(address(cast), data=late)
    assert answer.status_code == 409
    assert "somebody else" in words(answer)
    assert shown(answer, work)[:2] == ["50", "50"]
    seen = parse(answer).css_first("[name=seen]").attributes["value"]
    assert kofi.post(address(cast), data=late | {"seen": seen}).status_code == 303
    assert kept(world, work)[0] == 50


def test_an_intake_without_work_says_what_will_be_here(kofi: FlaskClient, cast: Cast) -> None:
    assert "Nothing to weigh yet" in words(kofi.get(address(cast)))


def test_drafts_weigh_and_what_was_put_away_unseen_does_not(
    kofi: FlaskClient, world: Session, cast: Cast, work: Any
) -> None:
    draft = make_assignment(world, cast.intake, cast.kofi, state="draft", published_at=None)
    unseen = make_assignment(world, cast.intake, cast.kofi, state="archived", published_at=None)
    seen = make_assignment(world, cast.intake, cast.kofi, state="archived", published_at=now())
    world.commit()
    page = parse(kofi.get(address(cast)))
    assert page.css_first(f"#weight-{draft.id}") is not None
    assert page.css_first(f"#weight-{seen.id}") is not None
    assert page.css_first(f"#weight-{unseen.id}") is None


def test_nobody_else_sees_or_sets_them(sign_in: Any, world: Session, cast: Cast, work: Any) -> None:
    for person, expected in ((cast.yaw, 404), (cast.efua, 404), (cast.ama, 403)):
        client = sign_in(person)
        assert client.get(address(cast)).status_code == expected
        data = {"do": "save", "seen": "", f"weight-{work[0].id}": "100"}
        assert client.post(address(cast), data=data).status_code == expected
    assert kept(world, work) == [0, 0, 0]
