"""What a receipt is known by: a number that can be said and checked, and a code that cannot be guessed."""

from __future__ import annotations

import re
import secrets

CHECK_LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ"
"""Without I, O and U, which are misheard and misread; 23 of them, a prime, so that one wrong digit
or two that changed places always give another letter."""
CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""32 letters and digits, 5 bits each, without I, L, O and U."""
CODE_LENGTH = 16  # 80 random bits: nobody finds a code by trying
MISREAD = str.maketrans("ILO", "110")  # what is not among the letters and looks like one that is
GROUP = 4  # letters at a time can be said over the telephone

_NUMBER = re.compile(r"S(\d{2})-?(\d{6,})-?([A-Z])", re.IGNORECASE)


def receipt_number(year: int, sequence: int) -> str:
    """Return the number of a receipt, such as `S26-000147-M`: year, running number, check letter."""
    digits = f"{year % 100:02}{sequence:06}"
    return f"S{digits[:2]}-{digits[2:]}-{_check_letter(digits)}"


def normal_number(text: str) -> str | None:
    """Return a receipt's number as it is written, from how a person typed it; None where the check letter differs."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    year, sequence, letter = found.groups()
    if _check_letter(year + sequence) != letter.upper():
        return None
    return f"S{year}-{sequence}-{letter.upper()}"


def receipt_path(number: str, code: str) -> str:
    """Return where anybody who holds a receipt can have it verified."""
    return f"/receipts/{number}-{code}"


def read_receipt(text: str) -> tuple[str, str] | None:
    """Return number and code of a receipt, from how a person typed one after the other; None where it is none."""
    letters = re.sub(r"[\s\-\u2010-\u2015]", "", text).upper()
    number = normal_number(letters[:-CODE_LENGTH])
    code = letters[-CODE_LENGTH:].translate(MISREAD)
    if number is None or not set(code) <= set(CODE_LETTERS):
        return None
    return number, _in_groups(code)


def read_sha256(text: str) -> str | None:
    """Return a SHA-256 as it is written, from how a person typed or copied it; None where it is none."""
    letters = re.sub(r"[\s:]", "", text).lower()
    return letters if re.fullmatch(r"[0-9a-f]{64}", letters) else None


def new_code() -> str:
    """Return a random code in groups, such as `7KQM-2XPD-9RTV-H4NC`."""
    return _in_groups("".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH)))


def _in_groups(letters: str) -> str:
    return "-".join(letters[start : start + GROUP] for start in range(0, CODE_LENGTH, GROUP))


def _check_letter(digits: str) -> str:
    return CHECK_LETTERS[int(digits) % len(CHECK_LETTERS)]
