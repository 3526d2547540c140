"""Work that was handed in, and its marks."""

from __future__ import annotations

from portal.keeping.invariants.look import Found, Look

RECEIPTS = "submissions WHERE state <> 'draft'"


def every_receipt_has_number_and_code(look: Look) -> Found:
    """Every receipt has its number, code, moment and person.

    Product, Submission: "acknowledged only when its bytes are durably stored; then there is a receipt". Kept by
    `ck_submissions_receipt`.
    """
    return look.rule(
        RECEIPTS,
        "SELECT format('submission %s has no whole receipt', id) FROM submissions WHERE state <> 'draft' "
        "AND num_nulls(number, code, submitted_at, submitted_by) > 0",
    )


def every_submission_is_of_its_intake(look: Look) -> Found:
    """Every submission is by an enrolment of its assignment's intake, and counts for that enrolment.

    Product, Submission: "of an assignment by an enrolment, with members it counts for". Kept by `keep_to_intake`.
    """
    return look.rule(
        "submissions",
        """
        SELECT format('submission %s is by an enrolment of another intake', s.id)
        FROM submissions s JOIN assignments a ON a.id = s.assignment_id JOIN enrolments e ON e.id = s.enrolment_id
        WHERE a.intake_id <> e.intake_id
        UNION ALL
        SELECT format('submission %s does not count for who handed it in', s.id)
        FROM submissions s LEFT JOIN submission_members m ON (m.submission_id, m.enrolment_id) = (s.id, s.enrolment_id)
        WHERE m.submission_id IS NULL AND s.state <> 'draft'
        """,
    )


def attempts_are_counted_without_a_gap(look: Look) -> Found:
    """The attempts of one person at one assignment are 1, 2, 3 and so on, without a gap.

    Product, Submission: "unique with attempt number". That there is no gap only `submit_assignment` keeps.
    """
    return look.rule(
        "(SELECT DISTINCT assignment_id, enrolment_id FROM submissions) AS pairs",
        """
        SELECT format('enrolment %s has %s attempts at assignment %s, the last is number %s',
                      enrolment_id, count(*), assignment_id, max(attempt))
        FROM submissions GROUP BY assignment_id, enrolment_id
        HAVING min(attempt) <> 1 OR max(attempt) <> count(*) OR count(DISTINCT attempt) <> count(*)
        """,
    )


def nobody_has_two_drafts(look: Look) -> Found:
    """Nobody has more than one draft for an assignment.

    Product, Submission: "one draft at a time". Kept by `uq_submissions_draft`.
    """
    return look.rule(
        "submissions WHERE state = 'draft'",
        """
        SELECT format('enrolment %s has %s drafts for assignment %s', enrolment_id, count(*), assignment_id)
        FROM submissions WHERE state = 'draft' GROUP BY assignment_id, enrolment_id HAVING count(*) > 1
        """,
    )


def every_mark_is_within_its_points(look: Look) -> Found:
    """Every mark is from 0 to the points of its assignment, for somebody whose work it is.

    Product, Grades. Kept by `ck_grades_points`, `ck_grades_final_points` and `keep_to_work`.
    """
    return look.rule(
        "grades",
        """
        SELECT format('grade %s gives %s of %s points', g.id, g.raw_points, a.points)
        FROM grades g JOIN submissions s ON s.id = g.submission_id JOIN assignments a ON a.id = s.assignment_id
        WHERE g.raw_points NOT BETWEEN 0 AND a.points OR g.final_points NOT BETWEEN 0 AND a.points
        UNION ALL
        SELECT format('grade %s is for somebody whose work it is not', g.id)
        FROM grades g LEFT JOIN submission_members m
            ON (m.submission_id, m.enrolment_id) = (g.submission_id, g.enrolment_id)
        WHERE m.submission_id IS NULL
        """,
    )


def states_of_work_tell_of_its_marks(look: Look) -> Found:
    """Work that is marked has a mark, work that is returned a released one, and other work none.

    Product, Submission: "draft, submitted, graded, returned". Only `grade_submission` and `release` keep it.
    """
    return look.rule(
        "submissions",
        """
        SELECT format('submission %s is %s and has %s marks, %s of them released',
                      s.id, s.state, count(g.id), count(g.released_at))
        FROM submissions s LEFT JOIN grades g ON g.submission_id = s.id
        GROUP BY s.id, s.state
        HAVING CASE s.state WHEN 'graded' THEN count(g.id) = 0 OR count(g.released_at) > 0
                            WHEN 'returned' THEN count(g.released_at) = 0
                            ELSE count(g.id) > 0 END
        """,
    )
