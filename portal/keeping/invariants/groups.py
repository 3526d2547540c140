"""Groups, and what they handed in."""

from __future__ import annotations

from portal.keeping.invariants.look import Found, Look

GROUP_WORK = "submissions WHERE group_id IS NOT NULL"


def nobody_is_in_two_groups(look: Look) -> Found:
    """Nobody is in two groups of one assignment, and everybody in one studies in its intake.

    Product, Assignment: "individual or group". Kept by `pk_group_members` and `keep_to_intake`.
    """
    return look.rule(
        "group_members",
        """
        SELECT format('enrolment %s is in %s groups of assignment %s', enrolment_id, count(*), assignment_id)
        FROM group_members GROUP BY enrolment_id, assignment_id HAVING count(*) > 1
        UNION ALL
        SELECT format('enrolment %s is in group %s and not in its intake', m.enrolment_id, m.group_id)
        FROM group_members m JOIN assignments a ON a.id = m.assignment_id JOIN enrolments e ON e.id = m.enrolment_id
        WHERE e.intake_id <> a.intake_id OR e.state NOT IN ('active', 'suspended', 'completed')
        """,
    )


def no_group_is_overfull(look: Look) -> Found:
    """No group has more members than its assignment allows, and each knows how many it has.

    Product, Assignment: "individual or group". Kept by `count_group_members`.
    """
    return look.rule(
        "assignment_groups",
        """
        SELECT format('group %s has %s members, counts %s, and %s are allowed', g.id, count(m.enrolment_id), g.members,
                      coalesce(a.group_most, 0))
        FROM assignment_groups g JOIN assignments a ON a.id = g.assignment_id
        LEFT JOIN group_members m ON m.group_id = g.id
        GROUP BY g.id, a.id
        HAVING count(m.enrolment_id) <> g.members OR count(m.enrolment_id) > coalesce(a.group_most, 0)
        """,
    )


def work_of_a_group_counts_for_its_members(look: Look) -> Found:
    """What a group handed in counts for everybody who was in it then, and only groups hand in for groups.

    Product, Submission: "with members it counts for". Who is in the group since before is looked for; that nobody else
    is a member `keep_to_groups` refuses when it is handed in.
    """
    return look.rule(
        GROUP_WORK,
        """
        SELECT format('submission %s does not count for enrolment %s, who was in its group', s.id, g.enrolment_id)
        FROM submissions s JOIN group_members g ON g.group_id = s.group_id AND g.joined_at < s.submitted_at
        LEFT JOIN submission_members m ON (m.submission_id, m.enrolment_id) = (s.id, g.enrolment_id)
        WHERE m.submission_id IS NULL
        UNION ALL
        SELECT format('submission %s is of one student where groups hand in, or of a group where they do not', s.id)
        FROM submissions s JOIN assignments a ON a.id = s.assignment_id
        WHERE s.state <> 'draft' AND (s.group_id IS NULL) <> (a.group_formation IS NULL)
        UNION ALL
        SELECT format('submission %s counts for several and is of no group', s.id)
        FROM submissions s JOIN submission_members m ON m.submission_id = s.id
        WHERE s.group_id IS NULL GROUP BY s.id HAVING count(*) > 1
        """,
    )


def attempts_of_a_group_follow_one_another(look: Look) -> Found:
    """Nobody has two attempts with the same number at work that is done in groups.

    Product, Submission: "unique with attempt number". That a next attempt is newer for every member only
    `submit_assignment` keeps.
    """
    return look.rule(
        GROUP_WORK,
        """
        SELECT format('enrolment %s has %s attempts number %s at assignment %s', m.enrolment_id, count(*), s.attempt,
                      s.assignment_id)
        FROM submissions s JOIN submission_members m ON m.submission_id = s.id
        WHERE s.group_id IS NOT NULL GROUP BY m.enrolment_id, s.assignment_id, s.attempt HAVING count(*) > 1
        """,
    )
