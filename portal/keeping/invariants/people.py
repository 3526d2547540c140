"""People, their seats, and how they get in."""

from __future__ import annotations

from portal.keeping.invariants.look import Found, Look


def seats_are_counted_and_suffice(look: Look) -> Found:
    """No intake has more people on seats than it has seats, and its count is right.

    Product, Seat: "rows never exceed the intake's seats". Kept by `count_seats` and `ck_intakes_seats_taken`.
    """
    return look.rule(
        "intakes",
        """
        SELECT format('intake %s has %s seats, %s of them taken, and counts %s',
                      i.id, i.seats, count(s.user_id), i.seats_taken)
        FROM intakes i LEFT JOIN seats s ON s.intake_id = i.id GROUP BY i.id
        HAVING count(s.user_id) <> i.seats_taken OR count(s.user_id) > i.seats
        """,
    )


def everyone_enrolled_has_a_seat(look: Look) -> Found:
    """Everyone who is enrolled, or suspended, has a seat of that intake.

    Product, Seat: "kept through acceptance, enrolment and suspension". Only `onboarding` keeps it.
    """
    return look.rule(
        "enrolments WHERE state IN ('active', 'suspended')",
        """
        SELECT format('enrolment %s has no seat', e.id)
        FROM enrolments e LEFT JOIN seats s ON (s.intake_id, s.user_id) = (e.intake_id, e.user_id)
        WHERE e.state IN ('active', 'suspended') AND s.user_id IS NULL
        """,
    )


def roles_fit_what_people_do(look: Look) -> Found:
    """Only students are enrolled, and only trainers and administrators teach.

    Product, User: "one person, one role". Only operations keep it.
    """
    return look.rule(
        "users",
        """
        SELECT format('enrolment %s is of a person who is %s', e.id, u.role)
        FROM enrolments e JOIN users u ON u.id = e.user_id
        WHERE e.state IN ('active', 'suspended') AND u.role <> 'student'
        UNION ALL
        SELECT format('person %s teaches intake %s and is %s', u.id, t.intake_id, u.role)
        FROM intake_trainers t JOIN users u ON u.id = t.user_id WHERE u.role NOT IN ('trainer', 'admin')
        """,
    )


def somebody_can_let_others_in(look: Look) -> Found:
    """Where there are administrators, an active one has the duty `system`.

    Product, User: "the last active admin with `system` can be neither deactivated nor demoted". Kept by
    `keep_one_system_admin`.
    """
    return look.rule(
        "users WHERE role = 'admin'",
        """
        SELECT 'no active administrator has the duty system' FROM users WHERE role = 'admin'
        HAVING count(*) > 0 AND count(*) FILTER (WHERE deactivated_at IS NULL AND 'system' = ANY(duties)) = 0
        """,
    )


def nobody_deactivated_can_get_in(look: Look) -> Found:
    """Nobody who was deactivated has a session, an API sign-in, or a link to get in.

    Product, Sessions; only `accounts.deactivate` keeps it, and every request looks at the person as they are now.
    """
    return look.rule(
        "users WHERE deactivated_at IS NOT NULL",
        """
        SELECT format('session %s of person %s goes on', s.id, u.id)
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE u.deactivated_at IS NOT NULL AND s.ended_at IS NULL AND s.expires_at > :at
        UNION ALL
        SELECT format('API sign-in %s of person %s goes on', t.family_id, u.id)
        FROM refresh_tokens t JOIN users u ON u.id = t.user_id
        WHERE u.deactivated_at IS NOT NULL AND t.revoked_at IS NULL AND t.expires_at > :at
        UNION ALL
        SELECT format('%s %s of person %s still works', t.purpose, t.id, u.id)
        FROM single_use_tokens t JOIN users u ON u.id = t.user_id
        WHERE u.deactivated_at IS NOT NULL AND num_nonnulls(t.used_at, t.voided_at) = 0 AND t.expires_at > :at
        """,
        at=look.at,
    )


def new_numbers_are_ahead_of_given_ones(look: Look) -> Found:
    """The next student number and the next receipt number are higher than every one that was given.

    Product, User and Submission. A sequence that was restored behind its rows would give a number twice.
    """
    return look.rule(
        "(SELECT student_number FROM users WHERE student_number IS NOT NULL "
        "UNION ALL SELECT number FROM submissions WHERE number IS NOT NULL) AS given",
        """
        SELECT format('student numbers go on after %s, and %s was given', q.last_value, max(n.running))
        FROM student_number_seq q, (SELECT split_part(student_number, '-', 2)::bigint AS running FROM users
                                    WHERE student_number IS NOT NULL) n
        GROUP BY q.last_value, q.is_called
        HAVING max(n.running) > q.last_value - CASE WHEN q.is_called THEN 0 ELSE 1 END
        UNION ALL
        SELECT format('receipt numbers go on after %s, and %s was given', q.last_value, max(n.running))
        FROM submission_number_seq q, (SELECT split_part(number, '-', 2)::bigint AS running FROM submissions
                                       WHERE number IS NOT NULL) n
        GROUP BY q.last_value, q.is_called
        HAVING max(n.running) > q.last_value - CASE WHEN q.is_called THEN 0 ELSE 1 END
        """,
    )
