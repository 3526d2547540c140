"""A program reads results and sets weights by the same rules as the pages."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api_v1.conftest import assert_refused
from tests.domain.assignments.arranging import hand_in, mark
from tests.domain.results.arranging import weighed
from tests.factories import make_enrolment, make_user


def book(cast) -> str:
    return f"/results/intakes/{cast.intake.id}/gradebook"


def weights(cast) -> str:
    return f"/results/intakes/{cast.intake.id}/weights"


def test_a_student_reads_own_results_from_released_marks_alone(world, cast, program) -> None:
    first, second = weighed(world, cast, "60", "40")
    mark(world, cast, hand_in(world, cast, first), "80", release=True)
    mark(world, cast, hand_in(world, cast, second), "10")
    found = program(cast.ama).get(f"/results/my-results/{cast.intake.id}").get_json()["data"]
    assert found["final_mark"] == {
        "so_far": "80", "secured": "48", "most": "88", "decided": "60", "final": None, "on_course": True,
    }  # fmt: skip
    assert [(row["assignment_id"], row["weight"], row["mark"]) for row in found["assignments"]] == [
        (str(first.id), "60.00", "80.00"),
        (str(second.id), "40.00", None),
    ]


def test_a_trainers_program_reads_the_gradebook_from_page_to_page(world, cast, program) -> None:
    (work,) = weighed(world, cast, "100")
    for number in range(4):
        make_enrolment(world, make_user(world, first_name=f"Student{number}", last_name="Sarpong"), cast.intake)
    world.commit()
    mark(world, cast, hand_in(world, cast, work), "80")
    kofi = program(cast.kofi)
    for sort in ("name", "highest"):
        page = kofi.get(book(cast), limit=2, sort=sort).get_json()["data"]
        pages = [page]
        while pages[-1]["next"]:
            pages.append(kofi.follow(pages[-1]["next"]).get_json()["data"])
        assert [len(each["students"]) for each in pages] == [2, 2, 1]
        assert len({row["enrolment_id"] for each in pages for row in each["students"]}) == 5
    ama = pages[0]["students"][0]
    assert (ama["student"], ama["final_mark"]["final"]) == ("Ama Mensah", "80")
    assert [(cell["mark"], cell["held_back"]) for cell in ama["marks"]] == [("80.00", True)]


def test_a_cursor_that_was_made_up_is_refused(cast, program) -> None:
    assert_refused(program(cast.kofi).get(book(cast), cursor="made-up"), 400)
    assert_refused(program(cast.kofi).get(book(cast), sort="sideways"), 422, "sort")


def test_weights_are_read_and_set_all_or_none(world, cast, program) -> None:
    first, second = weighed(world, cast, "0", "0")
    kofi = program(cast.kofi)
    seen = kofi.get(weights(cast)).get_json()["data"]["version"]

    def put(*given: tuple[object, object], seen: str = seen):
        rows = [{"assignment_id": str(getattr(row, "id", row)), "weight": weight} for row, weight in given]
        return kofi.put(weights(cast), json={"weights": rows, "seen": seen})

    assert_refused(put((first, 60), (second, 30)), 422)
    assert_refused(put((first, 60), (uuid4(), 40)), 422)
    assert_refused(put((first, 60), (first, 40)), 422, "weights")
    assert kofi.get(weights(cast)).get_json()["data"]["total"] == "0.00"
    kept = put((first, "60.5"), (second, 39.5)).get_json()["data"]
    assert [row["weight"] for row in kept["assignments"]] == ["60.50", "39.50"]
    assert_refused(put((first, 50), (second, 50)), 409)
    assert put((first, 50), (second, 50), seen=kept["version"]).status_code == 200


@pytest.mark.parametrize("weight", [-1, 100.01, 1.234, "NaN", "1e400", "ten", None])
def test_what_is_no_weight_is_refused(world, cast, program, weight) -> None:
    first, second = weighed(world, cast, "0", "0")
    rows = [{"assignment_id": str(first.id), "weight": weight}, {"assignment_id": str(second.id), "weight": 0}]
    seen = program(cast.kofi).get(weights(cast)).get_json()["data"]["version"]
    assert_refused(program(cast.kofi).put(weights(cast), json={"weights": rows, "seen": seen}), 422)


def test_nobody_elsewhere_reads_or_sets_anything(world, cast, program) -> None:
    (work,) = weighed(world, cast, "0")
    body = {"weights": [{"assignment_id": str(work.id), "weight": 100}], "seen": "x"}
    for person, status in ((cast.yaw, 404), (cast.ama, 403)):
        assert_refused(program(person).get(book(cast)), status)
        assert_refused(program(person).get(weights(cast)), status)
        assert_refused(program(person).put(weights(cast), json=body), status)
    assert_refused(program(cast.efua).put(weights(cast), json=body), 404)
    assert program(cast.efua).get(book(cast)).status_code == 200
    assert_refused(program(cast.esi).get(f"/results/my-results/{cast.intake.id}"), 404)
    assert_refused(program(cast.kofi).get(f"/results/my-results/{cast.intake.id}"), 403)
    assert_refused(program(cast.kojo).get(f"/results/my-results/{cast.intake.id}"), 401)
