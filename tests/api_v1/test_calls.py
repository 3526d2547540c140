"""What other programs read and write for a person."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal.blueprints.api_v1.assignments import LARGEST_HAND_IN
from portal.domain.accounts.identifiers import make_student_number
from portal.domain.accounts.passwords import hash_password
from portal.domain.assignments.models import Grade, Submission
from tests.api_v1.conftest import assert_refused
from tests.factories import add, make_assignment, make_course, make_live_class, now

PASSWORD = "a calm river at dawn"
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@pytest.fixture
def assignment(world, cast):
    made = make_assignment(world, cast.intake, cast.kofi, title="Portrait by a window")
    world.commit()
    return made


def work(text: str = "My work.", *files: tuple[str, bytes]) -> dict:
    return {
        "data": {"submission_text": text, "files": [(io.BytesIO(content), name) for name, content in files]},
        "content_type": "multipart/form-data",
    }


@pytest.mark.parametrize("name", ["ama@example.test", "AMA@example.test", "0241234567", make_student_number(2026, 1)])
def test_a_program_signs_in_by_any_of_a_persons_names(world, cast, program, name) -> None:
    cast.ama.password_hash = hash_password(PASSWORD)
    world.commit()
    answer = program().post("/auth/login", json={"email": name, "password": PASSWORD})
    data = answer.get_json()["data"]
    assert data["user"]["first_name"] == "Ama"
    assert data["expires_in"] == 900
    again = program().post("/auth/refresh", json={"refresh_token": data["refresh_token"]})
    assert again.get_json()["data"]["token"] != data["token"]


def test_wrong_name_and_wrong_password_are_answered_alike(world, cast, program) -> None:
    cast.ama.password_hash = hash_password(PASSWORD)
    world.commit()
    answers = [
        program().post("/auth/login", json={"email": name, "password": "not the password"})
        for name in ("ama@example.test", "nobody@example.test", "kojo@example.test")
    ]
    for answer in answers:
        assert_refused(answer, 401)
    assert len({answer.data for answer in answers}) == 1


def test_after_signing_out_neither_token_is_worth_anything(cast, program) -> None:
    ama = program(cast.ama)
    assert ama.get("/auth/profile").get_json()["data"]["email"] == "ama@example.test"
    assert ama.post("/auth/logout").status_code == 200
    assert_refused(ama.get("/auth/profile"), 401)


def test_signing_in_renewing_and_signing_out_twice_with_one_key_is_once(world, cast, program) -> None:
    cast.ama.password_hash = hash_password(PASSWORD)
    world.commit()

    def twice(path: str, caller=None, **content) -> list[dict]:
        answers = [(caller or program()).post(path, key="try-1", **content) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        return [answer.get_json()["data"] for answer in answers]

    signed_in, repeated = twice("/auth/login", json={"email": "ama@example.test", "password": PASSWORD})
    assert repeated["token"] == signed_in["token"]
    assert repeated["refresh_token"] == signed_in["refresh_token"]
    renewed, again = twice("/auth/refresh", json={"refresh_token": signed_in["refresh_token"]})
    assert again["refresh_token"] == renewed["refresh_token"]
    ama = program()
    ama.headers = {"Authorization": f"Bearer {renewed['token']}"}
    twice("/auth/logout", ama)
    assert_refused(ama.get("/auth/profile"), 401)
    assert_refused(program().post("/auth/refresh", json={"refresh_token": renewed["refresh_token"]}), 401)


@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/logout", "/assignments/{id}/submit"])
def test_a_key_that_is_none_is_refused_by_every_post(cast, program, assignment, path) -> None:
    ama = program(cast.ama)
    assert_refused(ama.post(path.format(id=assignment.id), key="two words"), 422, "Idempotency-Key")


def test_a_bad_token_is_refused_even_where_none_is_needed(program) -> None:
    stranger = program()
    assert stranger.get("/auth/profile").headers["WWW-Authenticate"] == "Bearer"
    stranger.headers = {"Authorization": "Bearer nonsense"}
    assert_refused(stranger.get("/courses"), 401)
    assert_refused(stranger.get("/auth/profile"), 401)


def test_a_deactivated_persons_token_is_refused_at_once(world, cast, program) -> None:
    ama = program(cast.ama)
    cast.ama.deactivated_at = now()
    world.commit()
    assert_refused(ama.get("/auth/profile"), 401)


def test_the_catalogue_is_open_to_everyone_and_has_only_published_courses(world, cast, program) -> None:
    make_course(world, title="Secret plans", state="draft", published_at=None)
    world.commit()
    answer = program().get("/courses", search="photo", limit=1)
    body = answer.get_json()
    assert [course["title"] for course in body["data"]] == ["Professional Photography"]
    assert body["pagination"] == {
        "page": 1,
        "limit": 1,
        "total": 1,
        "totalPages": 1,
        "hasNext": False,
        "hasPrev": False,
    }
    assert program().get("/courses", search="secret").get_json()["data"] == []
    detail = program().get(f"/courses/{cast.photography.id}").get_json()["data"]
    assert detail["intakes"][0]["seats_left"] == 19


def test_pages_of_the_catalogue_neither_repeat_nor_lose_a_course(world, cast, program) -> None:
    for _ in range(7):
        make_course(world)
    world.commit()
    seen = []
    for page in range(1, 5):
        body = program().get("/courses", page=page, limit=3).get_json()
        seen += [course["id"] for course in body["data"]]
        assert body["pagination"]["hasNext"] is (page < 3)
        assert body["pagination"]["hasPrev"] is (page > 1)
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize("query", [{"page": 0}, {"limit": 101}, {"page": "x"}, {"level": "genius"}])
def test_a_question_that_makes_no_sense_is_a_422_that_names_the_field(program, query) -> None:
    assert_refused(program().get("/courses", **query), 422, field=next(iter(query)))


def test_a_student_lists_her_own_assignments_and_reads_one(cast, program, assignment) -> None:
    ama = program(cast.ama)
    listed = ama.get("/assignments/my-assignments").get_json()["data"]
    assert [(row["title"], row["status"]) for row in listed] == [("Portrait by a window", "not_submitted")]
    detail = ama.get(f"/assignments/{assignment.id}").get_json()["data"]
    assert detail["instructions"] == "Make something good."
    assert detail["submissions"] == []


def test_a_student_elsewhere_finds_nothing_of_it(cast, program, assignment) -> None:
    esi = program(cast.esi)
    assert esi.get("/assignments/my-assignments").get_json()["data"] == []
    assert_refused(esi.get(f"/assignments/{assignment.id}"), 404)
    assert_refused(esi.post(f"/assignments/{assignment.id}/submit", **work()), 404)


def test_a_trainer_has_no_assignments_to_hand_in(cast, program, assignment) -> None:
    assert_refused(program(cast.kofi).get("/assignments/my-assignments"), 403)


def test_handing_in_answers_201_with_the_receipt_of_every_file(cast, program, assignment) -> None:
    answer = program(cast.ama).post(
        f"/assignments/{assignment.id}/submit", **work("Seen by a window.", ("notes.pdf", PDF))
    )
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/assignments/{assignment.id}")
    made = answer.get_json()["data"]
    assert made["status"] == "submitted"
    assert made["number"]
    assert made["code"]
    assert [(file["name"], file["size"], file["kind"]) for file in made["files"]] == [
        ("notes.pdf", len(PDF), "application/pdf")
    ]
    assert len(made["files"][0]["sha256"]) == 64


def test_a_repeat_with_the_same_key_is_the_same_hand_in(world, cast, program, assignment) -> None:
    ama = program(cast.ama)
    first = ama.post(f"/assignments/{assignment.id}/submit", key="try-1", **work("Once.", ("notes.pdf", PDF)))
    repeat = ama.post(f"/assignments/{assignment.id}/submit", key="try-1", **work("Once.", ("notes.pdf", PDF)))
    assert repeat.status_code == 201
    assert repeat.headers["Idempotency-Replayed"] == "true"
    assert repeat.get_json() == first.get_json()
    assert world.scalar(select(func.count()).select_from(Submission)) == 1


def test_the_same_key_with_other_work_is_refused(cast, program, assignment) -> None:
    ama = program(cast.ama)
    ama.post(f"/assignments/{assignment.id}/submit", key="try-1", **work("Once."))
    assert_refused(
        ama.post(f"/assignments/{assignment.id}/submit", key="try-1", **work("Twice.")), 422, "Idempotency-Key"
    )


def test_parts_of_a_form_without_a_name_break_nothing(cast, program, assignment) -> None:
    part = b"--x\r\nContent-Disposition: form-data\r\n\r\nnobody knows what\r\n"
    named = b'--x\r\nContent-Disposition: form-data; name="submission_text"\r\n\r\nMine.\r\n'
    answer = program(cast.ama).post(
        f"/assignments/{assignment.id}/submit", key="try-1", data=part + named + part + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )  # fmt: skip
    assert answer.status_code == 201


def test_a_key_belongs_to_its_person(world, cast, program, assignment) -> None:
    film = make_assignment(world, cast.other_intake, cast.yaw)
    world.commit()
    assert program(cast.ama).post(f"/assignments/{assignment.id}/submit", key="same", **work()).status_code == 201
    answer = program(cast.esi).post(f"/assignments/{film.id}/submit", key="same", **work())
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers


def test_a_refused_hand_in_keeps_no_answer_for_its_key(world, cast, program, assignment) -> None:
    ama = program(cast.ama)
    assert_refused(ama.post(f"/assignments/{assignment.id}/submit", key="try-1", **work("")), 422)
    assert ama.post(f"/assignments/{assignment.id}/submit", key="try-1", **work("Now.")).status_code == 201


def test_after_the_due_date_a_hand_in_is_a_conflict(world, cast, program) -> None:
    closed = make_assignment(world, cast.intake, cast.kofi, due_at=now() - timedelta(hours=1))
    world.commit()
    assert_refused(program(cast.ama).post(f"/assignments/{closed.id}/submit", **work()), 409)


def test_a_mark_is_seen_only_once_it_is_released(world, cast, program, assignment) -> None:
    ama = program(cast.ama)
    ama.post(f"/assignments/{assignment.id}/submit", **work())
    submission = world.scalars(select(Submission)).one()
    grade = add(
        world,
        Grade(
            submission_id=submission.id,
            enrolment_id=cast.enrolment.id,
            raw_points=80,
            final_points=80,
            feedback="Strong light.",
            graded_by=cast.kofi.id,
            graded_at=now(),
        ),
    )
    submission.state = "graded"
    world.commit()
    before = ama.get(f"/assignments/{assignment.id}").get_json()["data"]["submissions"][0]
    assert (before["status"], before["mark"]) == ("submitted", None)
    grade.released_at = now()
    submission.state = "returned"
    world.commit()
    after = ama.get(f"/assignments/{assignment.id}").get_json()["data"]["submissions"][0]
    assert after["mark"]["points"] == "80.00"
    assert after["mark"]["feedback"] == "Strong light."


def test_a_meeting_link_is_given_from_fifteen_minutes_before(world, cast, program) -> None:
    make_live_class(world, cast.intake, cast.kofi, title="Soon", starts_at=now() + timedelta(minutes=14))
    make_live_class(world, cast.intake, cast.kofi, title="Later", starts_at=now() + timedelta(hours=3))
    world.commit()
    rows = program(cast.ama).get("/live-classes/upcoming").get_json()["data"]
    assert [(row["title"], bool(row["meeting_url"])) for row in rows] == [("Soon", True), ("Later", False)]
    assert program(cast.esi).get("/live-classes/upcoming").get_json()["data"] == []
    assert len(program(cast.efua).get("/live-classes/upcoming").get_json()["data"]) == 2


def test_a_student_whose_access_or_enrolment_is_closed_gets_no_meeting_link(world, cast, program) -> None:
    make_live_class(world, cast.intake, cast.kofi, title="Now", starts_at=now() - timedelta(minutes=1))
    world.add(cast.enrolment)

    def link() -> str | None:
        world.commit()
        return program(cast.ama).get("/live-classes/upcoming").get_json()["data"][0]["meeting_url"]

    assert link()
    cast.enrolment.access_until = now() - timedelta(seconds=1)
    assert link() is None
    cast.enrolment.access_until, cast.enrolment.state = None, "suspended"
    assert link() is None


def test_a_piece_of_work_that_is_too_large_is_a_413(cast, program, assignment) -> None:
    answer = program(cast.ama).post(
        f"/assignments/{assignment.id}/submit",
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(LARGEST_HAND_IN * 2)},
    )
    assert_refused(answer, 413)


def test_dashboards_count_what_is_there(cast, program, assignment) -> None:
    ama = program(cast.ama)
    before = ama.get("/dashboard/student").get_json()["data"]
    assert (before["pending_assignments"], before["completed_assignments"]) == (1, 0)
    ama.post(f"/assignments/{assignment.id}/submit", **work())
    after = ama.get("/dashboard/student").get_json()["data"]
    assert (after["pending_assignments"], after["completed_assignments"]) == (0, 1)
    institute = program(cast.efua).get("/dashboard/admin").get_json()["data"]
    assert (institute["total_students"], institute["total_courses"], institute["pending_assignments"]) == (2, 2, 1)
    assert_refused(ama.get("/dashboard/admin"), 403)


def test_an_address_that_is_not_there_is_answered_in_the_same_shape(program) -> None:
    assert_refused(program().get("/no-such-thing"), 404)
    assert_refused(program().post("/courses", json={}), 405)
