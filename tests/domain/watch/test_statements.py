"""A slow statement is kept without its values, and the same one is recognised."""

import pytest

from portal.domain.watch.statements import LONGEST, fingerprint, without_values


@pytest.mark.parametrize(
    "one, other",
    [
        ("SELECT id FROM users WHERE id = %(id_1)s::UUID", "SELECT id FROM users  WHERE\n id = %(id_2)s::UUID"),
        ("SELECT 1 WHERE x IN (%(x_1)s)", "SELECT 1 WHERE x IN (%(x_1_1)s, %(x_1_2)s, %(x_1_3)s)"),
        ("SELECT * FROM t WHERE name = 'Ama'", "SELECT * FROM t WHERE name = 'O''Connor, Esi'"),
        ("SELECT * FROM t LIMIT 20", "SELECT * FROM t LIMIT 4000"),
        (
            "INSERT INTO t (a, b) VALUES (%(a__0)s, %(b__0)s)",
            "INSERT INTO t (a, b) VALUES (%(a__0)s, %(b__0)s), (%(a__1)s, %(b__1)s)",
        ),
    ],
)
def test_statements_that_differ_in_their_values_are_one(one: str, other: str) -> None:
    assert fingerprint(without_values(one)) == fingerprint(without_values(other))


def test_different_statements_are_two() -> None:
    assert without_values("SELECT a FROM t1") != without_values("SELECT a FROM t2")


def test_no_value_is_kept() -> None:
    sent = "SELECT * FROM users WHERE email = 'ama@example.test' AND x = 4711 AND y = %(y)s::INT AND z"
    assert without_values(sent) == "SELECT * FROM users WHERE email = ? AND x = ? AND y = ? AND z"


def test_a_statement_of_any_length_is_kept_in_part() -> None:
    assert len(without_values("SELECT " + "a, " * 5_000)) == LONGEST
