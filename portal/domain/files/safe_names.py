"""Names of files for a folder on somebody else's machine: whole, told apart, and never a path. Pure rules.

Windows is the strictest of the systems they land on (Microsoft, "Naming Files, Paths, and Namespaces").
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 100  # characters; with two folders above, a path stays under the 260 of Windows
LONGEST_ENDING = 10
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_name(given: str, taken: set[str] | None = None) -> str:
    """Return a name that every system takes for one file or folder and that none of those `taken` has.

    Windows and macOS hold `Photo.JPG` and `photo.jpg` for one, so names are told apart without their capitals. What
    is returned is put among the taken ones.
    """
    stem, ending = _parts(_cleaned(given))
    taken = set() if taken is None else taken
    name, number = _joined(stem, ending), 1
    while _seen_as(name) in taken:
        number += 1
        name = _joined(stem, ending, f" ({number})")
    taken.add(_seen_as(name))
    return name


def ending_of(name: str) -> str:
    """Return the ending of a name with its dot, in small letters, where it has a plain one; else nothing."""
    _, ending = _parts(_cleaned(name))
    return ending.lower() if ending.isascii() else ""


def _cleaned(given: str) -> str:
    name = unicodedata.normalize("NFC", given)
    name = "".join(" " if unicodedata.category(each) in _INVISIBLE else each for each in name)
    name = " ".join(_FORBIDDEN.sub("-", name).split()).strip(". ") or "file"
    return f"_{name}" if _DEVICE.match(name) else name


def _parts(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > LONGEST_ENDING or not ending.isalnum():
        return name, ""
    return stem, f".{ending}"


def _joined(stem: str, ending: str, number: str = "") -> str:
    return stem[: LONGEST_NAME - len(ending) - len(number)].rstrip(". ") + number + ending


def _seen_as(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
