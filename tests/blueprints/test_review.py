"""A trainer puts notes to places in the work; its student sees them with the mark, answers, and takes them along."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments import reviewing
from portal.domain.assignments.models import Submission, SubmissionFile
from portal.domain.assignments.note_models import NoteDraft, ReviewNote, ReviewReply
from portal.domain.files.models import FileCopy, FileFacts, StoredFile
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark, stored
from tests.factories import add, make_assignment, now
from tests.pages import parse, words

HTMX = {"HX-Request": "true"}
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    return assignment


@pytest.fixture
def submission(app: Any, world: Session, cast: Cast, assignment: Any) -> Submission:
    return film_of(app, world, cast, assignment)


def film_of(app: Any, world: Session, cast: Cast, assignment: Any, name: str = "film.mov") -> Submission:
    """Return an attempt of Ama's with one video, of which the small copy is made."""
    storage = app.extensions["storage"]
    sent = stored(name, "video/quicktime", content=CONTENT)
    storage.put([CONTENT], sent.key)
    submission = hand_in(world, cast, assignment, files=(sent,))
    file_id = world.scalar(select(SubmissionFile.file_id).where(SubmissionFile.submission_id == submission.id))
    facts = {"milliseconds": 12_000, "width": 1920, "height": 1080, "codec": "hevc", "frames": 25, "per_seconds": 1}
    add(world, FileFacts(file_id=file_id, state="ready", asked_at=now(), done_at=now(), **facts))
    for purpose, kind in (("small", "video/mp4"), ("sound", "audio/mp4")):
        content = purpose.encode() * 1000
        copy = stored(f"film ({purpose}).mp4", kind, content=content)
        storage.put([content], copy.key)
        row = StoredFile(
            owner_id=cast.ama.id, purpose="copy", state="attached", name=copy.name, kind=kind, size=copy.size,
            sha256=copy.sha256, storage_key=copy.key, stored_at=now(), attached_at=now(),
        )  # fmt: skip
        add(world, row)
        add(world, FileCopy(file_id=file_id, purpose=purpose, copy_id=row.id))
    world.commit()
    return submission


def bench(submission: Submission) -> str:
    return f"/trainer/submissions/{submission.id}"


def note(browser: Any, submission: Submission, place: str = "0:04.120", text: str = "Cut here.", **values: Any) -> Any:
    """Send the form of a note as a browser does."""
    form = {"csrf_token": browser.csrf, "position": 1, "place": place, "text": text, "key": f"{place} {text}"}
    headers = values.pop("headers", {})
    return browser.post(f"{bench(submission)}/notes", data=form | values, headers=headers)


def notes_in(answer: Any) -> list[str]:
    return [words(item.css_first(".typed")) for item in parse(answer).css("#notes li.note")]


def test_the_small_copy_is_opened_first_and_the_original_is_offered_with_its_size(
    kofi: Any, submission: Submission
) -> None:
    page = parse(kofi.get(bench(submission)))
    video = page.css_first(".review video")
    assert video.attributes["src"].endswith("/copies/small")
    assert page.css_first(".review").attributes["data-rate"] == "25.0"
    said = words(page.css_first(".review-words"))
    assert "1920 × 1080 · 0:12 · HEVC · 25 frames a second" in said
    assert "A small copy is shown, 5" in said
    assert "The original, 10" in said
    assert "is there to download" in said, "no browser plays HEVC everywhere"
    assert "autoplay" not in video.attributes


def test_a_copy_is_streamed_in_parts_to_those_who_may_see_the_work(
    kofi: Any, ama: Any, sign_in: Any, cast: Cast, submission: Submission
) -> None:
    source = parse(kofi.get(bench(submission))).css_first("video").attributes["src"]
    part = kofi.get(source, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.headers["Content-Range"], part.mimetype) == (206, "bytes 100-199/5000", "video/mp4")
    assert part.data == (b"small" * 1000)[100:200]
    assert "inline" in part.headers["Content-Disposition"]
    assert kofi.get(source, headers={"If-None-Match": part.headers["ETag"]}).status_code == 304
    own = source.replace("/trainer/", "/student/")
    assert ama.get(own, headers={"Range": "bytes=0-4"}).data == b"small"
    assert sign_in(cast.yaw).get(source).status_code == 404
    assert sign_in(cast.esi).get(own).status_code == 404
    assert kofi.get(source.replace("/small", "/preview")).status_code == 404
    assert kofi.get(source.replace("/small", "/nothing")).status_code == 404


