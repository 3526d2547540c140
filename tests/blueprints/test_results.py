"""A student reads what they have reached in a course, tries what would be, and prints it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Grade
from portal.domain.audit.models import AuditEntry
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.domain.results.arranging import is_over, weighed
from tests.factories import make_enrolment, make_user, now
from tests.pages import assert_page_and_fragment, parse, words


def address(cast: Cast, ending: str = "results") -> str:
    return f"/student/courses/{cast.intake.id}/{ending}"


def figures(page: Any) -> dict[str, str]:
    return {
        words(each.css_first(".label")): words(each.css_first(".value")) for each in parse(page).css("#final .figure")
    }


def row(page: Any, title: str) -> list[str]:
    found = next(each for each in parse(page).css("table tbody tr") if words(each.css_first("th")).startswith(title))
    return [words(cell) for cell in found.css("td")]


def test_a_student_sees_marks_weights_and_what_they_come_to(ama: FlaskClient, world: Session, cast: Cast) -> None:
    first, second, third = weighed(world, cast, "50", "30", "20")
    assert figures(ama.get(address(cast))) == {"So far": "–", "Safe": "0 %", "Within reach": "100 %"}
    mark(world, cast, hand_in(world, cast, first), "80", release=True)
    hand_in(world, cast, second)
    is_over(world, third)
    page = ama.get(address(cast))
    assert figures(page) == {"So far": "57.1 %", "Safe": "40 %", "Within reach": "70 %"}
    assert row(page, "Work 1") == ["50 %", "80 of 100", "40 %", "stands"]
    assert row(page, "Work 2")[:3] == ["30 %", "waits for its mark", "–"]
    assert row(page, "Work 3") == ["20 %", "Missing", "0 %", "stands"]
    text = words(page)
    assert "On course to pass" in text
    assert "For a pass you need at least 33.2 % in all that is open" in text
    assert "For 70 % you need at least 99.9 % in all that is open" in text


def test_marks_held_back_are_no_part_of_it(ama: FlaskClient, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "100")
    mark(world, cast, hand_in(world, cast, work), "37")
    page = ama.get(address(cast))
    assert "37" not in words(parse(page).css_first("main"))
    assert row(page, "Work 1")[1] == "waits for its mark"


def test_what_if_is_worked_out_by_the_portal_and_kept_nowhere(ama: FlaskClient, world: Session, cast: Cast) -> None:
    first, second = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "50", release=True)
    before = len(world.scalars(select(AuditEntry)).all())
    tried = ama.get(address(cast, f"results?if-{second.id}=100"))
    assert figures(tried) == {"Final mark": "70 %"}
    assert "70 % is safe with these marks" in words(tried)
    assert "50 % so far" in words(tried)
    assert parse(tried).css_first(f"#if-{second.id}").attributes["value"] == "100"
    assert figures(ama.get(address(cast)))["So far"] == "50 %"
    assert len(world.scalars(select(Grade)).all()) == 1
    assert len(world.scalars(select(AuditEntry)).all()) == before


def test_what_stands_cannot_be_imagined_away(ama: FlaskClient, world: Session, cast: Cast) -> None:
    first, second = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "50", release=True)
    is_over(world, second)
    assert figures(ama.get(address(cast, f"results?if-{first.id}=100&if-{second.id}=100"))) == {"Final mark": "30 %"}


@pytest.mark.parametrize("typed", ["ten", "101", "-1", "1e2", "50.555", "NaN", "<b>"])
def test_what_is_no_mark_is_left_out_and_said_so(ama: FlaskClient, world: Session, cast: Cast, typed: str) -> None:
    (work,) = weighed(world, cast, "100")
    page = ama.get(address(cast, "results"), query_string={f"if-{work.id}": typed})
    assert "Left out, because it is no mark" in words(page)
    field = parse(page).css_first(f"#if-{work.id}")
    assert (field.attributes["value"], field.attributes["aria-invalid"]) == (typed, "true")
    assert figures(page)["So far"] == "–"


def test_work_not_set_yet_is_one_line_without_its_title(ama: FlaskClient, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "60")
    weighed(world, cast, "25", "15", state="draft", published_at=None, title="Secret brief")
    mark(world, cast, hand_in(world, cast, work), "50", release=True)
    page = ama.get(address(cast, "results?if-not-set-yet=75"))
    assert "Secret" not in page.get_data(as_text=True)
    assert row(page, "Work not set yet")[0] == "40 %"
    assert figures(page) == {"Final mark": "60 %"}


def test_weights_that_are_missing_are_told_in_amber(ama: FlaskClient, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "0")
    mark(world, cast, hand_in(world, cast, work), "50", release=True)
    page = ama.get(address(cast))
    assert "Weights add to 0 of 100" in words(parse(page).css_first(".notice.soon"))
    assert figures(page) == {}
    assert row(page, "Work 1") == ["–", "50 of 100", "–"]


def test_a_final_mark_stands_once_nothing_is_open(ama: FlaskClient, world: Session, cast: Cast) -> None:
    first, second = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "49.9", release=True)
    mark(world, cast, hand_in(world, cast, second), "49.9", release=True)
    page = ama.get(address(cast))
    assert figures(page) == {"Final mark": "49.9 %"}
    assert "Below 50 % so far" in words(page)
    assert not parse(page).css("[name^=if-]")


def test_whoever_left_keeps_marks_and_has_no_final_mark(ama: FlaskClient, world: Session, cast: Cast) -> None:
    first, _ = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "80", release=True)
    cast.enrolment.state, cast.enrolment.ended_at, cast.enrolment.reason = "withdrawn", now(), "Moved"
    world.commit()
    page = ama.get(address(cast))
    assert figures(page) == {}
    assert row(page, "Work 1")[1] == "80 of 100"
    assert "Work 2" not in words(page)


def test_the_record_fits_on_paper_and_invents_nothing(ama: FlaskClient, world: Session, cast: Cast) -> None:
    first, _ = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "80", release=True)
    page = ama.get(address(cast, "record"))
    text = words(page)
    for part in (
        "Ama Mensah",
        cast.ama.student_number,
        "Professional Photography",
        "80 of 100",
        "48 %",
        "no certificate",
    ):
        assert part in text
    assert parse(page).css_first(".paper-head") is not None


def test_results_are_a_page_and_a_fragment(ama: FlaskClient, world: Session, cast: Cast) -> None:
    weighed(world, cast, "100")
    assert_page_and_fragment(ama, address(cast), "final")


def test_a_course_without_work_says_what_will_be_here(ama: FlaskClient, cast: Cast) -> None:
    assert "No results yet" in words(ama.get(address(cast)))


def test_nobody_reads_the_results_of_a_course_they_are_not_in(
    sign_in: Any, app: Any, world: Session, cast: Cast
) -> None:
    weighed(world, cast, "100")
    for ending in ("results", "record"):
        assert sign_in(cast.esi).get(address(cast, ending)).status_code == 404
        assert sign_in(cast.kofi).get(address(cast, ending)).status_code == 403
        assert sign_in(cast.kojo).get(address(cast, ending)).status_code in {302, 303}


def test_classmates_see_only_their_own(sign_in: Any, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "100")
    abena = make_user(world, first_name="Abena")
    make_enrolment(world, abena, cast.intake)
    world.commit()
    mark(world, cast, hand_in(world, cast, work, text="Mine"), "83", release=True)
    assert "83" not in words(parse(sign_in(abena).get(address(cast))).css_first("main"))
