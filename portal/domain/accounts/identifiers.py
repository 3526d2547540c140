"""The three names a person signs in with: e-mail address, phone number, student number; how each is recognised.

A student number such as KM26-0147-K is short enough to say aloud. Its last letter is a check character:
the digits times ten, modulo 23, which shows any one wrong digit and any two swapped ones.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

HOME_REGION = "GH"  # 024… means +233 24…
CHECK_CHARACTERS = "ABCDEFGHJKLMNPQRSTVWXYZ"  # 23, a prime; without I, O and U, which are misread or misheard
LONGEST_EMAIL = 254  # RFC 5321

_EMAIL = re.compile(r"[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+\.[^@\s.<>()\[\],;:\\\"]{2,}")
_STUDENT_NUMBER = re.compile(r"KM(\d{2})(\d{4,9})([A-Z])", re.ASCII)


class IdentifierKind(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    STUDENT_NUMBER = "student-number"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Identifier:
    """What somebody typed to say who they are, in its normal form."""

    kind: IdentifierKind
    value: str


def recognise(typed: str) -> Identifier:
    """Return which of the three names this is, in the form in which it is stored."""
    if (email := normal_email(typed)) is not None:
        return Identifier(IdentifierKind.EMAIL, email)
    if (number := student_number(typed)) is not None:
        return Identifier(IdentifierKind.STUDENT_NUMBER, number)
    if (phone := normal_phone(typed)) is not None:
        return Identifier(IdentifierKind.PHONE, phone)
    return Identifier(IdentifierKind.UNKNOWN, _plain(typed)[:LONGEST_EMAIL].casefold())


def normal_email(typed: str) -> str | None:
    """Return an e-mail address in lower case, or None if this is none."""
    text = _plain(typed).lower()
    if len(text) > LONGEST_EMAIL or ".." in text or not _EMAIL.fullmatch(text):
        return None
    return text


def normal_phone(typed: str) -> str | None:
    """Return a phone number in the form +233241234567, or None if this is none."""
    text = _plain(typed)
    if len(text) > 40:  # the longest number with every separator; longer text is not worth parsing
        return None
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def make_student_number(year: int, sequence: int) -> str:
    """Return the student number of a sequence number given in a year."""
    digits = f"{year % 100:02d}{sequence:04d}"
    return f"KM{digits[:2]}-{digits[2:]}-{_check_character(digits)}"


def student_number(typed: str) -> str | None:
    """Return a student number as it is written on papers, or None if this is none or has a wrong letter or digit."""
    match = _STUDENT_NUMBER.fullmatch(re.sub(r"[\s\-–./]", "", _plain(typed)).upper())
    if match is None:
        return None
    year, sequence, check = match.groups()
    if check != _check_character(year + sequence):
        return None
    return f"KM{year}-{sequence}-{check}"


def _check_character(digits: str) -> str:
    return CHECK_CHARACTERS[int(digits) * 10 % len(CHECK_CHARACTERS)]


def _plain(typed: str) -> str:
    return unicodedata.normalize("NFKC", typed).replace("\0", "").strip()
