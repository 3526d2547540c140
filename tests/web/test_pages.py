"""The check of every page that tests get: what it does not see, nobody sees."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.pages import CheckedClient

FAULTY = {
    "ids used twice": '<p id="one"></p><p id="one"></p>',
    "<button> has": '<button onclick="go()">Go</button>',
    "<p> has": '<p style="color: red">Red</p>',
    "inline script": "<script>go()</script>",
    "a field without a label": '<input name="name">',
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_fault_of_a_page_fails_the_test_that_gets_it(fault: str) -> None:
    app = Flask("faulty")
    app.test_client_class = CheckedClient
    app.add_url_rule("/", "page", lambda: f"<!doctype html><main>{FAULTY[fault]}</main>")
    for _ in range(2):
        with pytest.raises(AssertionError, match=fault):
            app.test_client().get("/")


def test_a_sound_page_passes() -> None:
    app = Flask("sound")
    app.test_client_class = CheckedClient
    app.add_url_rule("/", "page", lambda: "<main>style = on = <label>Name <input></label></main>")
    assert app.test_client().get("/").status_code == 200
