"""What a rule forbids it forbids at both doors: a page and a program are refused alike, in the same words.

And nothing is changed by either. Each row is a rule; what is there is arranged anew for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.domain.assignments import deadlines, extensions, releasing, reviewing, withdrawing
from portal.domain.assignments.extension_models import Extension
from portal.domain.assignments.extensions import AskExtension, ask_extension, take_automatic, withdraw_request
from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionFile
from portal.domain.assignments.releasing import release_marks
from portal.domain.assignments.rubric_models import Rubric, RubricVersion
from portal.domain.assignments.rubrics import archive_rubric, create_rubric
from portal.domain.assignments.withdrawing import withdraw_submission
from portal.domain.files.beginning import MOST_RECEIVING
from portal.domain.files.kinds import GB
from portal.domain.files.models import FileFacts
from tests.api_v1 import doors
from tests.api_v1.conftest import program as program
from tests.api_v1.doors import NOTHING_HERE, Rule, Stage, assert_refused_alike, first_criterion
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark, stored
from tests.domain.assignments.test_rubrics import LIGHT_AND_STORY
from tests.factories import add, now
from tests.uploads import arranging

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT = {"text": "By the window."}
JPEG = b"\xff\xd8\xff\xe0" + bytes(96)
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
ON_TIME_STANDS = deadlines.Refusal.ON_TIME_STANDS

# what was done before


def handed_in(stage: Stage) -> None:
    hand_in(stage.world, stage.cast, stage.assignment)


def handed_in_two_days_ago(stage: Stage) -> None:
    hand_in(stage.world, stage.cast, stage.assignment, at=now() - 2 * DAY)


def with_a_picture(stage: Stage) -> None:
    hand_in(stage.world, stage.cast, stage.assignment, files=(stored(),))


def with_a_script(stage: Stage) -> None:
    submission = hand_in(
        stage.world, stage.cast, stage.assignment, files=(stored("script.pdf", "application/pdf", content=PDF),)
    )
    file_id = stage.world.scalars(
        select(SubmissionFile.file_id).where(SubmissionFile.submission_id == submission.id)
    ).one()
    add(stage.world, FileFacts(file_id=file_id, state="ready", asked_at=now(), done_at=now(), pages=3))
    stage.world.commit()


def marked(stage: Stage) -> None:
    mark(stage.world, stage.cast, stage.the(Submission), "60")


def released(stage: Stage) -> None:
    release_marks(stage.world, actor(stage.cast.kofi), [stage.the(Submission).id], at=now())
    stage.world.commit()


def taken_back(stage: Stage) -> None:
    withdraw_submission(stage.world, actor(stage.cast.ama), stage.the(Submission).id, at=now())
    stage.world.commit()


def suspended(stage: Stage) -> None:
    stage.cast.enrolment.state = "suspended"
    stage.world.commit()


def completed(stage: Stage) -> None:
    stage.world.add(stage.cast.enrolment)
    stage.cast.enrolment.state, stage.cast.enrolment.ended_at = "completed", now()
    stage.world.commit()


def archived(stage: Stage) -> None:
    stage.world.execute(update(Assignment).values(state="archived"))
    stage.world.commit()


def is_due(stage: Stage) -> None:
    """Let time pass until an hour after it was due."""
    stage.world.execute(update(Assignment).values(due_at=now() - HOUR))
    stage.world.commit()


def asked(stage: Stage) -> None:
    wish = AskExtension(assignment_id=stage.assignment.id, hours=48, reason="The camera broke.")
    ask_extension(stage.world, actor(stage.cast.ama), wish, at=now())
    stage.world.commit()


def not_asked_any_more(stage: Stage) -> None:
    withdraw_request(stage.world, actor(stage.cast.ama), stage.the(Extension).id, at=now())
    stage.world.commit()


def both_days_taken(stage: Stage) -> None:
    for _ in range(2):
        take_automatic(stage.world, actor(stage.cast.ama), stage.assignment.id, at=now())
    stage.world.commit()


def rubric_kept(stage: Stage) -> None:
    create_rubric(stage.world, actor(stage.cast.kofi), LIGHT_AND_STORY, at=now())
    stage.world.commit()


def marked_by_it(stage: Stage) -> None:
    stage.world.execute(update(Assignment).values(rubric_version_id=stage.the(RubricVersion).id))
    stage.world.commit()


def rubric_put_away(stage: Stage) -> None:
    archive_rubric(stage.world, actor(stage.cast.kofi), stage.the(Rubric).id, at=now())
    stage.world.commit()


def rubric_of_yaw(stage: Stage) -> None:
    create_rubric(stage.world, actor(stage.cast.yaw), LIGHT_AND_STORY, at=now())
    stage.world.commit()


def noted(stage: Stage) -> None:
    command = reviewing.AddNote(
        submission_id=stage.the(Submission).id, position=1, place="40, 25", text="Nearer.", key="noted"
    )
    reviewing.add_note(stage.world, actor(stage.cast.kofi), command, at=now())
    stage.world.commit()


def a_file_on_its_way(stage: Stage) -> None:
    stage.there["upload"] = arranging.begin(stage.world, stage.cast.ama, stage.assignment)


def a_file_of_esi(stage: Stage) -> None:
    stage.there["upload"] = arranging.begin(stage.world, stage.cast.esi, stage.assignment)


def many_files_on_their_way(stage: Stage) -> None:
    for _ in range(MOST_RECEIVING):
        arranging.begin(stage.world, stage.cast.ama, stage.assignment)


def nearly_ten_gigabytes_on_their_way(stage: Stage) -> None:
    for number in range(5):
        arranging.begin(stage.world, stage.cast.ama, stage.assignment, 2 * GB - 10, f"film{number}.mp4")


# what only the stage knows


def seen(stage: Stage) -> str:
    return str(stage.the(Grade).id)


def version(stage: Stage) -> str:
    return str(stage.the(RubricVersion).id)


def ama(stage: Stage) -> list[str]:
    return [str(stage.cast.enrolment.id)]


def esi(stage: Stage) -> list[str]:
    return [str(stage.cast.other_enrolment.id)]


def first_level_alone(stage: Stage) -> list[dict[str, str]]:
    criterion = first_criterion(stage)
    return [{"criterion_id": str(criterion.id), "level_id": str(criterion.levels[0].id)}]


def film(stage: Stage) -> str:
    return str(stage.cast.film.id)


def level(title: str = "Well", points: str = "10") -> dict[str, str]:
    return {"title": title, "points": points}


def rubric(*criteria: list[dict[str, str]], title: str = "A portrait", **more: Any) -> dict[str, Any]:
    return {"title": title, "criteria": [{"title": "Light", "levels": levels} for levels in criteria], **more}


GOOD = rubric([level("Not there yet", "0"), level()])


RULES = [
    # when and by whom work is taken
    Rule("not open yet", doors.HAND_IN, 409, deadlines.Refusal.NOT_OPEN, {"opens_at": HOUR}, sent=TEXT),
    Rule("due, and no late work", doors.HAND_IN, 409, deadlines.Refusal.CLOSED, {"due_at": -HOUR}, sent=TEXT),
    Rule("cut off", doors.HAND_IN, 409, deadlines.Refusal.CLOSED, {"due_at": -DAY, "cut_off_at": -HOUR}, sent=TEXT),
    Rule("no attempt left", doors.HAND_IN, 409, deadlines.Refusal.NO_ATTEMPT_LEFT, {"attempts_allowed": 1},
         (handed_in,), TEXT),
    Rule("late after on time", doors.HAND_IN, 409, ON_TIME_STANDS, {"due_at": -DAY, "cut_off_at": DAY},
         (handed_in_two_days_ago,), TEXT),
    Rule("an archived assignment", doors.HAND_IN, 409, "This assignment is archived", {}, (handed_in, archived), TEXT),
    Rule("a draft of an assignment", doors.HAND_IN, 404, NOTHING_HERE, {"state": "draft", "published_at": None},
         sent=TEXT),
    Rule("a suspended student", doors.HAND_IN, 409, "Your enrolment is suspended", {}, (suspended,), TEXT),
    Rule("a student who has completed", doors.HAND_IN, 409, "You have completed this intake", {}, (completed,), TEXT),
    Rule("a student elsewhere", doors.HAND_IN, 404, NOTHING_HERE, sent=TEXT, who="esi"),
    # what is in it
    Rule("nothing at all", doors.HAND_IN, 422, "There is nothing to hand in yet."),
    Rule("text without end", doors.HAND_IN, 422, "Use at most 100,000 characters.", sent={"text": "a" * 100_001}),
    Rule("a link that is none", doors.HAND_IN, 422, "“ftp://example.test” is no link.",
         sent={"links": "ftp://example.test"}),
    Rule("too many links", doors.HAND_IN, 422, "At most 20 links.", sent={"links": "https://example.test/\n" * 21}),
    Rule("too many files", doors.HAND_IN, 422, "At most 1 files.", {"max_files": 1},
         sent={"files": (("a.jpg", JPEG), ("b.jpg", JPEG))}),
    Rule("a file where none is taken", doors.HAND_IN, 422, "takes text and links, no files", {"max_files": 0},
         sent={"files": (("a.jpg", JPEG),)}),
    Rule("a kind that is not taken", doors.HAND_IN, 422, "It takes video.", {"accepted_kinds": ["video"]},
         sent={"files": (("essay.pdf", PDF),)}),
    Rule("a file that lies about its kind", doors.HAND_IN, 422, "It takes images.", {"accepted_kinds": ["image"]},
         sent={"files": (("photo.jpg", PDF),)}),
    Rule("a program", doors.HAND_IN, 422, "“setup.exe”", sent={"files": (("setup.exe", b"MZ" + bytes(98)),)}),
    Rule("an empty file", doors.HAND_IN, 422, "“a.jpg” is empty.", sent={"files": (("a.jpg", b""),)}),
    Rule("a file on its way", doors.HAND_IN, 422, "has not arrived whole yet", {}, (a_file_on_its_way,),
         {"uploads": "sent"}),
    Rule("a file of somebody else", doors.HAND_IN, 422, "is not here any more", {}, (a_file_of_esi,),
         {"uploads": "sent"}),
    Rule("a file that never was", doors.HAND_IN, 422, "is not here any more", sent={"uploads": "0" * 48}),
    # what may be sent in pieces
    Rule("a piece too early", doors.BEGIN_UPLOAD, 409, deadlines.Refusal.NOT_OPEN, {"opens_at": HOUR}),
    Rule("a piece too late", doors.BEGIN_UPLOAD, 409, deadlines.Refusal.CLOSED, {"due_at": -HOUR}),
    Rule("pieces of a kind that is not taken", doors.BEGIN_UPLOAD, 422, "is not of a kind that is taken here",
         {"accepted_kinds": ["video"]}),
    Rule("pieces of a program", doors.BEGIN_UPLOAD, 422, "“setup.exe”", sent={"name": "setup.exe"}),
    Rule("more than its kind may have", doors.BEGIN_UPLOAD, 413, "the limit for its kind", sent={"length": GB}),
    Rule("more than one person may have under way", doors.BEGIN_UPLOAD, 413, "more than 10 GB of yours", {},
         (nearly_ten_gigabytes_on_their_way,)),
    Rule("more files than go side by side", doors.BEGIN_UPLOAD, 409, "files of yours are on their way", {},
         (many_files_on_their_way,)),
    Rule("pieces for somebody else's work", doors.BEGIN_UPLOAD, 404, NOTHING_HERE, who="esi"),
    # drafts
    Rule("a draft of many links", doors.KEEP_DRAFT, 422, "Too long to be kept",
         sent={"links": ["https://example.test/"] * 21}),
    Rule("a draft without end", doors.KEEP_DRAFT, 422, "Too long to be kept", sent={"submission_text": "a" * 100_001}),
    Rule("a draft of archived work", doors.KEEP_DRAFT, 409, "This assignment is archived", {},
         (handed_in, archived), {"submission_text": "So far"}),
    Rule("a draft of somebody else's", doors.KEEP_DRAFT, 404, NOTHING_HERE, sent={"submission_text": "x"}, who="esi"),
    # taking back
    Rule("taking back what is due", doors.WITHDRAW, 409, withdrawing.TOO_LATE, {}, (handed_in, is_due)),
    Rule("taking back what is marked", doors.WITHDRAW, 409, "This work has a mark already.", {}, (handed_in, marked)),
    Rule("taking back twice", doors.WITHDRAW, 409, "This work was withdrawn", {}, (handed_in, taken_back)),
    Rule("taking back another's", doors.WITHDRAW, 404, NOTHING_HERE, {}, (handed_in,), who="esi"),
    # more time
    Rule("no reason", doors.ASK, 422, "", sent={"hours": 48, "reason": ""}),
    Rule("a reason without end", doors.ASK, 422, "Use at most 1,000 characters.",
         sent={"hours": 48, "reason": "a" * 1001}),
    Rule("asking twice", doors.ASK, 409, extensions.ASKED_ALREADY, {}, (asked,), {"hours": 48, "reason": "Ill."}),
    Rule("asking long after", doors.ASK, 409, extensions.TOO_LATE, {"due_at": -DAY},
         sent={"hours": 48, "reason": "Ill."}),
    Rule("asking before it opens", doors.ASK, 409, "This assignment is not open yet.", {"opens_at": HOUR},
         sent={"hours": 48, "reason": "Ill."}),
    Rule("asking for another's", doors.ASK, 404, NOTHING_HERE, sent={"hours": 48, "reason": "Ill."}, who="esi"),
    Rule("a third day", doors.TAKE_A_DAY, 409, extensions.NONE_LEFT, {}, (both_days_taken,)),
    Rule("a day beside a request", doors.TAKE_A_DAY, 409, extensions.ASKED_ALREADY, {}, (asked,)),
    Rule("taking back what was answered", doors.TAKE_BACK, 409, extensions.ANSWERED, {}, (asked, not_asked_any_more)),
    Rule("taking back another's request", doors.TAKE_BACK, 404, NOTHING_HERE, {}, (asked,), who="esi"),
    Rule("granting no hours", doors.DECIDE, 422, extensions.HOURS_IN_WORDS, {}, (asked,), {"hours": 0}),
    Rule("granting a year", doors.DECIDE, 422, extensions.HOURS_IN_WORDS, {}, (asked,), {"hours": 8760}),
    Rule("an answer without end", doors.DECIDE, 422, "Use at most 1,000 characters.", {}, (asked,),
         {"hours": 24, "answer": "a" * 1001}),
    Rule("granting what was taken back", doors.DECIDE, 409, extensions.ANSWERED, {}, (asked, not_asked_any_more),
         {"hours": 24}),
    Rule("granting elsewhere", doors.DECIDE, 404, NOTHING_HERE, {}, (asked,), {"hours": 24}, "yaw"),
    Rule("giving to nobody", doors.GIVE, 422, "Choose at least one student", sent={"hours": 24, "enrolment_ids": []}),
    Rule("giving to a student elsewhere", doors.GIVE, 422, "Choose at least one student",
         sent={"hours": 24, "enrolment_ids": esi}),
    Rule("giving a year", doors.GIVE, 422, extensions.HOURS_IN_WORDS, sent={"hours": 8760, "enrolment_ids": ama}),
    Rule("giving for archived work", doors.GIVE, 409, "Only a published assignment has dates", {"state": "archived"},
         sent={"hours": 24, "enrolment_ids": ama}),
    Rule("giving elsewhere", doors.GIVE, 404, NOTHING_HERE, sent={"hours": 24, "enrolment_ids": ama}, who="yaw"),
    # marks
    *(
        Rule(f"a mark of {points}", doors.MARK, 422, "A number from 0 to 100, with at most two decimals", {},
             (handed_in,), {"grade": points})
        for points in ("100.01", "-1", "1.234", "1e3", "1000000", None)
    ),
    Rule("feedback without end", doors.MARK, 422, "Use at most 20,000 characters.", {}, (handed_in,),
         {"grade": "50", "feedback": "a" * 20_001}),
    Rule("a mark over one that was not seen", doors.MARK, 409, "since you began", {}, (handed_in, marked),
         {"grade": "70", "reason": "More."}),
    Rule("a change without a reason", doors.MARK, 422, "Say why the mark changes", {}, (handed_in, marked),
         {"grade": "70", "seen": seen}),
    Rule("a mark of what was taken back", doors.MARK, 409, "This work was withdrawn", {}, (handed_in, taken_back),
         {"grade": "70"}),
    Rule("one mark shown where all are held", doors.MARK, 409, releasing.HELD_TOGETHER, {"hold_marks": True},
         (handed_in,), {"grade": "70", "release": True}),
    Rule("a mark elsewhere", doors.MARK, 404, NOTHING_HERE, {}, (handed_in,), {"grade": "70"}, "yaw"),
    Rule("half a rubric", doors.MARK, 422, "Choose a level of “Story”.", {},
         (rubric_kept, marked_by_it, handed_in), {"levels": first_level_alone}),
    Rule("showing what has no mark", doors.RELEASE, 409, "There is no mark to release", {}, (handed_in,)),
    Rule("showing twice", doors.RELEASE, 409, "There is no mark to release", {}, (handed_in, marked, released)),
    Rule("showing one where all are held", doors.RELEASE, 409, releasing.HELD_TOGETHER, {"hold_marks": True},
         (handed_in, marked)),
    Rule("showing elsewhere", doors.RELEASE, 404, NOTHING_HERE, {}, (handed_in, marked), who="yaw"),
    Rule("showing none", doors.RELEASE_ALL, 409, "There is no mark to release", {}, (handed_in,)),
    Rule("showing all elsewhere", doors.RELEASE_ALL, 404, NOTHING_HERE, {}, (handed_in, marked), who="yaw"),
    # rubrics
    Rule("a rubric of nothing", doors.CREATE_RUBRIC, 422, "A rubric has 1 to 20 criteria.", sent=rubric()),
    Rule("nothing to choose", doors.CREATE_RUBRIC, 422, "A criterion has 2 to 10 levels", sent=rubric([level()])),
    Rule("too many points", doors.CREATE_RUBRIC, 422, "A level is worth 0 to 1000 points",
         sent=rubric([level(points="0"), level(points="1000.5")])),
    Rule("nothing to win", doors.CREATE_RUBRIC, 422, "The best level of each criterion is worth more than 0.",
         sent=rubric([level(points="0"), level(points="0")])),
    Rule("a level without a name", doors.CREATE_RUBRIC, 422, "", sent=rubric([level(points="0"), level(title="")])),
    Rule("a title without end", doors.CREATE_RUBRIC, 422, "Use at most 200 characters.",
         sent=GOOD | {"title": "a" * 201}),
    Rule("a rubric for a course elsewhere", doors.CREATE_RUBRIC, 422, "", sent=GOOD | {"course_id": film}),
    Rule("a version of what was put away", doors.CHANGE_RUBRIC, 409, "This rubric was put away", {},
         (rubric_kept, rubric_put_away), GOOD),
    Rule("a version of another's", doors.CHANGE_RUBRIC, 404, NOTHING_HERE, {}, (rubric_kept,), GOOD, "yaw"),
    Rule("putting away twice", doors.PUT_AWAY, 409, "This rubric was put away", {}, (rubric_kept, rubric_put_away)),
    Rule("putting away another's", doors.PUT_AWAY, 404, NOTHING_HERE, {}, (rubric_kept,), who="yaw"),
    Rule("choosing another's", doors.CHOOSE_RUBRIC, 422, "", {}, (rubric_of_yaw,), {"version_id": version}),
    Rule("choosing after marks", doors.CHOOSE_RUBRIC, 422, "Work has been marked already, by what stands here.", {},
         (rubric_kept, handed_in, marked), {"version_id": version}),
    Rule("choosing elsewhere", doors.CHOOSE_RUBRIC, 404, NOTHING_HERE, {}, (rubric_kept,), {"version_id": version},
         "yaw"),
    # notes
    Rule("a note of nothing", doors.PUT_NOTE, 422, "Write at least a word.", {}, (with_a_picture,),
         {"file": 1, "place": "", "text": " "}),
    Rule("a note without end", doors.PUT_NOTE, 422, "Use at most 2,000 characters.", {}, (with_a_picture,),
         {"file": 1, "place": "", "text": "a" * 2001}),
    Rule("a moment of a picture", doors.PUT_NOTE, 422, "Percent from the left and from the top", {}, (with_a_picture,),
         {"file": 1, "place": "0:04.5", "text": "Here."}),
    Rule("a point of a page of a picture", doors.PUT_NOTE, 422, "Percent from the left and from the top", {},
         (with_a_picture,), {"file": 1, "place": "page 2 at 40, 25.5", "text": "Here."}),
    Rule("a point beside a page", doors.PUT_NOTE, 422, "a point of it such as 3 at 40, 25.5", {}, (with_a_script,),
         {"file": 1, "place": "page 2 at 101, 5", "text": "Here."}),
    Rule("a point of a page after the last", doors.PUT_NOTE, 422, "The last page of “script.pdf” is 3.", {},
         (with_a_script,), {"file": 1, "place": "page 4 at 40, 25.5", "text": "Here."}),
    Rule("a note on a file that is not there", doors.PUT_NOTE, 422, "Choose the file that the note is about.", {},
         (with_a_picture,), {"file": 2, "place": "", "text": "Here."}),
    Rule("a note elsewhere", doors.PUT_NOTE, 404, NOTHING_HERE, {}, (with_a_picture,),
         {"file": 1, "place": "", "text": "Here."}, "yaw"),
    Rule("an answer of nothing", doors.ANSWER_NOTE, 422, "Write at least a word.", {}, (with_a_picture, noted),
         {"text": " "}),
    Rule("an answer elsewhere", doors.ANSWER_NOTE, 404, NOTHING_HERE, {}, (with_a_picture, noted), {"text": "Yes."},
         "yaw"),
    Rule("an answer to a note one was not shown", doors.ANSWER_OWN_NOTE, 404, NOTHING_HERE, {},
         (with_a_picture, noted), {"text": "Which?"}),
    Rule("a tick on a note one was not shown", doors.TICK_OWN_NOTE, 404, NOTHING_HERE, {}, (with_a_picture, noted),
         {"done": True}),
    Rule("an answer to another's note", doors.ANSWER_OWN_NOTE, 404, NOTHING_HERE, {},
         (with_a_picture, noted, marked, released), {"text": "Which?"}, "esi"),
    # reminders and receipts
    Rule("reminding after the end", doors.REMIND, 409, "The time to hand in has passed", {"due_at": -HOUR}),
    Rule("reminding before it opens", doors.REMIND, 409, "It is not open yet", {"opens_at": HOUR}),
    Rule("reminding of a draft", doors.REMIND, 409, "Nothing is taken for this assignment",
         {"state": "draft", "published_at": None}),
    Rule("reminding elsewhere", doors.REMIND, 404, NOTHING_HERE, who="yaw"),
    Rule("another's receipt", doors.OWN_RECEIPT, 404, NOTHING_HERE, {}, (handed_in,), who="esi"),
    Rule("a code that was guessed", doors.VERIFY, 404, "There is no receipt with this number and code.", {},
         (handed_in,), {"code": "0000-0000-0000-0000"}),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=[rule.what for rule in RULES])
def test_page_and_program_are_refused_alike(world: Session, cast: Cast, sign_in: Any, program: Any, rule: Rule) -> None:
    assert_refused_alike(rule, world, cast, sign_in, program)
