"""Passwords: what is accepted, how they are hashed, and how a typed one is compared.

Argon2id; bcrypt hashes of the earlier portal are compared once and then replaced. Text is normalised to NFKC,
so that a password typed on another keyboard is the same password; nothing else is changed and nothing is cut off.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.domain.permissions import Role

LONGEST = 128
SHORTEST = {Role.STUDENT: 12, Role.TRAINER: 15, Role.ADMIN: 15}
LEAST_SCORE = 3  # of zxcvbn's 0 to 4: about 10^8 guesses, out of reach for somebody guessing at our door
ESTIMATED_LENGTH = 72  # zxcvbn takes no more; what is stronger than enough there is stronger than enough
LEFT_OVER = 8  # characters that must remain when words anyone would guess are taken away
BCRYPT_BYTES = 72  # the earlier portal's library ignored what came after
CONTEXT_WORDS = ("kmmedia", "kmmti", "km media", "media", "training", "institute", "portal", "akatsi", "volta", "ghana")

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turns = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))  # each hash takes a core for a moment, and 19 MiB


def use(hasher: PasswordHasher) -> None:
    """Hash with these parameters from now on. Tests take cheap ones."""
    global _hasher
    _hasher = hasher
    _nobody.cache_clear()


def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    with _turns:
        return _hasher.hash(_normal(password))


def verify(stored: str | None, password: str) -> bool:
    """Return whether this is the password. Where there is none stored, the answer takes as long."""
    if stored is not None and stored.startswith("$2"):
        return _verify_bcrypt(stored, password)
    with _turns:
        try:
            return _hasher.verify(stored or _nobody(), _normal(password)[: LONGEST + 1]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Return whether a hash should be made anew now that the password is at hand."""
    return stored.startswith("$2") or _hasher.check_needs_rehash(stored)


def problem_with(
    password: str, role: Role, *, own_words: Iterable[str] = (), breached: str | Path | None = None
) -> str | None:
    """Return the sentence that says why this password is not accepted, or None.

    `own_words` are the person's names and addresses; `breached` is a file of passwords, one in a line.
    """
    from zxcvbn import zxcvbn  # its lists fill a tenth of a process, and passwords are chosen seldom
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    text = _normal(password)
    if len(text) < SHORTEST[role]:
        return (
            f"Use at least {SHORTEST[role]} characters. Four or five words that belong to no saying are easy to keep."
        )
    if len(text) > LONGEST:
        return f"Use at most {LONGEST} characters."
    words = _guessable(own_words)
    if text.casefold() in FREQUENCY_LISTS["passwords"] or text in _breached_passwords(breached):
        return "This password is on lists that attackers try first. Choose another one."
    if _without(text, words) < LEFT_OVER:
        return "This is mostly your own or the institute's name. Choose words nobody would connect with you."
    if zxcvbn(text[:ESTIMATED_LENGTH], user_inputs=words)["score"] < LEAST_SCORE:
        return "This password is easy to guess. Add a word or two that do not belong together."
    return None


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _verify_bcrypt(stored: str, password: str) -> bool:
    with _turns:
        try:
            return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], stored.encode())
        except ValueError:
            return False


@cache
def _nobody() -> str:
    """A hash that no password has, to compare with where there is no account."""
    return _hasher.hash(os.urandom(32).hex())


def _guessable(own_words: Iterable[str]) -> list[str]:
    """Words that add nothing to a password here, the longest first."""
    parts = [part for words in own_words for part in re.split(r"[\W_]+", words.casefold())]
    return sorted({word for word in (*CONTEXT_WORDS, *parts) if len(word) >= 3}, key=len, reverse=True)


def _without(text: str, words: list[str]) -> int:
    """Return how many letters and digits remain when the words and the numbers about them are taken away."""
    left = text.casefold()
    taken = False
    for word in words:
        taken = taken or word in left
        left = left.replace(word, " ")
    if not taken:
        return len(text)
    return len(re.sub(r"[\W\d_]", "", left))


@cache
def _breached_passwords(file: str | Path | None) -> frozenset[str]:
    """Return the listed passwords that could be accepted at all; shorter ones are refused anyway."""
    if not file:
        return frozenset()
    with Path(file).open(encoding="utf-8", errors="replace") as lines:
        stripped = (line.rstrip("\r\n") for line in lines)
        return frozenset(_normal(line) for line in stripped if len(line) >= min(SHORTEST.values()))
