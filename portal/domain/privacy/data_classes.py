"""What is kept about people: every column of every table, its class, and how long each class is kept.

`export` and `erase` of a person's data are built on this map; a column that is in none of its rows is
found by a test, so that nothing personal is ever kept unnoticed.
"""

from __future__ import annotations

from enum import StrEnum


class DataClass(StrEnum):
    """What kind of personal data a column holds."""

    IDENTITY = "identity"
    """Who a person is: names, numbers, role."""
    CONTACT = "contact"
    """How to reach a person."""
    CREDENTIAL = "credential"
    """What proves who a person is; never shown, never exported."""
    WORK = "work"
    """What a person made, and how it was judged."""
    STUDIES = "studies"
    """Where a person studies or teaches."""
    BEHAVIOUR = "behaviour"
    """What a person did, when and from where."""
    CONTENT = "content"
    """Free text or values in which anything about people may stand."""
    NONE = "none"
    """Says nothing about a person."""


RETENTION: dict[DataClass, str] = {
    DataClass.IDENTITY: "As long as the institute must be able to confirm an enrolment or a certificate.",
    DataClass.CONTACT: "While the person is active and for one year afterwards.",
    DataClass.CREDENTIAL: "Until it is replaced, used or expired; expired tokens for 30 days, sessions for 90 days.",
    DataClass.WORK: "Five years after the end of the enrolment; marks as long as the enrolment.",
    DataClass.STUDIES: "As long as the institute must be able to confirm an enrolment.",
    DataClass.BEHAVIOUR: "At most two years; entries of the audit trail as long as what they prove.",
    DataClass.CONTENT: "With the row it stands in; details of the audit trail until they are erased on request.",
    DataClass.NONE: "With the row it stands in.",
}

NOT_ABOUT_PEOPLE = frozenset(
    {
        "audit_seals",
        "beats",
        "cache_entries",  # figures of public pages and dashboards, for at most a minute
        "faults",
        "intakes",
        "job_marks",
        "limit_counters",  # keys that live for at most an hour
        "modules",
        "number_series",
        "outages",
        "quiz_options",
        "quiz_questions",
        "quizzes",
        "rooms",
        "rubric_criteria",
        "rubric_levels",
        "slow_statements",  # without the values they were sent with
        "timings",
        "upload_leases",  # which process writes to an upload, for seconds
        "upload_minutes",
    }
)
"""Tables of which no column says anything about a person."""


def _of(**columns_by_class: str) -> dict[str, DataClass]:
    """Return the class of each column, from lists of names."""
    return {
        column: DataClass(data_class) for data_class, columns in columns_by_class.items() for column in columns.split()
    }


