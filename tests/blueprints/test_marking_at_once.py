"""Two trainers at the bench in the same moment: whoever comes second is shown the mark that came first."""

from __future__ import annotations

import threading
from decimal import Decimal

from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.assignments.marking import GradeSubmission, grade_submission
from portal.domain.assignments.models import Grade
from portal.domain.courses.models import IntakeTrainer
from tests.at_once import until_somebody_waits
from tests.blueprints.at_the_bench import bench
from tests.cast import actor, gather_cast
from tests.conftest import csrf_of
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, make_session, now
from tests.pages import parse, words


def test_a_mark_that_is_given_while_another_waits_to_be_saved_is_shown_beside_what_was_typed(
    app: Flask, live_engine: Engine
) -> None:
    answers: list[TestResponse] = []
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        session.add(IntakeTrainer(intake_id=cast.intake.id, user_id=cast.efua.id))
        submission = hand_in(session, cast, make_assignment(session, cast.intake, cast.kofi, points=20))
        token, row = make_session(session, cast.efua)
        session.commit()
        browser = app.test_client()
        browser.set_cookie("portal", token)
        typed = {"points": "15", "feedback": "Strong composition", "csrf_token": csrf_of(app, row.csrf_token)}

        first = GradeSubmission(submission_id=submission.id, points=Decimal(10), feedback="Fair light")
        grade_submission(session, actor(cast.kofi), first, at=now())
        second = threading.Thread(
            target=lambda: answers.append(browser.post(f"{bench(submission)}/grade", data=typed | {"seen": ""}))
        )
        second.start()
        until_somebody_waits(live_engine)  # its page was read before the first mark stood
        session.commit()
        second.join()

        page = parse(answers[0])
        assert answers[0].status_code == 409
        assert "Kofi Asante has given 10 of 20 since you began" in words(page.css_first(".error-summary"))
        assert "Fair light" in words(page.css_first("#mark .notice"))
        assert page.css_first("textarea[name=feedback]").text().strip() == "Strong composition"
        grade = session.scalars(select(Grade)).one()
        assert page.css_first("#mark input[name=seen]").attributes["value"] == str(grade.id)
