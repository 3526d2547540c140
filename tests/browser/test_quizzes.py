"""A quiz in Chromium: answers are saved as they are chosen, the clock is the server's, a line that drops costs none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.domain.assignments.models import Submission
from portal.domain.quizzes.reading import answers_of, questions_of
from portal.domain.watch.models import Outage
from tests.domain.quizzes.arranging import SHORT, SINGLE, begin, make_quiz
from tests.factories import make_session
from tests.served import Site


@pytest.fixture
def taken(site: Site, open_browser: Callable[..., Page]) -> tuple[Any, Any, Page]:
    """A quiz of half an hour that Ama has begun, and her phone."""
    quiz = make_quiz(site.session, site.cast, (SINGLE, SHORT), minutes=30)
    attempt = begin(site.session, site.cast, quiz)
    token, _ = make_session(site.session, site.cast.ama)
    site.session.commit()
    page = open_browser(width=360)
    page.context.add_cookies([{"name": "portal", "value": token, "url": site.address}])
    return quiz, attempt, page


@pytest.mark.complaints_expected
def test_a_quiz_is_taken_on_a_phone_whose_line_drops_and_which_sleeps(site: Site, taken: tuple[Any, Any, Page]) -> None:
    quiz, attempt, page = taken
    single, short = questions_of(site.session, quiz.id)
    page.clock.install()
    page.goto(f"{site.address}/student/quiz-attempts/{attempt.id}")
    clock, says = page.locator("[data-left]"), page.locator("[data-says]")
    expect(clock).to_have_text(re.compile(r"^(30:00|29:\d\d) left$"))
    page.get_by_label("The opening of the lens").focus()
    page.keyboard.press("Space")
    expect(page.locator(f"#saved-{single.id}")).to_contain_text("Saved")

    page.context.set_offline(True)
    page.get_by_label("Your answer to question 2").fill("The shutter stays open long.")
    page.clock.run_for(1500)
    expect(page.locator(f"#saved-{short.id}")).to_contain_text("Not saved yet")
    page.context.set_offline(False)
    page.clock.run_for(5000)
    expect(page.locator(f"#saved-{short.id}")).to_contain_text("Saved")
    site.session.expire_all()
    assert set(answers_of(site.session, attempt.id)) == {single.id, short.id}

    page.clock.fast_forward("25:00")
    expect(clock).to_have_text(re.compile(r"^4:\d\d left$"))
    expect(says).to_have_text("5 minutes left.")
    page.clock.fast_forward("04:00")
    expect(says).to_have_text("1 minute left.")
    page.get_by_role("button", name="Check and hand in").click()
    expect(page.get_by_text("All 2 questions have an answer.")).to_be_visible()
    page.get_by_role("button", name="Hand in").click()
    expect(page.get_by_text("Your trainer reads the short answers")).to_be_visible()
    made = site.session.scalars(select(Submission).where(Submission.assignment_id == quiz.id)).one()
    expect(page.get_by_text(made.number or "")).to_be_visible()


@pytest.mark.complaints_expected
def test_an_open_page_learns_of_the_minutes_that_are_given_back_and_is_not_left_while_the_portal_is_away(
    site: Site, taken: tuple[Any, Any, Page]
) -> None:
    _, attempt, page = taken
    page.clock.install()
    page.goto(f"{site.address}/student/quiz-attempts/{attempt.id}")
    clock = page.locator("[data-left]")
    expect(clock).to_have_text(re.compile(r"^(30:00|29:\d\d) left$"))
    site.session.add(Outage(since=attempt.began_at, until=attempt.began_at + timedelta(minutes=8)))
    site.session.commit()
    page.get_by_label("The opening of the lens").check()
    expect(clock).to_have_text(re.compile(r"^37:\d\d left$"))
    expect(page.get_by_text("The portal was away meanwhile, so this is 8 minutes later.")).to_be_visible()

    page.context.set_offline(True)
    page.clock.fast_forward("39:00")
    expect(clock).to_have_text("0:00 left")
    page.clock.run_for(9000)
    expect(page.get_by_label("The opening of the lens")).to_be_visible()
    page.context.set_offline(False)
    with page.expect_navigation():
        page.clock.run_for(5000)
