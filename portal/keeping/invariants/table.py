"""Every invariant, in the order in which they are looked at, and the look."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from portal.domain.clock import now
from portal.keeping.invariants import (
    files,
    groups,
    jobs,
    media,
    people,
    quizzes,
    results,
    timetable,
    trail,
    uploads,
    work,
)
from portal.keeping.invariants.look import Found, Look

LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class Invariant:
    """A rule that must hold at any moment. Its docstring says it, and where it comes from."""

    look: Callable[[Look], Found]
    passes: bool = False
    """Whether the job worker mends it within seconds, so that what it has not reached yet is no breach."""

    @property
    def name(self) -> str:
        return self.look.__name__

    @property
    def says(self) -> str:
        return str(self.look.__doc__).split("\n\n", 1)[0].strip()


INVARIANTS = (
    Invariant(work.every_receipt_has_number_and_code),
    Invariant(files.every_receipt_has_its_files),
    Invariant(files.every_attached_file_has_its_bytes),
    Invariant(files.every_attached_file_belongs_to_something),
    Invariant(files.no_bytes_without_a_row),
    Invariant(files.no_file_waits_for_ever),
    Invariant(media.every_copy_is_of_its_file),
    Invariant(media.every_file_that_was_read_has_its_copies),
    Invariant(uploads.every_receiving_upload_has_its_bytes),
    Invariant(uploads.every_whole_upload_has_its_bytes),
    Invariant(uploads.every_taken_upload_is_its_file),
    Invariant(uploads.every_upload_is_used_for_whom_it_was_sent),
    Invariant(uploads.no_part_without_its_upload),
    Invariant(uploads.no_upload_waits_for_ever),
    Invariant(work.every_submission_is_of_its_intake),
    Invariant(work.attempts_are_counted_without_a_gap),
    Invariant(work.nobody_has_two_drafts),
    Invariant(work.no_hand_in_waits_for_nothing),
    Invariant(work.every_hand_in_that_was_made_is_what_was_asked_for),
    Invariant(work.every_date_is_moved_by_what_was_granted),
    Invariant(groups.nobody_is_in_two_groups),
    Invariant(groups.no_group_is_overfull),
    Invariant(groups.work_of_a_group_counts_for_its_members),
    Invariant(groups.attempts_of_a_group_follow_one_another),
    Invariant(work.every_mark_is_within_its_points),
    Invariant(work.states_of_work_tell_of_its_marks),
    Invariant(quizzes.every_quiz_handed_in_is_its_submission),
    Invariant(quizzes.nobody_has_two_open_attempts),
    Invariant(quizzes.no_quiz_stays_open_after_its_end),
    Invariant(quizzes.no_answer_was_saved_outside_its_attempt),
    Invariant(quizzes.every_quiz_is_worth_its_questions),
    Invariant(quizzes.every_mark_of_a_quiz_adds_up),
    Invariant(trail.the_trail_is_whole_and_sealed, passes=True),
    Invariant(jobs.every_message_is_sent_or_waits),
    Invariant(jobs.nobody_is_told_twice),
    Invariant(jobs.no_job_stays_with_a_dead_worker, passes=True),
    Invariant(jobs.no_job_was_given_up),
    Invariant(jobs.periodic_jobs_go_on, passes=True),
    Invariant(jobs.every_later_material_has_its_announcement),
    Invariant(results.weights_add_to_a_hundred),
    Invariant(people.seats_are_counted_and_suffice),
    Invariant(people.everyone_enrolled_has_a_seat),
    Invariant(people.roles_fit_what_people_do),
    Invariant(people.somebody_can_let_others_in),
    Invariant(people.nobody_deactivated_can_get_in),
    Invariant(people.new_numbers_are_ahead_of_given_ones),
    Invariant(timetable.nobody_is_in_two_classes_at_once),
)


@dataclass(frozen=True)
class Answer:
    """One rule and what a look at it found."""

    invariant: Invariant
    found: Found


def check(look: Look, *, patience: float = 0.0) -> Iterator[Answer]:
    """Look at every rule in turn; what the worker mends by itself has `patience` seconds to be mended."""
    for invariant in INVARIANTS:
        yield Answer(invariant, _found(invariant, look, patience))


def _found(invariant: Invariant, look: Look, patience: float) -> Found:
    end = time.monotonic() + patience
    found = invariant.look(look)
    while invariant.passes and not found.holds and time.monotonic() < end:
        time.sleep(LOOK_AGAIN_SECONDS)
        found = invariant.look(replace(look, at=now()))
    return found
