"""Processes are killed at random while people work; the portal comes back, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.soak.acknowledged import look_for_all
from tests.soak.clients import HandedIn, Load
from tests.soak.crashing_home import CrashingHome
from tests.soak.log import SoakLog

KILLS = {
    "a web worker": CrashingHome.kill_web_worker,
    "the web server": CrashingHome.kill_web_server,
    "the job worker": CrashingHome.kill_job_worker,
    "PostgreSQL": CrashingHome.kill_database,
    "a PostgreSQL backend": CrashingHome.kill_database_backend,
    "the supervisor": CrashingHome.kill_supervisor_and_start_again,
    "everything": CrashingHome.kill_everything_and_start_again,
}
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "100"))


def test_people_work_on_through_a_kill_of_the_web_server(folder: Path, soak_log: Callable[[str], SoakLog]) -> None:
    kill_and_look(folder, soak_log("a kill"), ["the web server"])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_people_work_on_through_a_hundred_kills(folder: Path, soak_log: Callable[[str], SoakLog]) -> None:
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 1_000_000))
    log = soak_log(f"{ROUNDS} kills")
    log.note(f"SOAK_SEED={seed}")
    receipts = kill_and_look(folder, log, random.Random(seed).choices(list(KILLS), k=ROUNDS), seed)
    assert any(receipt.interruptions for receipt in receipts), "nothing was killed in the middle of a hand-in"


def kill_and_look(folder: Path, log: SoakLog, kills: Sequence[str], seed: int = 0) -> list[HandedIn]:
    """Kill one thing after the other at a random moment of work, look at everything after each; return all receipts."""
    chance = random.Random(seed)
    home = CrashingHome(folder, students=40)
    try:
        home.start()
        with Load(home) as load:
            load.goes_on(hand_ins=2)
            for kill in kills:
                time.sleep(chance.uniform(0, 1))
                began = time.monotonic()
                KILLS[kill](home)
                home.comes_back()
                log.round(kill, time.monotonic() - began)
                load.goes_on(hand_ins=3)
                look_for_all(home, load, log)
            load.finish()
            look_for_all(home, load, log)
            return load.receipts
    finally:
        home.stop()
