"""Every page that answers htmx with a part of itself has that part once, and answers history with the whole."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.architecture.crowd import crowd
from tests.architecture.estate import build_estate
from tests.architecture.test_page_costs import ONE_MORE, VIEWS, pages
from tests.cast import Cast
from tests.pages import assert_page_and_fragment, parse

POLLED = ("/admin/figures", "/joining", "/notifications/bell")
"""Asked by an open page for a part of itself only: they have no page of their own."""


@pytest.mark.parametrize("who", ["ama", "kofi", "efua"])
def test_every_fragment_a_person_is_sent_is_a_part_of_its_page(
    app: Flask, world: Session, cast: Cast, sign_in: Any, who: str
) -> None:
    estate = build_estate(world, cast)
    crowd(world, cast, estate, ONE_MORE)
    browser = sign_in(getattr(cast, who))
    found = []
    for address in [*pages(app, estate), *VIEWS]:
        answer = browser.get(address, headers={"HX-Request": "true"})
        if answer.status_code != 200 or answer.mimetype != "text/html" or b"<html" in answer.data:
            continue
        if not address.endswith(POLLED):
            root = next(node for node in parse(answer).body.iter() if node.tag != "-text")
            assert_page_and_fragment(browser, address, root.attributes["id"])
            found.append(address)
    assert found
