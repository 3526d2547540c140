"""A trainer keeps phrases and puts them into feedback, with a script or without one."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Grade, MarkingDraft
from portal.domain.assignments.phrase_models import FeedbackPhrase
from portal.domain.assignments.phrases import MOST_PHRASES
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, now
from tests.pages import parse, words


def kept(world: Session) -> list[str]:
    return list(world.scalars(select(FeedbackPhrase.text).order_by(FeedbackPhrase.text)))


def ids_of(client: FlaskClient, address: str) -> dict[str, str]:
    """Return the phrases that are offered beside the feedback, with their ids."""
    choices = parse(client.get(address)).css("[data-phrases] label")
    return {words(choice): choice.css_first("input").attributes["value"] for choice in choices}


def test_a_phrase_is_kept_once_changed_and_removed(kofi: FlaskClient, world: Session) -> None:
    assert "No phrase yet" in words(kofi.get("/trainer/phrases"))
    for text in ("Watch the light.", "Watch the light.", "Mind the horizon."):
        assert kofi.post("/trainer/phrases", data={"text": text}).status_code == 303
    assert kept(world) == ["Mind the horizon.", "Watch the light."]
    light = world.scalars(select(FeedbackPhrase.id).where(FeedbackPhrase.text == "Watch the light.")).one()
    taken = kofi.post(f"/trainer/phrases/{light}", data={"text": "Mind the horizon."})
    assert taken.status_code == 409
    assert parse(taken).css_first("main textarea").text().strip() == "Mind the horizon."
    kofi.post(f"/trainer/phrases/{light}", data={"text": "Watch the light, always."})
    assert kept(world) == ["Mind the horizon.", "Watch the light, always."]
    assert [kofi.post(f"/trainer/phrases/{light}/removal").status_code for _ in range(2)] == [303, 404]
    assert kept(world) == ["Mind the horizon."]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2_001])
def test_an_empty_or_endless_phrase_is_refused_beside_its_field(kofi: FlaskClient, world: Session, text: str) -> None:
    answer = kofi.post("/trainer/phrases", data={"text": text})
    assert answer.status_code == 422
    assert parse(answer).css_first("textarea[name=text]").attributes["aria-invalid"] == "true"
    assert kept(world) == []


def test_nobody_keeps_phrases_without_end(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    world.add_all(
        FeedbackPhrase(owner_id=cast.kofi.id, text=f"Phrase {number}", saved_at=now()) for number in range(MOST_PHRASES)
    )
    world.commit()
    answer = kofi.post("/trainer/phrases", data={"text": "One more"})
    assert answer.status_code == 409
    assert "Remove one first" in words(answer)


def test_ticked_phrases_stand_after_the_feedback_once_it_is_saved(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    for text in ("Watch the light.", "Mind the horizon."):
        kofi.post("/trainer/phrases", data={"text": text})
    bench = f"/trainer/submissions/{hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi)).id}"
    ids = ids_of(kofi, bench)
    ticked = [ids["Watch the light."], ids["Mind the horizon."], ids["Watch the light."]]
    kofi.post(f"{bench}/draft", data={"points": "", "feedback": "Good.", "phrase": ticked[:1]})
    assert world.scalars(select(MarkingDraft.feedback)).one() == "Good.\n\nWatch the light."
    refused = parse(kofi.post(f"{bench}/grade", data={"points": "x", "feedback": "Good.", "phrase": ticked}))
    whole = "Good.\n\nWatch the light.\n\nMind the horizon."
    assert refused.css_first("textarea[name=feedback]").text().strip() == whole
    assert not refused.css("input[name=phrase][checked]")
    kofi.post(f"{bench}/grade", data={"points": "50", "feedback": "", "phrase": ticked})
    assert world.scalars(select(Grade.feedback)).one() == "Watch the light.\n\nMind the horizon."


def test_phrases_are_their_trainers_alone(kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast) -> None:
    kofi.post("/trainer/phrases", data={"text": "Watch the light."})
    phrase = world.scalars(select(FeedbackPhrase)).one()
    yaw = sign_in(cast.yaw)
    assert "Watch the light." not in words(yaw.get("/trainer/phrases"))
    assert yaw.post(f"/trainer/phrases/{phrase.id}", data={"text": "Mine"}).status_code == 404
    assert yaw.post(f"/trainer/phrases/{phrase.id}/removal").status_code == 404
    elsewhere = hand_in(world, cast, make_assignment(world, cast.other_intake, cast.yaw), by=cast.esi)
    yaw.post(f"/trainer/submissions/{elsewhere.id}/grade", data={"points": "5", "phrase": [str(phrase.id)]})
    assert world.scalars(select(Grade.feedback)).one() == ""
    assert kept(world) == ["Watch the light."]
