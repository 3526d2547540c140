"""The gradebook of an intake: what its trainers and the office see, page by page, and take away."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.releasing import release_all_marks
from portal.domain.results.queries.gradebook import COLUMNS, PAGE_SIZE
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark
from tests.domain.results.arranging import is_over, weighed
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import assert_page_and_fragment, parse, words


def address(cast: Cast, ending: str = "") -> str:
    return f"/trainer/intakes/{cast.intake.id}/gradebook{ending}"


def cells(page: Any) -> dict[str, list[str]]:
    """Return the cells of every student by first name."""
    rows = parse(page).css(".book tbody tr")
    return {words(row.css_first("th a")).split()[0]: [words(cell) for cell in row.css("td")] for row in rows}


def classmates(world: Session, cast: Cast, *names: str) -> list[Any]:
    cast.intake.seats = 1000
    people = [make_user(world, first_name=name, last_name="Sarpong") for name in names]
    enrolments = [make_enrolment(world, person, cast.intake) for person in people]
    world.commit()
    return list(zip(people, enrolments, strict=True))


def test_a_trainer_sees_every_mark_with_what_it_comes_to(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    first, second, third = weighed(world, cast, "50", "30", "20")
    ((abena, late),) = classmates(world, cast, "Abena")
    submission = hand_in(world, cast, first)
    mark(world, cast, submission, "80", release=True)
    mark(world, cast, hand_in(world, cast, second), "60")
    hand_in(world, cast, first, by=abena)
    is_over(world, second)
    give_extensions(world, actor(cast.kofi), second.id, [cast.enrolment.id], 48, at=now())
    world.commit()
    page = kofi.get(address(cast))
    assert cells(page) == {
        "Abena": ["0 % of 30 % decided below 50 %", "0 missing", "to mark", "–"],
        "Ama": ["72.5 % of 80 % decided", "60 held back", "80", "–"],
    }
    assert parse(page).css_first(f".book a[href='/trainer/submissions/{submission.id}']") is not None
    assert [words(head) for head in parse(page).css(".book thead th")] == [
        "Student", "So far", "Work 2 of 100 · 30 %", "Work 1 of 100 · 50 %", "Work 3 of 100 · 20 %",
    ]  # fmt: skip
    give_extensions(world, actor(cast.kofi), second.id, [late.id], 48, at=now())
    world.commit()
    assert cells(kofi.get(address(cast)))["Abena"][:3] == ["– nothing counts yet", "–", "to mark"]
    assert third.weight == 20


def test_a_newer_attempt_and_the_best_one_are_told_apart(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    latest, best = weighed(world, cast, "50", "50")
    best.counted_attempt = "best"
    world.commit()
    for assignment in (latest, best):
        for points in ("90", "40"):
            mark(world, cast, hand_in(world, cast, assignment), points, release=True)
        hand_in(world, cast, assignment)
    assert cells(kofi.get(address(cast)))["Ama"] == [
        "65 % final",
        "40 newer attempt to mark",
        "90 newer attempt to mark",
    ]


def test_weights_that_are_missing_are_told_in_amber(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    page = parse(kofi.get(address(cast)))
    assert "Weights add to 0 of 100" in words(page.css_first(".notice.soon"))
    assert page.css_first(f".notice.soon a[href='/trainer/intakes/{cast.intake.id}/weights']") is not None


def test_work_not_set_yet_keeps_a_final_mark_open(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "60")
    weighed(world, cast, "40", state="draft", published_at=None, title="Secret")
    mark(world, cast, hand_in(world, cast, work), "80")
    page = kofi.get(address(cast))
    assert cells(page)["Ama"] == ["80 % of 60 % decided", "80 held back"]


def test_students_are_found_sorted_and_filtered(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "100")
    people = classmates(world, cast, "Abena", "Yaa", "Zed")
    for (person, _), points in zip(people, ("40", "90"), strict=False):
        mark(world, cast, hand_in(world, cast, work, by=person), points)
    assert list(cells(kofi.get(address(cast, "?q=sarpong")))) == ["Abena", "Yaa", "Zed"]
    assert list(cells(kofi.get(address(cast, "?q=yaa")))) == ["Yaa"]
    assert list(cells(kofi.get(address(cast, "?sort=highest"))))[:2] == ["Yaa", "Abena"]
    assert list(cells(kofi.get(address(cast, "?sort=lowest"))))[:2] == ["Abena", "Yaa"]
    assert list(cells(kofi.get(address(cast, "?show=not_on_course")))) == ["Abena"]
    assert "Nobody fits" in words(kofi.get(address(cast, "?show=missing")))
    is_over(world, work)
    assert set(cells(kofi.get(address(cast, "?show=missing")))) == {"Ama", "Zed"}
    assert "Nobody fits" in words(kofi.get(address(cast, "?q=nobody")))


@pytest.mark.parametrize("order", ["", "?sort=highest", "?sort=lowest", "?show=missing"])
def test_pages_go_on_from_a_place_either_way(kofi: FlaskClient, world: Session, cast: Cast, order: str) -> None:
    (work,) = weighed(world, cast, "100")
    people = classmates(world, cast, *(f"Student{number:02}" for number in range(2 * PAGE_SIZE)))
    if "sort" in order:
        for number, (person, _) in enumerate(people[:30]):
            mark(world, cast, hand_in(world, cast, work, by=person), str(number % 7 * 10))
    is_over(world, work)
    seen, page = [], parse(kofi.get(address(cast, order)))
    pages = []
    while True:
        names = list(cells(page.html))
        pages.append(names)
        seen += names
        link = page.css_first(".pagination [rel=next]")
        if link is None:
            break
        page = parse(kofi.get(link.attributes["href"]))
    assert [len(names) for names in pages] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert len(set(seen)) == 2 * PAGE_SIZE + 1
    for names in reversed(pages[:-1]):
        page = parse(kofi.get(page.css_first(".pagination [rel=prev]").attributes["href"]))
        assert list(cells(page.html)) == names
    assert page.css_first(".pagination [rel=prev]") is None


def test_many_assignments_come_a_page_at_a_time(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    weighed(world, cast, *["10"] * 10)

    def heads(page: Any) -> list[str]:
        return [words(head).split(" of")[0] for head in parse(page).css(".book thead th")[2:]]

    first = kofi.get(address(cast))
    assert heads(first) == [f"Work {number}" for number in range(1, COLUMNS + 1)]
    later = parse(first).css_first("nav[aria-label=Assignments] a").attributes["href"]
    second = kofi.get(later)
    assert heads(second) == ["Work 9", "Work 10"]
    earlier = parse(second).css_first("nav[aria-label=Assignments] a").attributes["href"]
    assert heads(kofi.get(earlier)) == heads(first)
    assert heads(kofi.get(address(cast, "?from=nonsense"))) == heads(first)


def test_the_gradebook_is_a_page_and_a_fragment(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    weighed(world, cast, "100")
    assert_page_and_fragment(kofi, address(cast), "gradebook")


def test_an_empty_gradebook_says_what_will_be_here(kofi: FlaskClient, cast: Cast) -> None:
    assert "Nothing to mark yet" in words(kofi.get(address(cast)))


def test_the_gradebook_is_taken_away_as_csv(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    first, second = weighed(world, cast, "60", "40", title="=Work")
    classmates(world, cast, "=Abena")
    mark(world, cast, hand_in(world, cast, first), "82.5")
    is_over(world, second)
    answer = kofi.get(address(cast, ".csv"))
    assert "Gradebook of Professional Photography" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows[0] == [
        "Student", "Student number", "'=Work (of 100, 40 %)", "'=Work (of 100, 60 %)", "So far (%)", "Final mark (%)",
        "Marks held back",
    ]  # fmt: skip
    assert rows[1:] == [
        ["Ama Mensah", cast.ama.student_number, "missing", "82.50", "49.5", "49.5", "1"],
        ["'=Abena Sarpong", "", "missing", "", "0", "", "0"],
    ]


def test_no_cell_of_the_workbook_is_a_formula(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "100", title="=1+1")
    classmates(world, cast, "=Abena", "@Yaa", "-Zed")
    mark(world, cast, hand_in(world, cast, work), "82.5")
    answer = kofi.get(address(cast, ".xlsx"))
    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        sheet, text = (
            book.read("xl/worksheets/sheet1.xml").decode(),
            "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml")),
        )
    assert "<f>" not in sheet
    assert "82.5" in sheet
    assert "'=Abena Sarpong" in text.replace("&apos;", "'")


def test_the_office_reads_every_gradebook_and_opens_no_work(sign_in: Any, world: Session, cast: Cast) -> None:
    (work,) = weighed(world, cast, "100")
    mark(world, cast, hand_in(world, cast, work), "80")
    efua = sign_in(cast.efua)
    page = efua.get(address(cast))
    assert cells(page)["Ama"] == ["80 % final", "80 held back"]
    assert not parse(page).css(".book td a")
    assert efua.get(f"/trainer/enrolments/{cast.enrolment.id}/record").status_code == 200
    assert parse(efua.get(f"/admin/intakes/{cast.intake.id}")).css_first(f"a[href='{address(cast)}']") is not None


def test_the_record_for_staff_is_the_students_own(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    first, second = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "80", release=True)
    mark(world, cast, hand_in(world, cast, second), "10")
    text = words(kofi.get(f"/trainer/enrolments/{cast.enrolment.id}/record"))
    assert "Ama Mensah" in text
    assert "80 of 100" in text
    assert "10 of 100" not in text
    second.hold_marks = True
    world.commit()
    release_all_marks(world, actor(cast.kofi), second.id, at=now())
    world.commit()
    assert "10 of 100" in words(kofi.get(f"/trainer/enrolments/{cast.enrolment.id}/record"))


def test_nobody_elsewhere_sees_anything(sign_in: Any, world: Session, cast: Cast) -> None:
    weighed(world, cast, "100")
    addresses = [address(cast), address(cast, ".csv"), address(cast, ".xlsx")]
    for person, expected in ((cast.yaw, 404), (cast.ama, 403), (cast.esi, 403)):
        client = sign_in(person)
        for each in [*addresses, f"/trainer/enrolments/{cast.enrolment.id}/record"]:
            assert client.get(each).status_code == expected, each


@pytest.mark.parametrize("view", ["", "?sort=highest", "?show=missing", "?q=sarpong", ".csv"])
def test_a_gradebook_costs_as_many_statements_for_few_and_for_many(
    kofi: FlaskClient, world: Session, cast: Cast, count_queries: Any, view: str
) -> None:
    work = weighed(world, cast, "60", "40")

    def cost() -> int:
        kofi.get(address(cast, view))
        with count_queries() as queries:
            assert kofi.get(address(cast, view)).status_code == 200
        assert len(queries) <= 6, queries
        return len(queries)

    classmates(world, cast, "Abena")
    few = cost()
    for person, _ in classmates(world, cast, *(f"Student{number}" for number in range(PAGE_SIZE + 5))):
        for assignment in work:
            mark(world, cast, hand_in(world, cast, assignment, by=person), "60")
            hand_in(world, cast, assignment, by=person)
    assert cost() == few