def test_what_cannot_be_shown_says_why_and_offers_the_download(
    kofi: Any, world: Session, submission: Submission
) -> None:
    world.query(FileCopy).delete()
    facts = world.query(FileFacts).one()
    facts.state, facts.why = "cannot_be_shown", "It is damaged."
    world.commit()
    page = parse(kofi.get(bench(submission)))
    assert page.css_first("video") is None
    assert "It cannot be shown here. It is damaged. Download it: 10" in words(page.css_first(".review-words"))
    assert page.css_first(".review-words a").attributes["href"].endswith("?download")


def test_of_a_file_that_waits_the_original_is_played_where_a_browser_can(
    kofi: Any, world: Session, submission: Submission
) -> None:
    world.query(FileCopy).delete()
    world.query(FileFacts).delete()
    world.commit()
    page = parse(kofi.get(bench(submission)))
    assert "/copies/" not in page.css_first("video").attributes["src"]
    assert "A small copy has not been made yet." in words(page.css_first(".review-words"))


def test_text_is_shown_as_text(app: Any, kofi: Any, world: Session, cast: Cast, assignment: Any) -> None:
    code = b"for each in <script>alert(1)</script>: print(each)\n"
    sent = stored("code.txt", "text/plain", content=code)
    app.extensions["storage"].put([code], sent.key)
    submission = hand_in(world, cast, assignment, files=(sent,))
    page = parse(kofi.get(bench(submission)))
    assert page.css_first("pre.review-text").text() == code.decode()


def test_notes_stand_in_the_order_of_the_video_and_lead_to_their_moment(kofi: Any, submission: Submission) -> None:
    for place, text in (("0:09", "The end is long."), ("0:04.120", "Cut here."), ("", "A strong film.")):
        assert note(kofi, submission, place, text).status_code == 303
    answer = kofi.get(bench(submission))
    assert notes_in(answer) == ["A strong film.", "Cut here.", "The end is long."]
    (first, second) = parse(answer).css("#notes a.note-place")
    assert words(first) == "0:04.120"
    assert first.attributes["href"].endswith("/copies/small#t=4.12"), "it leads there without a script"
    assert first.attributes["data-seek"] == "4120"
    assert words(second) == "0:09.000"


@pytest.mark.parametrize(
    "values, said",
    (
        ({"place": "0:13"}, "“film.mov” ends at 0:12.000."),
        ({"place": "in the middle"}, "A time such as 1:02.5, or nothing for the whole."),
        ({"text": "  "}, "Write at least a word."),
        ({"text": "x" * 2001}, "2,000"),
        ({"position": 2}, "Choose the file that the note is about."),
    ),
)
@pytest.mark.parametrize("htmx", (False, True))
def test_a_note_that_is_refused_says_why_beside_its_field_and_loses_nothing(
    htmx: bool, values: dict[str, Any], said: str, kofi: Any, world: Session, submission: Submission
) -> None:
    answer = note(kofi, submission, headers=HTMX if htmx else {}, **({"text": "Cut here."} | values))
    assert answer.status_code == 422
    page = parse(answer)
    assert said in words(page.css_first("#note-form"))
    assert page.css_first("#note-form textarea").text().strip() == values.get("text", "Cut here.").strip()
    assert page.css_first("#note-form [name=place]").attributes["value"] == values.get("place", "0:04.120")
    assert (page.css_first("h1") is None) is htmx
    assert world.scalar(select(func.count()).select_from(ReviewNote)) == 0


def test_a_note_sent_twice_is_one_note(kofi: Any, world: Session, submission: Submission) -> None:
    for _ in range(2):
        note(kofi, submission)
    assert world.scalar(select(func.count()).select_from(ReviewNote)) == 1


def test_a_note_is_kept_as_it_is_typed_until_it_is_put_there(kofi: Any, world: Session, submission: Submission) -> None:
    typed = {"csrf_token": kofi.csrf, "position": 1, "place": "0:0", "text": "Cut h"}
    answer = kofi.post(f"{bench(submission)}/notes/draft", data=typed, headers=HTMX)
    assert "Kept as typed" in words(parse(answer).css_first("#note_draft"))
    page = parse(kofi.get(bench(submission)))
    assert page.css_first("#note-form textarea").text().strip() == "Cut h"
    assert page.css_first("#note-form [name=place]").attributes["value"] == "0:0"
    note(kofi, submission)
    assert world.scalar(select(func.count()).select_from(NoteDraft)) == 0
    assert parse(kofi.get(bench(submission))).css_first("#note-form textarea").text().strip() == ""


