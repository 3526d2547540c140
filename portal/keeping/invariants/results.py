"""Results."""

from __future__ import annotations

from portal.keeping.invariants.look import Found, Look


def weights_add_to_a_hundred(look: Look) -> Found:
    """The weights of an intake's assignments add to 100, or none weighs anything; each lies between 0 and 100.

    Product, Result: "weighted marks". Kept by `keep_weights` and `ck_assignments_weight`.
    """
    return look.rule(
        "(SELECT DISTINCT intake_id FROM assignments) AS intakes_with_work",
        """
        SELECT format('assignment %s weighs %s', id, weight) FROM assignments WHERE weight NOT BETWEEN 0 AND 100
        UNION ALL
        SELECT format('the weights of intake %s add to %s', intake_id, sum(weight))
        FROM assignments GROUP BY intake_id HAVING sum(weight) NOT IN (0, 100)
        """,
    )
