"""Marks of a group on the pages: one for all members, another for one of them alone, and what is typed for either."""

from __future__ import annotations

import csv
import io
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Grade, MarkingDraft
from tests.blueprints.at_the_bench import HTMX
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.pages import parse, words


def test_the_bench_shows_the_group_and_gives_one_member_another_mark(
    kofi: FlaskClient, ama: FlaskClient, sign_in: Any, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas, name="Birds")
    made = hand_in(world, cast, assignment)
    bench = f"/trainer/submissions/{made.id}"
    shown = words(kofi.get(bench))
    assert "Birds" in shown
    assert "Ama Mensah, Abena Tetteh" in shown
    assert kofi.post(f"{bench}/grade", data={"points": "70", "feedback": "Fine."}).status_code == 303
    alone = f"{bench}?member={abenas.id}"
    page = parse(kofi.get(alone))
    assert "Mark of Abena Tetteh alone" in words(page.body)
    seen = page.css_first("#mark input[name=seen]").attributes["value"]
    sent = {"points": "60", "feedback": "Fine.", "seen": seen}
    refused = kofi.post(f"{bench}/grade?member={abenas.id}", data=sent)
    assert (refused.status_code, "says why" in words(refused)) == (422, True)
    sent["reason"] = "She edited none of it."
    assert kofi.post(f"{bench}/grade?member={abenas.id}", data=sent).status_code == 303
    assert world.scalar(select(func.count()).select_from(Grade)) == 3
    assert parse(kofi.get(bench)).css_first("input[name=points]").attributes["value"] == "70"
    history = words(parse(kofi.get(bench)).css_first('section[aria-label="History of the mark"]'))
    assert "Abena Tetteh alone" in history
    assert kofi.get(f"{bench}?member={cast.other_enrolment.id}").status_code == 404
    assert kofi.post(f"{bench}/release").status_code == 303
    assert "70 of 100" in words(ama.get(f"/student/assignments/{assignment.id}"))
    assert "60 of 100" in words(sign_in(abena).get(f"/student/assignments/{assignment.id}"))
    queue = words(kofi.get("/trainer/marking?state=returned"))
    assert "60 to 70 / 100" in queue


def test_what_is_typed_for_one_member_is_kept_apart_from_what_is_typed_for_all_until_each_is_given(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    _, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas, name="Birds")
    bench = f"/trainer/submissions/{hand_in(world, cast, assignment).id}"
    kofi.post(f"{bench}/grade", data={"points": "70", "feedback": "Fine."})
    alone = f"?member={abenas.id}"

    def keep(member: str, points: str) -> None:
        seen = parse(kofi.get(f"{bench}{member}")).css_first("#mark input[name=seen]").attributes["value"]
        typed = {"points": points, "seen": seen}
        assert kofi.post(f"{bench}/draft{member}", data=typed, headers=HTMX).status_code == 200

    def shown(member: str = "") -> tuple[str | None, bool]:
        page = parse(kofi.get(f"{bench}{member}"))
        return page.css_first("input[name=points]").attributes["value"], "Kept as typed" in words(
            page.css_first("#draft")
        )

    assert (shown(), shown(alone)) == (("70", False), ("70", False))
    keep(alone, "60")
    keep("", "75")
    keep(alone, "61")
    assert (shown(), shown(alone)) == (("75", True), ("61", True))
    assert shown(f"?member={cast.enrolment.id}") == ("70", False)
    members = words(parse(kofi.get(bench)).css_first('section[aria-label="Marks of the members"]'))
    assert members.count("another one is typed") == 1

    seen = parse(kofi.get(f"{bench}{alone}")).css_first("#mark input[name=seen]").attributes["value"]
    given = {"points": "61", "seen": seen, "reason": "She edited none of it."}
    assert kofi.post(f"{bench}/grade{alone}", data=given).status_code == 303
    assert (shown(), shown(alone)) == (("75", True), ("61", False))


def test_a_draft_for_one_member_is_kept_without_javascript_and_for_nobody_else(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    make_group(world, cast, assignment, cast.enrolment, name="Birds")
    bench = f"/trainer/submissions/{hand_in(world, cast, assignment).id}"
    alone = f"?member={cast.enrolment.id}"
    kept = kofi.post(f"{bench}/draft{alone}", data={"points": "60"})
    assert (kept.status_code, kept.location) == (303, f"{bench}{alone}")
    for member in (cast.other_enrolment.id, "nobody"):
        assert kofi.post(f"{bench}/draft?member={member}", data={"points": "1"}).status_code == 404
    assert world.scalars(select(MarkingDraft.points)).all() == ["60"]


def test_attempts_of_a_group_are_compared_whoever_handed_in_with_all_marks_of_its_members(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas, name="Birds")
    hand_in(world, cast, assignment, text="We went on Friday.")
    newer = hand_in(world, cast, assignment, by=abena, text="We went on Sunday.")
    bench = f"/trainer/submissions/{newer.id}"
    kofi.post(f"{bench}/grade", data={"points": "70", "feedback": "Fine.", "release": "y"})
    alone = f"?member={abenas.id}"
    seen = parse(kofi.get(f"{bench}{alone}")).css_first("#mark input[name=seen]").attributes["value"]
    kofi.post(f"{bench}/grade{alone}", data={"points": "60", "feedback": "Less.", "reason": "Less.", "seen": seen})
    page = parse(kofi.get(f"{bench}/comparison"))
    older, later = (words(page.css_first(f'section[aria-labelledby="side-{place}"]')) for place in (1, 2))
    assert "We went on" in older
    assert "No mark yet." in older
    assert "60 to 70 of 100 points" in later
    assert "Held back." in later


def test_a_sheet_marks_a_group_at_once_and_then_each_member(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    _, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas, name="Birds")
    hand_in(world, cast, assignment)
    address = f"/trainer/assignments/{assignment.id}/marks"

    def sheet() -> list[dict[str, str]]:
        text = kofi.get(f"{address}.csv").get_data(as_text=True).removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def send(rows: list[dict[str, str]], reason: str = "") -> Any:
        written = io.StringIO(newline="")
        writer = csv.DictWriter(written, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        file = (io.BytesIO(written.getvalue().encode()), "marks.csv")
        shown = kofi.post(address, data={"files": file, "reason": reason}, content_type="multipart/form-data")
        looked_at = parse(shown).css_first("input[name=looked_at]")
        if looked_at is None:
            return words(shown)
        again = {"looked_at": looked_at.attributes["value"], "reason": reason}
        return kofi.post(address, data=again, content_type="multipart/form-data").status_code

    (row,) = sheet()
    assert (row["Student"], row["Student number"], row["Points"]) == ("Birds", "", "")
    assert send([row | {"Points": "70"}]) == 303
    of_each = sheet()
    assert [(row["Student"], row["Points"]) for row in of_each] == [("Ama Mensah", "70.00"), ("Abena Tetteh", "70.00")]
    assert "Nothing changes" in send(of_each)
    assert "A mark that changes says why" in send([of_each[0], of_each[1] | {"Points": "60"}])
    assert send([of_each[0], of_each[1] | {"Points": "60"}], "She edited none of it.") == 303
    assert [row["Points"] for row in sheet()] == ["70.00", "60.00"]
    assert "Nothing changes" in send(sheet())
