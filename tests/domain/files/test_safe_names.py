"""Names that people gave their files land on any machine as one file each, and never outside their folder."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.files.safe_names import LONGEST_NAME, ending_of, safe_name

NASTY = st.text() | st.text(alphabet='./\\:*?"<>|~ \x00\u202e\t' + "aA¹conprnNUL.")
DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³")}


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Ama's film – final.MP4", "Ama's film – final.MP4"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("C:\\Windows\\win.ini", "C--Windows-win.ini"),
        ("what?*.mov", "what--.mov"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("com¹.txt", "_com¹.txt"),
        ("concert.mp3", "concert.mp3"),
        (".hidden", "hidden"),
        ("ends with. . .", "ends with"),
        ("", "file"),
        ("...", "file"),
        ("gpj.\u202eexe", "gpj. exe"),
        ("a\x00b.txt", "a b.txt"),
        ("x" * 300 + ".jpeg", "x" * (LONGEST_NAME - 5) + ".jpeg"),
    ],
)
def test_a_name_is_made_fit_for_every_system(given_name: str, name: str) -> None:
    assert safe_name(given_name) == name


def test_names_that_a_disk_holds_for_one_are_told_apart() -> None:
    taken: set[str] = set()
    names = [safe_name(name, taken) for name in ("a.jpg", "A.JPG", "a.jpg", "é.jpg", "e\u0301.jpg", "a (2).jpg")]
    assert names == ["a.jpg", "A (2).JPG", "a (3).jpg", "é.jpg", "é (2).jpg", "a (2) (2).jpg"]


@given(st.lists(NASTY, max_size=20))
def test_no_name_is_a_path_or_a_device_or_there_twice(names: list[str]) -> None:
    taken: set[str] = set()
    safe = [safe_name(name, taken) for name in names]
    for name in safe:
        assert 0 < len(name) <= LONGEST_NAME
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name)
        assert name == name.strip(". ")
        assert name.partition(".")[0].strip().casefold() not in DEVICES
    assert len({unicodedata.normalize("NFC", name.casefold()) for name in safe}) == len(names)


@pytest.mark.parametrize(
    ("name", "ending"),
    [("film.MOV", ".mov"), ("tar.gz", ".gz"), ("none", ""), ("Ama Mensah.my work", ""), (".jpg", ""), ("a.é", "")],
)
def test_an_ending_tells_the_kind_and_no_more(name: str, ending: str) -> None:
    assert ending_of(name) == ending
