"""One of a group hands in, and it counts for all; marks are given to all of them, and to one alone with a reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments import queries
from portal.domain.assignments.drafting import save_work_draft
from portal.domain.assignments.extensions import take_automatic
from portal.domain.assignments.group_work import NO_GROUP
from portal.domain.assignments.grouping import put_members
from portal.domain.assignments.marking import GradeSubmission, MarkedMeanwhile, grade_submission
from portal.domain.assignments.models import Assignment, Grade, PendingHandIn, Submission, SubmissionMember
from portal.domain.assignments.pending import complete_upload, hand_in_if_complete, hand_in_when_complete
from portal.domain.assignments.queries.handed_in import receipt_for
from portal.domain.assignments.queries.queue import QueueFilter, Waiting, marking_queue
from portal.domain.assignments.releasing import release_all_marks, release_marks
from portal.domain.assignments.sending import SendFile, begin_to_send
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.assignments.withdrawing import withdraw_submission
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files import leases
from portal.domain.notifications.models import Notification
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark, stored, work
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.factories import now
from tests.uploads.arranging import ROOM, begin


@pytest.fixture
def group_work(world: Session, cast: Cast) -> tuple[Assignment, User, Enrolment]:
    """Return an assignment that Ama and Abena do together."""
    assignment = make_group_work(world, cast, formation="trainer", attempts_allowed=2)
    abena, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas, name="The early birds")
    return assignment, abena, abenas


def counts_for(world: Session, submission: Submission) -> set[UUID]:
    of_this = SubmissionMember.submission_id == submission.id
    return set(world.scalars(select(SubmissionMember.enrolment_id).where(of_this)))


def give(world: Session, cast: Cast, submission: Submission, points: str, **values: Any) -> list[Grade]:
    command = GradeSubmission(submission_id=submission.id, points=Decimal(points), **values)
    grades = list(grade_submission(world, actor(cast.kofi), command, at=now()))
    world.commit()
    return grades


def test_what_one_hands_in_counts_for_all_and_each_gets_the_receipt(
    world: Session, cast: Cast, group_work: Any
) -> None:
    assignment, abena, abenas = group_work
    made = hand_in(world, cast, assignment)
    assert counts_for(world, made) == {cast.enrolment.id, abenas.id}
    for person in (cast.ama, abena):
        receipt = receipt_for(world, person.id, made.id)
        assert (receipt.group, receipt.members) == ("The early birds", ["Ama Mensah", "Abena Tetteh"])
        (attempt,) = queries.attempts_of(world, person.id, assignment.id)
        assert (attempt.by, attempt.group) == ("Ama Mensah", "The early birds")
    told = {row.user_id: row.data for row in world.scalars(select(Notification))}
    assert told[cast.ama.id].get("by") is None
    assert (told[abena.id]["by"], told[abena.id]["number"]) == ("Ama Mensah", made.number)


def test_attempts_are_counted_for_the_group_whoever_hands_in(world: Session, cast: Cast, group_work: Any) -> None:
    assignment, abena, _ = group_work
    save_work_draft(world, actor(abena), assignment.id, text="Mine so far", links=(), at=now())
    first = hand_in(world, cast, assignment)
    save_work_draft(world, actor(cast.ama), assignment.id, text="More", links=(), at=now())
    second = hand_in(world, cast, assignment, by=abena)
    assert (first.attempt, second.attempt) == (1, 2)
    world.refresh(first)
    assert (first.replaced, second.replaced) == (True, False)
    with pytest.raises(Conflict, match="all attempts"):
        hand_in(world, cast, assignment)
    (row,) = [row for row in queries.assignments_of(world, abena.id) if row.id == assignment.id]
    assert row.attempts == 2


def test_the_same_form_sent_twice_by_one_member_is_one_attempt(world: Session, cast: Cast, group_work: Any) -> None:
    assignment, abena, _ = group_work
    command = work(assignment)
    first = submit_assignment(world, actor(cast.ama), command, at=now())
    assert submit_assignment(world, actor(cast.ama), command, at=now()).id == first.id
    assert submit_assignment(world, actor(abena), command, at=now()).id != first.id


def test_who_is_in_no_group_hands_nothing_in(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    for operation in (submit_assignment, hand_in_when_complete):
        with pytest.raises(Conflict, match=NO_GROUP):
            operation(world, actor(cast.ama), work(assignment), at=now())


def test_members_with_drafts_and_waiting_work_hand_in_as_one_group(world: Session, cast: Cast, group_work: Any) -> None:
    assignment, abena, abenas = group_work
    name = begin(world, cast.ama, assignment)
    leases.take_lease(world, cast.ama.id, name, "a-line", 0, at=now())
    waiting = hand_in_when_complete(world, actor(cast.ama), work(assignment, uploads=(name,)), at=now())
    assert isinstance(waiting, PendingHandIn)
    world.commit()
    hand_in(world, cast, assignment, by=abena)
    complete_upload(world, name, "a-line", stored(content=b"0" * 100), at=now())
    hand_in_if_complete(world, waiting.id, at=now())
    world.commit()
    world.refresh(waiting)
    assert waiting.state == "done"
    made = {row.attempt: row for row in world.scalars(select(Submission))}
    assert sorted(made) == [1, 2]
    assert all(counts_for(world, row) == {cast.enrolment.id, abenas.id} for row in made.values())


def test_any_member_withdraws_and_nobody_who_left_the_group(world: Session, cast: Cast, group_work: Any) -> None:
    assignment, abena, _ = group_work
    made = hand_in(world, cast, assignment)
    with pytest.raises(NotFound):
        withdraw_submission(world, actor(cast.esi), made.id, at=now())
    put_members(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], None, at=now())
    with pytest.raises(Conflict, match="no longer in the group"):
        withdraw_submission(world, actor(cast.ama), made.id, at=now())
    assert withdraw_submission(world, actor(abena), made.id, at=now()).state == "withdrawn"
    told = select(Notification).where(Notification.kind == "submission-withdrawn")
    assert [(row.user_id, row.data["by"]) for row in world.scalars(told)] == [(cast.ama.id, "Abena Tetteh")]


def test_work_keeps_the_members_it_had_and_the_next_attempt_is_of_those_who_are_there(
    world: Session, cast: Cast, group_work: Any
) -> None:
    assignment, abena, abenas = group_work
    first = hand_in(world, cast, assignment)
    _, kwames = enrol(world, cast, "Kwame")
    other = make_group(world, cast, assignment, kwames)
    put_members(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], other.id, at=now())
    assert counts_for(world, first) == {cast.enrolment.id, abenas.id}
    of_the_others = hand_in(world, cast, assignment)
    assert counts_for(world, of_the_others) == {cast.enrolment.id, kwames.id}
    assert of_the_others.attempt == 2  # newer for Ama, who had one before
    assert [row.attempt for row in queries.attempts_of(world, cast.ama.id, assignment.id)] == [2, 1]
    assert hand_in(world, cast, assignment, by=abena).attempt == 2
    world.refresh(of_the_others)
    assert not of_the_others.replaced


def test_lateness_is_counted_by_the_latest_date_of_those_for_whom_it_counts(world: Session, cast: Cast) -> None:
    due = now() - timedelta(hours=10)
    cut_off = now() + timedelta(days=2)
    assignment = make_group_work(
        world, cast, formation="trainer", due_at=due, cut_off_at=cut_off, late_percent=10, points=100
    )
    abena, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas)
    take_automatic(world, actor(abena), assignment.id, at=now())
    on_time = hand_in(world, cast, assignment)
    assert not on_time.late
    assert {grade.penalty_points for grade in give(world, cast, on_time, "80")} == {Decimal(0)}


def test_all_members_get_the_mark_and_one_of_them_another_with_a_reason(
    world: Session, cast: Cast, group_work: Any
) -> None:
    assignment, _, abenas = group_work
    made = hand_in(world, cast, assignment)
    alone = {"enrolment_id": abenas.id}
    with pytest.raises(Conflict, match="Give all members a mark first"):
        give(world, cast, made, "60", **alone)
    both = give(world, cast, made, "70")
    assert {grade.enrolment_id for grade in both} == {cast.enrolment.id, abenas.id}
    seen = next(grade.id for grade in both if grade.enrolment_id == abenas.id)
    with pytest.raises(Invalid, match="says why"):
        give(world, cast, made, "60", seen=seen, **alone)
    (hers,) = give(world, cast, made, "60", seen=seen, reason="She edited none of it.", **alone)
    with pytest.raises(NotFound):
        give(world, cast, made, "1", enrolment_id=cast.other_enrolment.id)
    with pytest.raises(MarkedMeanwhile):
        give(world, cast, made, "75", seen=both[0].id, reason="A better look.")
    give(world, cast, made, "75", seen=hers.id, reason="A better look.")
    assert world.scalar(select(func.count()).select_from(Grade)) == 5


def test_a_mark_of_one_member_is_released_alone_and_the_others_see_nothing_yet(
    world: Session, cast: Cast, group_work: Any
) -> None:
    assignment, abena, abenas = group_work
    made = hand_in(world, cast, assignment)
    both = give(world, cast, made, "70")
    seen = next(grade.id for grade in both if grade.enrolment_id == abenas.id)
    give(world, cast, made, "60", enrolment_id=abenas.id, seen=seen, reason="Less of it.", release=True)

    def seen_by(person: User) -> tuple[str, Decimal | None]:
        (attempt,) = queries.attempts_of(world, person.id, assignment.id)
        return attempt.state, attempt.mark

    assert seen_by(abena) == ("returned", Decimal(60))
    assert seen_by(cast.ama) == ("submitted", None)
    assert release_marks(world, actor(cast.kofi), [made.id], at=now()) == 1
    assert seen_by(cast.ama) == ("returned", Decimal(70))
    with pytest.raises(Conflict, match="no mark to release"):
        release_all_marks(world, actor(cast.kofi), assignment.id, at=now())


def test_the_queue_shows_the_work_of_a_group_once_by_its_name_and_finds_it_by_each_member(
    world: Session, cast: Cast, group_work: Any
) -> None:
    assignment, _, _ = group_work
    made = hand_in(world, cast, assignment)
    for words in ("", "early", "abena", "mensah"):
        (row,) = marking_queue(world, cast.kofi.id, QueueFilter(words=words)).items
        assert (row.id, row.student, row.student_number) == (made.id, "The early birds", None)
    assert not marking_queue(world, cast.kofi.id, QueueFilter(words="esi")).items
    mark(world, cast, made)
    (row,) = marking_queue(world, cast.kofi.id, QueueFilter(waiting=Waiting.HELD_BACK)).items
    assert (row.mark, row.best_mark) == (Decimal(70), Decimal(70))


def test_nothing_is_sent_by_who_is_in_no_group(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    send = SendFile(assignment_id=assignment.id, length=100, name="photo.jpg")
    with pytest.raises(Conflict, match=NO_GROUP):
        begin_to_send(world, actor(cast.ama), send, ROOM, at=now())
    make_group(world, cast, assignment, cast.enrolment)
    assert begin_to_send(world, actor(cast.ama), send, ROOM, at=now()).length == 100
