"""Which passwords are accepted, and how they are compared."""

import unicodedata

import bcrypt
import pytest
from argon2 import PasswordHasher

from portal.domain.accounts import passwords
from portal.domain.permissions import Role

GOOD = "seven goats under a mango"


@pytest.fixture
def real_parameters():
    """The hasher of the running portal, for a test that is about its cost."""
    cheap = passwords._hasher
    passwords.use(PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1))
    yield
    passwords.use(cheap)


@pytest.mark.parametrize(
    "role, length, accepted",
    [
        (Role.STUDENT, 11, False),
        (Role.STUDENT, 12, True),
        (Role.TRAINER, 14, False),
        (Role.TRAINER, 15, True),
        (Role.ADMIN, 14, False),
        (Role.ADMIN, 15, True),
        (Role.ADMIN, 128, True),
        (Role.ADMIN, 129, False),
    ],
)
def test_students_need_twelve_characters_and_staff_fifteen(role, length, accepted):
    text = ("qzv xjw kpf " * 11)[:length].replace(" ", "ñ")
    assert (passwords.problem_with(text, role) is None) is accepted


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "qwertyuiop123456",
        "aaaaaaaaaaaaaaaa",
        "kmmedia institute 2026",
        "KM Media Training Institute",
        "ama mensah 2026",
        "akatsi volta ghana",
        "123456789012345",
    ],
)
def test_what_anyone_would_try_first_is_refused(password):
    assert passwords.problem_with(password, Role.STUDENT, own_words=["Ama", "Mensah", "ama.mensah"])


@pytest.mark.parametrize(
    "password", [GOOD, "akwaaba-2026-demo", "🐐🐐🌴 seven goats", "correct horse battery staple ñandú"]
)
def test_long_words_are_enough_without_digits_or_signs(password):
    assert passwords.problem_with(password, Role.STUDENT, own_words=["Ama", "Mensah"]) is None


def test_a_breached_password_is_refused(tmp_path):
    listed = tmp_path / "breached.txt"
    listed.write_text(f"short\n{GOOD}\n")
    assert passwords.problem_with(GOOD, Role.STUDENT, breached=listed)
    assert passwords.problem_with(GOOD + " tree", Role.STUDENT, breached=listed) is None


@pytest.mark.parametrize("typed", [GOOD.upper(), GOOD + " ", " " + GOOD, GOOD[:-1]])
def test_a_password_is_compared_exactly(typed):
    stored = passwords.hash_password(GOOD)
    assert passwords.verify(stored, GOOD)
    assert not passwords.verify(stored, typed)


def test_nothing_of_a_long_password_is_cut_off():
    long = "x" * 127
    assert not passwords.verify(passwords.hash_password(long + "a"), long + "b")


def test_the_same_letters_from_another_keyboard_are_the_same_password():
    stored = passwords.hash_password(unicodedata.normalize("NFC", "ñandú corre por el río"))
    assert passwords.verify(stored, unicodedata.normalize("NFD", "ñandú corre por el río"))


def test_passwords_are_stored_with_argon2id_at_the_promised_cost(real_parameters):
    assert passwords.hash_password(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_a_hash_of_the_earlier_portal_still_verifies_and_is_outdated(prefix):
    stored = bcrypt.hashpw(b"old password", bcrypt.gensalt(4)).decode().replace("$2b$", prefix)
    assert passwords.verify(stored, "old password")
    assert not passwords.verify(stored, "old passwort")
    assert passwords.is_outdated(stored)
    assert not passwords.is_outdated(passwords.hash_password("old password"))


def test_a_very_long_password_against_an_old_hash_is_wrong_and_not_an_error():
    assert not passwords.verify(bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode(), "x" * 500)


def test_nobody_has_a_password():
    assert not passwords.verify(None, "")
    assert not passwords.verify("no hash at all", GOOD)