DATA_CLASSES: dict[str, dict[str, DataClass]] = {
    "users": _of(
        identity="id role first_name last_name student_number duties search_text sort_key",
        contact="email phone",
        credential="password_hash",
        behaviour="password_changed_at deactivated_at created_at",
        none="time_zone",
    ),
    "devices": _of(identity="user_id", credential="token_hash", behaviour="created_at last_used_at", none="id"),
    "sessions": _of(
        identity="user_id",
        credential="token_hash csrf_token",
        behaviour="shared_computer created_at authenticated_at reauthenticated_at last_seen_at ended_at ended_because "
        "device_id address user_agent",
        none="id level pending_step idle_minutes expires_at",
    ),
    "single_use_tokens": _of(
        identity="user_id issued_by",
        contact="new_value",
        credential="token_hash",
        behaviour="created_at used_at voided_at",
        none="id purpose expires_at",
    ),
    "refresh_tokens": _of(
        identity="user_id",
        credential="token_hash",
        behaviour="created_at used_at revoked_at revoked_because",
        none="id family_id expires_at successor_id",
    ),
    "sign_in_throttles": _of(identity="user_id", behaviour="key failed_at waits blocked_until"),
    "security_events": _of(
        identity="user_id", behaviour="at kind address user_agent request_id", content="details", none="id"
    ),
    "audit_entries": _of(
        identity="actor_id for_user_id",
        behaviour="at actor action subject_type subject_id address request_id",
        none="id fields digest",
    ),
    "audit_details": _of(content="before after", none="entry_id salt"),
    "notifications": _of(
        identity="user_id", behaviour="created_at read_at mailed_at", content="data", none="id kind key"
    ),
    "idempotent_requests": _of(
        identity="user_id", behaviour="created_at", content="body", none="id key fingerprint status location"
    ),
    "done_acts": _of(identity="user_id", behaviour="done_at", none="fingerprint made"),
    "files": _of(
        identity="owner_id",
        work="name kind size sha256 storage_key",
        behaviour="stored_at attached_at deleted_at to_look_into",
        none="id purpose state wanted_until",
    ),
    "file_facts": _of(
        work="file_id milliseconds width height codec sound_codec frames per_seconds pages",
        none="state why tries asked_at done_at",
    ),
    "file_copies": _of(work="file_id copy_id", none="purpose"),
    "file_pages": _of(work="file_id page copy_id width height"),
    "uploads": _of(
        identity="owner_id",
        work="id subject_id for_id length offset name client_metadata kind sha256 storage_key file_id",
        behaviour="created_at last_received_at closed_at ended_because",
        none="purpose key accepted state expires_at",
    ),
    "courses": _of(
        identity="drafted_by",
        none="id slug title summary description category level weeks price_pesewas currency outcomes syllabus state "
        "created_at updated_at published_at search_text sort_key",
    ),
    "intake_trainers": _of(identity="user_id", studies="intake_id"),
    "seats": _of(identity="user_id", studies="intake_id taken_at"),
    "materials": _of(
        identity="created_by",
        none="id intake_id module_id course_id kind title body url file_id position released_at created_at removed_at",
    ),
    "enrolments": _of(
        identity="user_id enrolled_by",
        studies="intake_id state access_until enrolled_at ended_at created_at",
        content="reason",
        none="id",
    ),
    "assignments": _of(
        identity="created_by",
        none="id intake_id title assignment_type instructions points weight opens_at due_at cut_off_at accepted_kinds "
        "max_files attempts_allowed counted_attempt hold_marks late_percent late_floor_percent rubric_version_id "
        "question_points group_formation group_least group_most group_until state "
        "created_at updated_at published_at",
    ),
    "attachments": _of(identity="added_by", none="id assignment_id file_id position added_at archived_at"),
    "submissions": _of(
        identity="submitted_by",
        work="assignment_id enrolment_id group_id attempt state text number code late",
        behaviour="begun_at submitted_at arrived_at_due longest_gap_seconds",
        none="id key replaced",
    ),
    "assignment_groups": _of(identity="created_by", content="name", none="id assignment_id members created_at"),
    "group_members": _of(work="assignment_id enrolment_id group_id", behaviour="joined_at"),
    "submission_members": _of(work="submission_id enrolment_id assignment_id"),
    "submission_files": _of(work="submission_id file_id position"),
    "submission_links": _of(work="submission_id position url"),
    "extensions": _of(
        identity="asked_by decided_by",
        work="enrolment_id assignment_id kind state hours automatic_number",
        content="reason answer",
        behaviour="asked_at decided_at",
        none="id",
    ),
    "extended_dates": _of(work="enrolment_id assignment_id hours"),
    "pending_hand_ins": _of(
        work="assignment_id enrolment_id state text links submission_id",
        behaviour="asked_at closed_at closed_because",
        none="id key",
    ),
    "pending_uploads": _of(work="pending_id upload_id position"),
    "pending_files": _of(work="pending_id file_id position"),
    "marking_drafts": _of(
        identity="trainer_id",
        work="submission_id enrolment_id points",
        content="feedback reason levels",
        behaviour="saved_at",
        none="id",
    ),
    "review_notes": _of(
        identity="author_id done_by",
        work="submission_id file_id milliseconds x y page voice_id state",
        content="text",
        behaviour="created_at done_at",
        none="id key",
    ),
    "review_replies": _of(identity="author_id", work="note_id", content="text", behaviour="created_at", none="id key"),
    "note_drafts": _of(identity="author_id", work="submission_id position place", content="text", behaviour="saved_at"),
    "grades": _of(
        identity="graded_by",
        work="submission_id enrolment_id raw_points penalty_points penalty_reason final_points",
        content="feedback reason",
        behaviour="graded_at released_at",
        none="id",
    ),
    "grade_levels": _of(work="grade_id criterion_id level_id", content="comment"),
    "grade_questions": _of(work="grade_id question_id points", content="comment"),
    "quiz_attempts": _of(
        work="assignment_id enrolment_id state submission_id",
        behaviour="began_at ends_at closed_at by_itself",
        none="id seed minutes",
    ),
    "quiz_answers": _of(work="attempt_id question_id assignment_id text", behaviour="saved_at"),
    "quiz_chosen_options": _of(work="attempt_id question_id option_id"),
    "feedback_phrases": _of(identity="owner_id", content="text", behaviour="saved_at", none="id"),
    "rubrics": _of(identity="owner_id", none="id title course_id created_at archived_at"),
    "rubric_versions": _of(identity="created_by", none="id rubric_id number title created_at"),
    "live_classes": _of(
        identity="trainer_id created_by",
        content="description reason",
        none="id intake_id kind title starts_at ends_at room_id meeting_url state cancelled_at sequence created_at "
        "updated_at",
    ),
}


def unmapped(tables: dict[str, set[str]]) -> list[str]:
    """Return what the map does not know of these tables and their columns, and what it knows too much."""
    mapped = {table: set(columns) for table, columns in DATA_CLASSES.items()}
    mapped |= {table: tables.get(table, set()) for table in NOT_ABOUT_PEOPLE}
    unknown = [f"{table}.{column}" for table in tables for column in tables[table] - mapped.get(table, set())]
    gone = [f"{table}.{column} is gone" for table in mapped for column in mapped[table] - tables.get(table, set())]
    return sorted(unknown) + sorted(gone)
