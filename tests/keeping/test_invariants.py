"""Every rule of `portal check`: a portal at work keeps it, and whoever breaks it is noticed."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from portal.domain.notifications.models import Notification
from portal.jobs import delivery
from portal.keeping.invariants import INVARIANTS, Look, check
from portal.keeping.notes import last_check
from tests.factories import make_session, now
from tests.keeping.at_work import World
from tests.keeping.at_work import arranged as arranged
from tests.keeping.at_work import live_template as live_template
from tests.keeping.at_work import world as world
from tests.keeping.breaches import JOB, PLANTED, TICKS, WORKER


def test_a_portal_at_work_keeps_every_rule(world: World) -> None:
    assert world.broken() == {}
    looked_at = {answer.invariant.name: answer.found.looked_at for answer in check(Look(world.storage, now()))}
    assert looked_at["every_receipt_has_number_and_code"] == 2
    assert looked_at["every_attached_file_has_its_bytes"] == 1
    assert looked_at["every_receiving_upload_has_its_bytes"] == 1
    assert looked_at["every_whole_upload_has_its_bytes"] == 1
    assert looked_at["every_taken_upload_is_its_file"] == 1
    assert looked_at["no_hand_in_waits_for_nothing"] == 1
    assert looked_at["the_trail_is_whole_and_sealed"] > 0


def test_every_rule_says_what_holds_and_where_it_comes_from() -> None:
    for invariant in INVARIANTS:
        says, _, source = str(invariant.look.__doc__).partition("\n\n")
        assert says.strip().endswith(".")
        assert source.strip().startswith(("Product, ", "Design, ")), invariant.name
    assert len({invariant.name for invariant in INVARIANTS}) == len(INVARIANTS)


@pytest.mark.parametrize(("rule", "planted", "said"), PLANTED, ids=[f"{rule}: {said}" for rule, _, said in PLANTED])
def test_a_planted_breach_is_noticed(world: World, rule: str, planted: list[str], said: str) -> None:
    world.plant(*planted)
    assert said in world.broken().get(rule, "")


@pytest.mark.parametrize(
    ("kept_open", "said"),
    [
        ("sessions", "goes on"),
        ("INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, created_at, expires_at) "
         "SELECT gen_random_uuid(), gen_random_uuid(), id, 'x', now(), now() + interval '1 day' FROM users "
         "WHERE first_name = 'Kojo'", "API sign-in"),
        ("INSERT INTO single_use_tokens (id, purpose, token_hash, user_id, created_at, expires_at) "
         "SELECT gen_random_uuid(), 'reset', 'x', id, now(), now() + interval '1 hour' FROM users "
         "WHERE first_name = 'Kojo'", "still works"),
    ],
)  # fmt: skip
def test_a_way_in_that_somebody_deactivated_kept_is_noticed(
    world: World, live_engine: Engine, kept_open: str, said: str
) -> None:
    if kept_open == "sessions":
        with Session(live_engine) as session:
            make_session(session, world.cast.kojo)
            session.commit()
    else:
        world.plant(kept_open)
    assert said in world.broken()["nobody_deactivated_can_get_in"]


def test_entries_that_wait_for_their_seal_are_a_breach_only_where_a_worker_is_there_to_seal_them(world: World) -> None:
    world.plant("DELETE FROM audit_seals WHERE position = (SELECT max(position) FROM audit_seals)")
    later = now() + timedelta(minutes=2)
    assert world.broken(at=later) == {}
    world.plant(WORKER, TICKS)
    assert "is not sealed" in world.broken(at=later)["the_trail_is_whole_and_sealed"]


def test_what_the_worker_mends_has_a_moment_to_be_mended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look right after a start finds jobs of the worker that was killed; the new one gives them back."""
    world.plant(WORKER, TICKS, JOB + "VALUES ('default', 'mail.deliver', 'doing', '{}', 1, NULL)")
    monkeypatch.setattr(time, "sleep", lambda _seconds: world.plant("DELETE FROM procrastinate_jobs"))
    answers = list(check(Look(world.storage, now()), patience=5))
    assert [answer.invariant.name for answer in answers if not answer.found.holds] == []


def test_a_message_that_nobody_will_take_has_its_mark_and_is_no_breach(world: World, live_engine: Engine) -> None:
    with Session(live_engine) as session:
        told = session.scalars(select(Notification.id)).first()
    world.plant("UPDATE notifications SET mailed_at = NULL", "DELETE FROM procrastinate_jobs")
    world.plant(f"INSERT INTO job_marks (key) VALUES ('{delivery.settled_key(told)}')")
    assert str(told) not in world.broken()["every_message_is_sent_or_waits"]


def test_the_command_says_each_rule_and_ends_with_one_where_one_is_broken(world: World) -> None:
    whole = world.ask()
    assert whole.exit_code == 0, whole.output
    assert f"{len(INVARIANTS)} rules, 0 broken." in whole.output
    world.lose_the_bytes()
    broken = world.ask("--quick")
    assert broken.exit_code == 1
    assert "BROKEN        1  Every attached file has its bytes in the store" in broken.output
    assert "its bytes are missing" in broken.output
    assert f"{len(INVARIANTS)} rules, 1 broken." in broken.output


def test_the_command_answers_a_program(world: World) -> None:
    world.plant(*(JOB + "VALUES ('default', 'mail.deliver', 'failed', '{}', 60, NULL)" for _ in range(25)))
    answer = json.loads(world.ask("--json").output)
    assert answer["holds"] is False
    given_up = next(rule for rule in answer["invariants"] if rule["name"] == "no_job_was_given_up")
    assert (given_up["holds"], len(given_up["wrong"]), given_up["more"]) == (False, 20, 5)
    assert given_up["says"].startswith("No job was given up")
    remembered = last_check(world.settings.portal_home)
    assert remembered is not None
    assert "no_job_was_given_up" in remembered.broken
