"""Eight clients at once against two workers: what is let through is what the limits say, whoever is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import delete, select, update

from portal.domain.accounts.models import SecurityEvent, SignInThrottle
from portal.web.limits import API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS, FAILURES, PAGES_A_MINUTE
from portal.web.stored_state import limit_counters
from tests.attacks.served import Served
from tests.conftest import PASSWORD

CLIENTS = 8
WRONG = "a calm river at dusk"


@pytest.fixture(autouse=True)
def begin_anew(served: Served) -> None:
    """No counter remembers an earlier test."""
    served.session.execute(delete(SignInThrottle))
    served.session.execute(delete(limit_counters))
    served.session.commit()


def at_once(ask: Callable[[int], int], times: int) -> Counter[int]:
    """Return how often each status came when eight clients ask so often each."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(clients.map(ask, range(CLIENTS * times)))


def sign_in(served: Served, name: str, password: str, address: str, device: str = "") -> requests.Response:
    """Sign in by the form from an address."""
    browser, headers = requests.Session(), {"X-Forwarded-For": address}
    if device:
        browser.cookies.set("device", device)
    page = browser.get(f"{served.address}/login", headers=headers, timeout=30).text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    sent = {"csrf_token": token, "email": name, "password": password}
    return browser.post(f"{served.address}/login", data=sent, headers=headers, allow_redirects=False, timeout=30)


def test_eight_who_guess_at_one_account_get_five_tries_together_and_its_owner_gets_in(served: Served) -> None:
    device = sign_in(served, "ama@example.test", PASSWORD, "192.0.2.200").cookies["device"]
    counted = at_once(
        lambda number: sign_in(served, "ama@example.test", WRONG, f"192.0.2.{number % CLIENTS}").status_code, 2
    )
    assert counted == {422: 5, 429: CLIENTS * 2 - 5}
    assert sign_in(served, "ama@example.test", PASSWORD, "192.0.2.201").status_code == 429  # no device: waits as well
    assert sign_in(served, "ama@example.test", PASSWORD, "192.0.2.200", device).status_code == 303


def test_a_name_nobody_has_is_guarded_in_the_same_way(served: Served) -> None:
    counted = at_once(
        lambda number: sign_in(served, "nobody@example.test", WRONG, f"192.0.2.{number % CLIENTS}").status_code, 1
    )
    assert counted == {422: 5, 429: CLIENTS - 5}


def test_eight_programs_at_one_address_make_fifty_wrong_sign_ins_in_a_quarter_of_an_hour(served: Served) -> None:
    """Each try names somebody else, so that no account is what stops them."""

    def guess(number: int) -> int:
        return call(served, {"email": f"nobody{number}@example.test", "password": WRONG}, "198.51.100.1")

    assert at_once(guess, 1) == {401: CLIENTS}
    leave(served, "api-sign-in", 10, FAILURES)
    leave(served, "api-closed", 1000, 1000)
    counted = at_once(guess, 3)
    assert counted[401] + counted[429] == CLIENTS * 3
    assert 10 <= counted[401] < 10 + CLIENTS  # those on their way when the limit is reached are still answered


def test_eight_programs_that_guess_refresh_tokens_are_stopped(served: Served) -> None:
    counted = at_once(lambda number: call(served, {"refresh_token": f"x{number}"}, "198.51.100.2"), 8)
    allowed = API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS
    assert counted == {401: allowed, 429: CLIENTS * 8 - allowed}


def test_eight_visitors_of_one_address_get_six_hundred_pages_a_minute(served: Served) -> None:
    ask: Any = {"headers": {"X-Forwarded-For": "198.51.100.3"}, "allow_redirects": False, "timeout": 30}
    requests.get(f"{served.address}/favicon.ico", **ask)
    leave(served, "198.51.100.3", 20, PAGES_A_MINUTE)
    counted = at_once(lambda _: requests.get(f"{served.address}/favicon.ico", **ask).status_code, 5)
    assert counted == {301: 20, 429: CLIENTS * 5 - 20}


def test_whoever_is_stopped_cannot_choose_another_address(served: Served) -> None:
    """Only what the trusted proxy says counts; what the client wrote before it does not."""
    said = [f"203.0.113.{number}, 198.51.100.4" for number in range(CLIENTS)]

    def guess(number: int) -> int:
        return call(served, {"refresh_token": "x"}, said[number % CLIENTS])

    counted = at_once(guess, 8)
    assert counted[401] == API_CALLS_OF_AN_ADDRESS_BEYOND_PUBLIC_READS


def test_what_was_tried_is_written_down(served: Served) -> None:
    at_once(lambda number: sign_in(served, "esi@example.test", WRONG, f"192.0.2.{number}").status_code, 1)
    written = select(SecurityEvent.kind).where(SecurityEvent.user_id == served.cast.esi.id)
    kinds = Counter(served.session.scalars(written))
    assert kinds == {"sign-in-failed": 5, "sign-in-made-to-wait": CLIENTS - 5}


def call(served: Served, sent: dict[str, str], address: str) -> int:
    """Return the status of signing in to the API, or of renewing a sign-in, from an address."""
    path = "refresh" if "refresh_token" in sent else "login"
    headers = {"X-Forwarded-For": address}
    return requests.post(f"{served.address}/api/v1/auth/{path}", json=sent, headers=headers, timeout=30).status_code


def leave(served: Served, counter: str, left: int, limit: int) -> None:
    """Set the counters of this name as if all but so many had been used, in a window that lasts through the test."""
    changed = served.session.execute(
        update(limit_counters)
        .where(limit_counters.c.key.contains(counter))
        .values(hits=limit - left, expires_at=datetime.now(UTC) + timedelta(hours=1))
    )
    served.session.commit()
    assert changed.rowcount == 1