def test_a_student_sees_notes_when_a_mark_was_released_and_not_before(
    kofi: Any, ama: Any, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    note(kofi, submission)
    address = f"/student/assignments/{assignment.id}"
    found = world.query(ReviewNote).one()
    tick = f"{address}/notes/{found.id}/tick"
    for held_back in (False, True):
        if held_back:
            mark(world, cast, submission)
        assert notes_in(ama.get(address)) == []
        assert ama.post(tick, data={"csrf_token": ama.csrf, "done": "yes"}).status_code == 404
    mark(world, cast, submission, release=True)
    page = ama.get(address)
    assert notes_in(page) == ["Cut here."]
    assert parse(page).css_first(".review video").attributes["src"].startswith("/student/")
    note(kofi, submission, "0:05", "And here.")
    assert notes_in(ama.get(address)) == ["Cut here.", "And here."]


def test_a_student_answers_and_ticks_and_the_trainer_sees_it(
    kofi: Any, ama: Any, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    note(kofi, submission)
    mark(world, cast, submission, release=True)
    found = world.query(ReviewNote).one()
    at = f"/student/assignments/{assignment.id}/notes/{found.id}"
    for _ in range(2):
        sent = {"csrf_token": ama.csrf, "text": "It was the wind.", "key": "one"}
        assert ama.post(f"{at}/answers", data=sent).status_code == 303
    refused = ama.post(f"{at}/answers", data={"csrf_token": ama.csrf, "text": " ", "key": "two"})
    assert (refused.status_code, "Write at least a word." in words(parse(refused).css_first("#notes"))) == (422, True)
    fragment = ama.post(f"{at}/tick", data={"csrf_token": ama.csrf, "done": "yes"}, headers=HTMX)
    assert parse(fragment).body.css_first("section").attributes["id"] == "notes"
    assert world.scalar(select(func.count()).select_from(ReviewReply)) == 1
    seen = parse(kofi.get(bench(submission))).css_first("#notes li.note")
    assert words(seen.css_first(".note-reply .typed")) == "It was the wind."
    assert "Done" in words(seen.css_first(".badge"))
    ama.post(f"{at}/tick", data={"csrf_token": ama.csrf, "done": "no"})
    world.expire_all()
    assert (found.state, found.done_at) == ("open", None)


def test_open_notes_stand_on_the_next_attempt_at_the_same_moment(
    app: Any, kofi: Any, ama: Any, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    for place, text in (("0:02", "Too dark."), ("0:04.120", "Cut here.")):
        note(kofi, submission, place, text)
    mark(world, cast, submission, release=True)
    dark = world.scalars(select(ReviewNote).where(ReviewNote.text == "Too dark.")).one()
    tick = f"/student/assignments/{assignment.id}/notes/{dark.id}/tick"
    ama.post(tick, data={"csrf_token": ama.csrf, "done": "yes"})
    again = film_of(app, world, cast, assignment, "second.mov")
    page = kofi.get(bench(again))
    assert notes_in(page) == ["Cut here."]
    item = parse(page).css_first("#notes li.note")
    assert words(item.css_first(".badge")) == "from attempt 1"
    place = item.css_first("a.note-place").attributes
    assert place["data-seek"] == "4120"
    assert str(again.id) in place["href"], "the moment is shown in the new video"
    assert notes_in(ama.get(f"/student/assignments/{assignment.id}")) == ["Cut here."]
    carried = world.scalars(select(ReviewNote).where(ReviewNote.text == "Cut here.")).one()
    kofi.post(f"{bench(again)}/notes/{carried.id}/tick", data={"csrf_token": kofi.csrf, "done": "yes"})
    assert notes_in(kofi.get(bench(again))) == ["Cut here."], "what is put right now stays, done"
    first = ama.get(f"/student/assignments/{assignment.id}?attempt=1")
    assert notes_in(first) == ["Too dark.", "Cut here."]


def test_nobody_else_comes_near_a_note(
    kofi: Any, sign_in: Any, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    note(kofi, submission)
    mark(world, cast, submission, release=True)
    found = world.query(ReviewNote).one()
    yaw, esi, efua = sign_in(cast.yaw), sign_in(cast.esi), sign_in(cast.efua)
    assert note(yaw, submission).status_code == 404
    for way in ("answers", "tick"):
        sent = {"csrf_token": yaw.csrf, "text": "Mine.", "key": "x", "done": "yes"}
        assert yaw.post(f"{bench(submission)}/notes/{found.id}/{way}", data=sent).status_code == 404
        sent["csrf_token"] = esi.csrf
        assert esi.post(f"/student/assignments/{assignment.id}/notes/{found.id}/{way}", data=sent).status_code == 404
    assert efua.get(bench(submission)).status_code == 404, "she is no trainer of this intake"
    own = film_of(kofi.application, world, cast, make_assignment(world, cast.intake, cast.kofi))
    theirs = make_assignment(world, cast.other_intake, cast.yaw)
    world.commit()
    elsewhere = hand_in(world, cast, theirs, by=cast.esi, text="Hers.")
    sent = {"csrf_token": yaw.csrf, "done": "yes"}
    assert yaw.post(f"{bench(elsewhere)}/notes/{found.id}/tick", data=sent).status_code == 404
    assert own.id != submission.id
    world.expire_all()
    assert found.state == "open"


def voice_file(name: str = "voice.webm") -> tuple[io.BytesIO, str]:
    return io.BytesIO(
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + bytes(900)
    ), name


def test_a_note_can_be_said_aloud_as_well(
    kofi: Any, ama: Any, sign_in: Any, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    assert note(kofi, submission, voice=voice_file()).status_code == 303
    found = world.query(ReviewNote).one()
    assert world.get_one(StoredFile, found.voice_id).purpose == "note"
    for_trainer, for_student = (f"/{role}/notes/{found.id}/voice" for role in ("trainer", "student"))
    assert ama.get(for_student).status_code == 404, "held back with the note"
    mark(world, cast, submission, release=True)
    answer = ama.get(for_student)
    assert (answer.status_code, answer.mimetype) == (200, "video/webm")
    assert (
        parse(ama.get(f"/student/assignments/{assignment.id}")).css_first("#notes audio").attributes["src"]
        == for_student
    )
    assert kofi.get(for_trainer).data == answer.data
    assert sign_in(cast.yaw).get(for_trainer).status_code == 404
    assert sign_in(cast.esi).get(for_student).status_code == 404


@pytest.mark.parametrize(
    "content, said",
    (
        (b"\xff\xd8\xff\xe0 a photograph" * 20, "This is not a voice as a browser records it."),
        (b"<script>alert(1)</script>", "is a web page or a drawing with code"),
        (b"\x1aE\xdf\xa3webm" + bytes(3000), "At most 0 MB."),
    ),
)
def test_what_is_no_voice_is_refused_and_the_note_kept_in_the_form(
    content: bytes, said: str, app: Any, kofi: Any, world: Session, submission: Submission, monkeypatch: Any
) -> None:
    monkeypatch.setattr(reviewing, "LONGEST_VOICE", 2000)
    before = set(app.extensions["storage"].every_key())
    answer = note(kofi, submission, voice=(io.BytesIO(content), "voice.webm"))
    assert answer.status_code in {413, 422}
    assert said in words(parse(answer).css_first("#note-form"))
    assert parse(answer).css_first("#note-form textarea").text().strip() == "Cut here."
    assert world.scalar(select(func.count()).select_from(ReviewNote)) == 0
    assert set(app.extensions["storage"].every_key()) == before


def test_only_the_page_with_notes_may_ask_for_the_microphone(kofi: Any, ama: Any, submission: Submission) -> None:
    assert "microphone=(self)" in kofi.get(bench(submission)).headers["Permissions-Policy"]
    for browser, address in ((kofi, "/trainer/marking"), (ama, "/student/assignments")):
        assert "microphone=()" in browser.get(address).headers["Permissions-Policy"]


@pytest.mark.parametrize("who", ("kofi", "ama"))
def test_a_hundred_notes_cost_as_many_statements_as_one(
    who: str, request: Any, kofi: Any, world: Session, cast: Cast, assignment: Any, submission: Submission,
    count_queries: Any,
) -> None:  # fmt: skip
    browser = request.getfixturevalue(who)
    address = bench(submission) if who == "kofi" else f"/student/assignments/{assignment.id}"
    note(kofi, submission)
    mark(world, cast, submission, release=True)
    browser.get(address)
    with count_queries() as one:
        browser.get(address)
    file_id = world.query(ReviewNote).one().file_id
    for number in range(99):
        row = ReviewNote(
            submission_id=submission.id, file_id=file_id, milliseconds=number, text="More.", author_id=cast.kofi.id,
            created_at=now(), key=f"more {number}",
        )  # fmt: skip
        add(world, row)
        add(world, ReviewReply(note_id=row.id, author_id=cast.ama.id, text="Yes.", created_at=now(), key=f"{number}"))
    world.commit()
    with count_queries() as hundred:
        assert len(notes_in(browser.get(address))) == 100
    assert len(hundred.statements) == len(one.statements) <= 6
